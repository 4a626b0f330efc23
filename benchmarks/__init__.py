"""Measurements behind the defaults, the results and the figures of the docs."""
