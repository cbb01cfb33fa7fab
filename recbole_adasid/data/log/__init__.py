"""Interactions that do not fit in memory: read, numbered, filtered and sorted in files."""
