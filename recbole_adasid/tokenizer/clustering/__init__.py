"""Tokenizers without an encoder: k-means, product quantisation, and the families built on them."""
