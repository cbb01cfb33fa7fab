"""Raw reviews and metadata of other people's formats, turned into atomic files."""
