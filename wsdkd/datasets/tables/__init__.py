"""Tables: CSV, JSON Lines and Parquet files with a path and labels a row."""
