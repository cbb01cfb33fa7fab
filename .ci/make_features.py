"""Write random features of ml-100k's items to an .npz file: `python make_features.py FILE`."""

import sys

import numpy as np

items = np.array([str(item) for item in range(1, 1683)])
vectors = np.random.default_rng(0).standard_normal((len(items), 64)).astype(np.float32)
np.savez(sys.argv[1], item_id=items, embedding=vectors)
