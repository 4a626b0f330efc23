"""Each loss a pure function with its equation."""
