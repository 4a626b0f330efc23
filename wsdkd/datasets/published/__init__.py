"""Datasets in a form of their own: NUS-WIDE and Open Images."""
