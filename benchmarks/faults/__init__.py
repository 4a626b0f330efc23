"""Faults on purpose: kills, damaged files, scarce resources, two of everything, a long run."""
