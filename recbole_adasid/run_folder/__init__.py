"""Writing and reading run folders."""
