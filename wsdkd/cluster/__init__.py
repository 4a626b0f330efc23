"""Work on pictures spread over the machines of a Dask cluster, where one is named."""
