"""Time and memory of every stage against the number of images and of proposals."""
