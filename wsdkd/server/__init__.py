"""A student that answers over HTTP: JSON for programs, and a page to try it."""
