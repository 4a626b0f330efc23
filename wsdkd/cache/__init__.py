"""The teacher's outputs on disk: written once, read by every student."""
