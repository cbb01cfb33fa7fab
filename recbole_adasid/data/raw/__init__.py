"""Where the converter is started: python -m recbole_adasid.data.raw --help."""
