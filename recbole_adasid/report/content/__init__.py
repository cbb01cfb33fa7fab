"""What the sections of a report say, in plain values."""
