"""LIGER's dense part: what it reads of an item, scores by vectors, and their losses."""
