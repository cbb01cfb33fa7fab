"""HTTP server for a finished run: recommendations, items and their changes as JSON. Needs the extra `serve`."""
