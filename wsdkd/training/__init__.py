"""The loop, loaders, views and processes that train any network; no method is known here."""
