"""The content of a report's sections, as plain values."""
