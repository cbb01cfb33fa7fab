"""Converting raw reviews and metadata from other formats into atomic files."""
