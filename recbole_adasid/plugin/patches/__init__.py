"""What is mended in RecBole itself, one file a fault."""
