"""RecBole's datasets with this package's examples: reading, preparing, filtering, splitting and batching."""
