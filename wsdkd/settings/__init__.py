"""How a section of params.yaml is read, and refused by its full name; each room has its own params.py."""
