"""Interactions larger than memory: read, numbered, filtered and sorted in files."""
