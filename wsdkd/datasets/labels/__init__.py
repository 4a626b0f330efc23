"""Labels by name: cells and texts that hold them, and the joining of what is said of one image."""
