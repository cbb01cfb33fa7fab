"""Hyperparameter search with RecBole's tuner, by the scorecard's proxy or by validation."""
