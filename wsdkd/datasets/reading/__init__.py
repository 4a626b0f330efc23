"""What all readers share: records, paths, names, words for splits."""
