"""Item pairs (trigger, target): Swing and other miners, and pair files."""
