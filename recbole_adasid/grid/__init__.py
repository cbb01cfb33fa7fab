"""Tokenizers × seeds × datasets through the same TIGER, and other recommenders beside it, for tables."""
