"""TIGER and LIGER in plain torch: the models, their catalogue of items, and how they are built and optimised."""
