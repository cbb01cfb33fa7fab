"""Everything that touches the internals of RecBole."""
