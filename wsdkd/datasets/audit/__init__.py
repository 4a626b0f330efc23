"""What a person should know about a dataset before any training."""
