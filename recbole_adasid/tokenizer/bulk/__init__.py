"""Semantic IDs of catalogues that stay on disk, shard by shard."""
