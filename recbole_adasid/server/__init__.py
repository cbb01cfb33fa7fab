"""A finished run behind HTTP: recommendations, items and their changes as JSON. Needs the extra `serve`."""
