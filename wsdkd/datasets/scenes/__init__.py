"""The embedded dataset: drawn scenes with known boxes."""
