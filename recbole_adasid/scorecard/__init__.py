"""Compare tokenizers on a dataset before any recommender is trained: python -m recbole_adasid.scorecard --help."""
