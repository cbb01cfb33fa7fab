"""One job on several processes: who takes part, which rows are whose, and what has to be brought together."""
