"""Labels that are likely wrong or missing: who doubts them, and the page on which people decide."""
