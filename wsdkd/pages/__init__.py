"""Pages for a browser, each one file that needs no network: the frame that all of them share."""
