"""Item features: one vector per item, from files, texts, images and behaviour, and their fusion."""
