"""Work on pictures spread over the machines of a Dask cluster, where one is named.

``map_pictures`` is what the other rooms call: it works here, or hands over to ``dask_map``, which alone
needs Dask.
"""
