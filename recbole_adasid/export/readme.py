"""README.md of an exported folder: how to use it, and what is in it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from recbole_adasid.io.markdown import table
from recbole_adasid.serving.recommender import Recommender


def transformers_readme(recommender: Recommender, reads: str) -> str:
    """Return the README of `--to=transformers`; ``reads`` is the run's `encoder_input`."""
    files = {
        "model.safetensors, config.json": "a `T5ForConditionalGeneration`",
        "generation_config.json": "settings that make `generate` the run's beam search",
        "recommend.py": "the code above as functions and as a script",
        **(
            {"item_vectors.npy": "the encoder's input vector for each item, passed as `inputs_embeds`"}
            if reads == "items"
            else {}
        ),
        **_COMMON,
    }
    title = f"{_title(recommender)} as a transformers T5"
    return _page(title, _TRANSFORMERS.format(items=_example(recommender)), files)


def torch_readme(recommender: Recommender, retrievals: Sequence[str]) -> str:
    """Return the README of `--to=torch`; ``retrievals`` are those that the folder has programs for."""
    files: dict[str, str] = {}
    if "generative" in retrievals:
        files["encoder.pt2"] = "(items [B, T], lengths [B]) → memory, a tuple of tensors"
        files["step.pt2"] = (
            "(prefixes [B, W, P], *memory) → log-probabilities [B, W, vocab_size] of the next token among all of its "
            "level; `NextTokens` turns them into the run's scores"
        )
    if "dense" in retrievals:
        files["user.pt2"] = "(items [B, T], lengths [B]) → user vectors [B, D]"
        files["item_keys.npy"] = "float32 [items + 1, D], by item number, to multiply with user vectors"
        files["item_biases.npy"] = "float32 [items + 1]: added to these products, which gives the scores"
    files |= {"recommend.py": "beam search and dense retrieval with these programs; also a script", **_COMMON}
    title = f"{_title(recommender)} as torch.export programs"
    return _page(title, _TORCH.format(items=_example(recommender), torch=torch.__version__.split("+")[0]), files)


def constraints_readme(recommender: Recommender) -> str:
    """Return the README of `--to=constraints`."""
    files = {**_COMMON, "static.npz": "the same tree as a transition table of STATIC, with one dense level"}
    return _page(f"Semantic IDs of {_title(recommender)} as constraints", _CONSTRAINTS, files)


def _title(recommender: Recommender) -> str:
    return f"{recommender.run_settings['model']} on {recommender.run_settings['dataset']}"


def _example(recommender: Recommender) -> str:
    return repr(recommender.tokens[:2])


def _page(title: str, usage: str, files: dict[str, str]) -> str:
    rows = [[f"`{name}`", about] for name, about in files.items()]
    return "\n".join([f"# {title}", "", usage.strip(), "", table(["file", "content"], rows), ""])


_COMMON = {
    "items.json": "the tokens of each item",
    "tree.npz": "the prefix tree of the items that may be recommended",
    "semantic_ids.py": "reads both; needs NumPy only",
    "export.json": "metadata, and a description of every array",
}
_TRANSFORMERS = """
In this folder, with NumPy, torch and transformers:

```python
from recommend import inputs, load

model, ids = load()
histories = [{items}]  # items, oldest first
found = model.generate(
    **inputs(ids, histories),
    logits_processor=[ids.logits_processor(histories, exclude=histories)],
)
best = ids.ranked(found.sequences, found.sequences_scores, n_histories=len(histories), k=10, exclude=histories)
```

`best` has a list of items and log-probabilities for each history. `recommend(model, ids, histories, k=10)` does all of
this in one call, and `python recommend.py ITEM ITEM …` prints the result. transformers 5 warns on loading that
embedding and head are not tied; that is intended.
"""
_TORCH = """
In this folder, with NumPy and torch:

```python
from recommend import Recommender

recommender = Recommender()
best = recommender.recommend([{items}], k=10)  # histories of items, oldest first
```

`python recommend.py ITEM ITEM …` prints the result. Items are numbered in the order of items.json, from 1; histories
are padded on the right with 0. A prefix is 0 followed by the tokens so far. The numbers of histories, items per history
and beams are dynamic. The programs run on the CPU; load them with torch {torch} or later.
"""
_CONSTRAINTS = """
`tree.npz` is the prefix tree as compressed sparse rows: the tokens that may follow a prefix are
`tokens[row_pointers[state]:row_pointers[state + 1]]`, and edge e leads to state e + 1. The root is state 0.

```python
import numpy as np

tree = np.load("tree.npz")
state = 0  # nothing generated yet
begin, end = tree["row_pointers"][state : state + 2]
allowed = tree["tokens"][begin:end]  # the first tokens
state = begin + np.searchsorted(allowed, allowed[0]) + 1  # after the first of them
```

`SemanticIds` in semantic_ids.py walks the tree and knows the items' names. `static.npz` has the arrays that
`build_static_index` of youtube/static-constraint-decoding returns for d=1 and the vocab_size of export.json.
"""
