"""Entry point of the converter: python -m recbole_adasid.data.raw --help."""
