"""RecBole's other recommenders on the data of TIGER, under its evaluation, into a run folder like its own."""
