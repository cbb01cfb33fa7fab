"""Serving a finished run: recommendations, added and removed items."""
