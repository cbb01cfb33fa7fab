"""Item features: one vector an item, from files, texts, images and behaviour, and their fusion."""
