"""Item tokenizers: features and collaborative pairs in, Semantic IDs out."""
