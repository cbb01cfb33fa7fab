"""A finished run at work: recommendations, and items that come and go."""
