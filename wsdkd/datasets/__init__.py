"""Readers of dataset layouts, and the check of every image they name."""
