"""Constrained beam search against Hugging Face's `generate` with `prefix_allowed_tokens_fn`: same network, same beam.

python -m benchmarks.beam_search --data_path=data
"""

from __future__ import annotations

import argparse
import functools
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import networks, toys
from benchmarks.measuring import Measurement, median_ratio
from recbole_adasid.compute.precision import has_bfloat16
from recbole_adasid.model.tiger import TIGERModel

K = 10


def our_search(model: TIGERModel, history: Tensor, lengths: Tensor, beam_size: int, bfloat16: bool) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
        return model.recommend(history, lengths, k=K, beam_size=beam_size)[0]


def children_of_prefixes(tokens: Tensor) -> dict[tuple[int, ...], list[int]]:
    """Return the tokens that may follow each prefix of the catalogue ``tokens`` [N, S]: what the peer looks up."""
    children: dict[tuple[int, ...], set[int]] = defaultdict(set)
    for row in tokens.tolist():
        for level, token in enumerate(row):
            children[tuple(row[:level])].add(token)
    return {prefix: sorted(following) for prefix, following in children.items()}


def peer_search(model: Any, tokens: Tensor, children: dict, history: Tensor, beam_size: int) -> Tensor:
    inputs = tokens[history].flatten(1)
    return model.generate(
        input_ids=inputs,
        attention_mask=(inputs > 0).long(),
        num_beams=beam_size,
        num_return_sequences=K,
        max_new_tokens=tokens.shape[1],
        do_sample=False,
        prefix_allowed_tokens_fn=lambda _, ids: children.get(tuple(ids[1:].tolist()), [0]),
    )


def main() -> None:
    """Print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_path", type=Path, default=None, help="folder of amazon-toys; without it, random codes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--users", type=int, default=256, help="users that we decode a round, in one batch")
    parser.add_argument("--peer_users", type=int, default=32, help="users that the peer decodes a round, in one batch")
    parser.add_argument("--beam_size", type=int, default=50)
    parser.add_argument("--size", default="paper", choices=("tiny", "small", "paper"))
    arguments = parser.parse_args()
    torch.manual_seed(0)
    ours = networks.our_model(toys.semantic_ids(arguments.data_path), arguments.size).eval()
    peer = networks.peer_model(ours.catalogue, arguments.size).eval()
    tokens = networks.peer_tokens(ours.catalogue)
    children = children_of_prefixes(tokens[1:])
    lengths = toys.history_lengths(arguments.users)
    history = toys.histories(lengths, toys.LONGEST)
    # Where its products are slow, evaluation ignores eval_bf16.
    for bfloat16 in (False, True)[: 1 + has_bfloat16(torch.device("cpu"))]:
        ratio, ours_s, peer_s = median_ratio(
            functools.partial(our_search, ours, history, lengths, arguments.beam_size, bfloat16),
            lambda: peer_search(peer, tokens, children, history[: arguments.peer_users], arguments.beam_size),
            arguments.rounds,
        )
        Measurement(
            stage=f"constrained beam search, beam {arguments.beam_size}, {arguments.size} size"
            + (", eval_bf16" if bfloat16 else ""),
            against="Hugging Face generate(prefix_allowed_tokens_fn=…)",
            value=ratio * arguments.users / arguments.peer_users,
            target=15.0,
            detail=f"{arguments.users / ours_s:,.1f} against {arguments.peer_users / peer_s:,.1f} users/s",
        ).print()


if __name__ == "__main__":
    main()
