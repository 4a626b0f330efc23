"""Damaged files: every file that the program reads is broken at random, and read."""
