"""Every image held against its annotations, repeats found, and splits set aside."""
