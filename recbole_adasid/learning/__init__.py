"""Semantic IDs learned for a dataset: stage by stage, also with items held out, and places for new items."""
