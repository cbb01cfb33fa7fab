"""Experiment trackers, which get the same scalars as TensorBoard."""
