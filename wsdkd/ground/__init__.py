"""What every room stands on: errors, files, ids, progress, workers, digests. No torch, no parameters."""
