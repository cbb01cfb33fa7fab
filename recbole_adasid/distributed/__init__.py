"""One job on several processes: who takes part, which rows are whose, and what is exchanged."""
