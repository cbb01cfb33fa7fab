"""Files that go into exported folders as they are: they need NumPy, and torch or transformers, but not this package."""
