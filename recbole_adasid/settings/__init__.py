"""Settings: reading YAML, presets, validation rules, and what settings from a file may do."""
