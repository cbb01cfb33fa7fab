"""Settings: reading YAML, presets, what a value has to be, what settings out of a file may do."""
