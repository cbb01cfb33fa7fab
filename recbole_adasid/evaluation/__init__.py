"""Analysis of held-out items' ranks beyond a mean."""
