"""Hyperparameters searched with RecBole's tuner, by the scorecard's proxy or by validation, trial by trial."""
