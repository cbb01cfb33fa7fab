"""How the sections of a report look."""
