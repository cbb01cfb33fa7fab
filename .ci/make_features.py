"""Write made-up features of ml-100k's items to an .npz file: `python make_features.py FILE`."""

import sys

import numpy as np

# Eight hidden factors spread over 64 columns: something that an autoencoder can learn within few steps.
rng = np.random.default_rng(0)
items = np.array([str(item) for item in range(1, 1683)])
vectors = rng.standard_normal((len(items), 8)) @ rng.standard_normal((8, 64))
np.savez(sys.argv[1], item_id=items, embedding=vectors.astype(np.float32))
