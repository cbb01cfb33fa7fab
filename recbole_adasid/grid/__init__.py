"""Run tokenizers × seeds × datasets with the same TIGER, and other recommenders, for result tables."""
