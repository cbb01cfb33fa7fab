"""Compare tokenizers on a dataset without training a recommender: recbole-adasid scorecard --help."""
