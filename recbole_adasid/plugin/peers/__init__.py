"""RecBole's other recommenders on TIGER's data and evaluation, with the same kind of run folder."""
