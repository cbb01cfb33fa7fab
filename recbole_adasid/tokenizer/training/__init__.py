"""Training of an autoencoder: batches, steps, the start and revival of codewords, and the state to resume from."""
