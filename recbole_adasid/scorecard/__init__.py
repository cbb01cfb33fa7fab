"""Compare tokenizers on a dataset before any recommender is trained: recbole-adasid scorecard --help."""
