"""TIGER's network: embeddings of items, transformer blocks with relative positions, encoder and decoder."""
