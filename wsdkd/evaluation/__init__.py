"""Metrics of classification, detection and cost, and their plots."""
