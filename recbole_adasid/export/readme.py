"""The page in an exported folder: what is in it, and how to use it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from recbole_adasid.serving.recommender import Recommender


def transformers_readme(recommender: Recommender, reads: str) -> str:
    """Return the page of `--to=transformers`; ``reads`` is the run's `encoder_input`."""
    files = {
        "model.safetensors, config.json": "a `T5ForConditionalGeneration`",
        "generation_config.json": "with these values `generate` is the run's beam search",
        "recommend.py": "the code above as functions and as a script",
        **({"item_vectors.npy": "what the encoder reads of each item, as `inputs_embeds`"} if reads == "items" else {}),
        **_COMMON,
    }
    title = f"{_title(recommender)} as a T5 of transformers"
    return _page(title, _TRANSFORMERS.format(items=_example(recommender)), files)


def torch_readme(recommender: Recommender, retrievals: Sequence[str]) -> str:
    """Return the page of `--to=torch`; ``retrievals`` are those that the folder has programs for."""
    files: dict[str, str] = {}
    if "generative" in retrievals:
        files["encoder.pt2"] = "(items [B, T], lengths [B]) → memory, a tuple of tensors"
        files["step.pt2"] = "(prefixes [B, W, P], *memory) → log-probabilities [B, W, vocab_size] of the next token"
    if "dense" in retrievals:
        files["user.pt2"] = "(items [B, T], lengths [B]) → user vectors [B, D]"
        files["item_keys.npy"] = "float32 [items + 1, D]: products with user vectors are scores, by item number"
    files |= {"recommend.py": "beam search and dense retrieval with these programs; also a script", **_COMMON}
    title = f"{_title(recommender)} as programs of torch.export"
    return _page(title, _TORCH.format(items=_example(recommender), torch=torch.__version__.split("+")[0]), files)


def constraints_readme(recommender: Recommender) -> str:
    """Return the page of `--to=constraints`."""
    files = {**_COMMON, "static.npz": "the same tree as a transition table of STATIC, with one dense level"}
    return _page(f"Semantic IDs of {_title(recommender)} as constraints", _CONSTRAINTS, files)


def _title(recommender: Recommender) -> str:
    return f"{recommender.run_settings['model']} on {recommender.run_settings['dataset']}"


def _example(recommender: Recommender) -> str:
    return repr(recommender.tokens[:2])


def _page(title: str, usage: str, files: dict[str, str]) -> str:
    lines = [f"| `{name}` | {about} |" for name, about in files.items()]
    return "\n".join([f"# {title}", "", usage.strip(), "", "| file | content |", "| --- | --- |", *lines, ""])


_COMMON = {
    "items.json": "the tokens of each item",
    "tree.npz": "the prefix tree of the items that may be recommended",
    "semantic_ids.py": "reads both; needs NumPy only",
    "export.json": "describes the numbers and every array",
}
_TRANSFORMERS = """
In this folder, with NumPy, torch and transformers:

```python
from recommend import inputs, load

model, ids = load()
histories = [{items}]  # items, oldest first
found = model.generate(
    **inputs(ids, histories),
    prefix_allowed_tokens_fn=ids.prefix_allowed_tokens_fn(exclude=histories),
)
best = ids.ranked(found.sequences, found.sequences_scores, n_histories=len(histories), k=10, exclude=histories)
```

`best` has a list of items and log-probabilities for each history. `recommend(model, ids, histories, k=10)` does all of
it, and `python recommend.py ITEM ITEM …` prints it. transformers 5 says on loading that embedding and head are not
tied: that is right.
"""
_TORCH = """
In this folder, with NumPy and torch:

```python
from recommend import Recommender

recommender = Recommender()
best = recommender.recommend([{items}], k=10)  # histories of items, oldest first
```

`python recommend.py ITEM ITEM …` prints it. Items are numbered as in items.json, from 1; histories are padded on the
right with 0. A prefix is 0 and the tokens so far. Numbers of histories, items in them and beams are free. The programs
run on the CPU; load them with torch {torch} or later.
"""
_CONSTRAINTS = """
`tree.npz` is a tree in compressed sparse rows: the tokens that may follow a prefix are
`tokens[row_pointers[state]:row_pointers[state + 1]]`, and each edge e leads to state e + 1. The root is state 0.

```python
import numpy as np

tree = np.load("tree.npz")
state = 0  # nothing generated yet
begin, end = tree["row_pointers"][state : state + 2]
allowed = tree["tokens"][begin:end]  # the first tokens
state = begin + np.searchsorted(allowed, allowed[0]) + 1  # after the first of them
```

`SemanticIds` in semantic_ids.py walks it by item names. `static.npz` has what `build_static_index` of
youtube/static-constraint-decoding returns for d=1 and the vocab_size of export.json.
"""
