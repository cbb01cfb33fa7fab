"""Experiment trackers that get the scalars of TensorBoard too."""
