"""Hyperparameters searched with RecBole's tuner, on the scorecard's proxy or on validation: resumable trial by trial."""
