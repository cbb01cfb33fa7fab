"""First pass of an assignment: the codes of each feature shard, independently and by any number of workers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from tqdm import tqdm

from recbole_adasid.distributed.ray_cluster import Outcome, Workers
from recbole_adasid.io.digests import file_digest
from recbole_adasid.io.parquet import require_pyarrow
from recbole_adasid.tokenizer.base import ItemTokenizer
from recbole_adasid.tokenizer.bulk.blocks import ROWS_AT_ONCE, encode_blocks
from recbole_adasid.tokenizer.bulk.feature_shards import read_shard
from recbole_adasid.tokenizer.bulk.sid_shards import Assigned, is_done, target_of, write_assigned


class Encoded(NamedTuple):
    """Outcome of one shard."""

    items: int
    fingerprint: str
    reused: bool


def assign_codes(
    workers: Workers, tokenizer: ItemTokenizer, shards: Sequence[Path], out: Path, *, progress: bool = False
) -> tuple[dict[Path, Encoded], list[Outcome]]:
    """Write the codes of each shard that lacks them, and return what was done per shard, and the failed ones.

    A failing shard does not stop the others.

    Args:
        workers: encode the shards.
        tokenizer: frozen.
        shards: feature files.
        out: results folder; its files carry a fingerprint of tokenizer and shard, so finished ones are recognised.
        progress: show a bar.
    """
    encode, digest = workers.task(encode_shard), tokenizer_digest(tokenizer)
    shared = workers.share(tokenizer)
    found: dict[Path, Encoded] = {}
    failures = []
    with tqdm(total=len(shards), desc="Semantic IDs", unit="shard", disable=not progress) as bar:
        for outcome in workers.each(lambda shard: encode(shared, digest, shard, out), shards):
            if outcome.error is not None:
                failures.append(outcome)
            else:
                found[outcome.job] = outcome.result
            fresh = sum(one.items for one in found.values() if not one.reused)
            rate = fresh / max(bar.format_dict["elapsed"], 1e-9)
            bar.set_postfix_str(f"{fresh:,} items, {rate:,.0f}/s, {sum(one.reused for one in found.values())} reused")
            bar.update()
    return found, failures


def encode_shard(tokenizer: ItemTokenizer, digest: str, shard: Path, out: Path) -> Encoded:
    """Write the codes of one shard, unless they exist.

    Raises:
        FileNotFoundError: if the shard is gone.
        ValueError: if it is damaged, or its features have another width or non-finite values.
        CannotWrite: if the disk is full or not writable.
    """
    contents = read_shard(shard)
    listed = hashlib.sha256("\n".join(contents.tokens).encode()).hexdigest()
    fingerprint = hashlib.sha256(f"{digest} {file_digest(shard)} {listed}".encode()).hexdigest()
    path, sizes = target_of(shard, out), tokenizer.codebook_sizes
    if is_done(path, fingerprint, sizes):
        return Encoded(len(contents.tokens), fingerprint, reused=True)
    codes = encode_blocks(tokenizer, contents.blocks(ROWS_AT_ONCE), len(contents.tokens), shard)
    pyarrow, _ = require_pyarrow(path)
    about = {"fingerprint": fingerprint, "level_sizes": sizes}
    write_assigned(path, Assigned(pyarrow.array(contents.tokens, pyarrow.string()), codes, None, about))
    return Encoded(len(contents.tokens), fingerprint, reused=False)


def tokenizer_digest(tokenizer: ItemTokenizer) -> str:
    """Return a digest of everything that determines a tokenizer's output."""
    digest = hashlib.sha256(str(tokenizer).encode())
    for name, value in sorted(tokenizer.state_dict().items()):
        digest.update(f"{name}{value.dtype}{tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
