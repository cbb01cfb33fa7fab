"""What the ranks of held-out items say, beyond a mean."""
