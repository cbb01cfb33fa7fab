"""Regulations of Semantic-ID overlaps, pluggable into any trainable tokenizer."""
