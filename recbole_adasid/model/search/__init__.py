"""Which items come next: constrained beam search, exact scores of all items, and items left out of lists."""
