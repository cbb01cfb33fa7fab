"""TIGER: transformer blocks, prefix tree and constrained beam search."""
