"""Item pairs, trigger and target: Swing and the other miners, and files of pairs."""
