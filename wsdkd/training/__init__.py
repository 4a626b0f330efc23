"""The loop, the loaders, schedules and checkpoints."""
