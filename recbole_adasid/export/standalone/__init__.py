"""Files copied verbatim into exported folders: they need NumPy, and torch or transformers, but not this package."""
