"""Which student is in use: what takes its place and when, and the way back."""
