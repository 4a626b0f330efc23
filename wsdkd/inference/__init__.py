"""Forward passes over whole datasets, without gradients."""
