"""Settings as RecBole's Config: defaults, allowed values, checks between settings, and those saved with a run."""
