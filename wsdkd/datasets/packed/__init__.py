"""Pictures that lie within other files: Parquet of the Hugging Face hub, and tar shards."""
