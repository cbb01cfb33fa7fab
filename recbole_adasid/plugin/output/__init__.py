"""What a run leaves behind: its facts, results, item vectors, examples and report."""
