"""Folders of a class, and pictures with a text file of labels beside each."""
