"""A prepared dataset as a page for a browser."""
