"""How a report's sections are drawn."""
