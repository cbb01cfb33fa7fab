"""Everything that touches RecBole: registration, config, dataset, trainer."""
