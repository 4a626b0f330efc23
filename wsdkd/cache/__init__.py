"""The teacher's outputs on disk: their format and how they are read; writing is a room of its own."""
