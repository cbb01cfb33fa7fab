"""User and item data: interactions, histories, windows, item tables, and their files."""
