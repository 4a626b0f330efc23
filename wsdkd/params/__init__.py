"""Typed, frozen sections of params.yaml, a file a section."""
