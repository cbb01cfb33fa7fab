"""Model repositories on the hub: layout, download, model card, upload."""
