"""A tokenizer trained by several ranks, each on its share of every batch, is the one that one process trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recbole_adasid.distributed.joining import joined
from recbole_adasid.distributed.world import world
from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.settings.presets import read_props
from recbole_adasid.tokenizer.base import Keep
from recbole_adasid.tokenizer.registry import build_tokenizer

STEPS = 20
N_ITEMS, WIDTH = 90, 12
# Regulations and where InfoNCE looks, then every other quantizer.
VARIANTS: dict[str, dict[str, Any]] = {
    "adasid": {},
    "adasid, latent": {"contrastive_space": "latent", "progress_rebalancing": False},
    "adasid, other overlaps": {
        **{"overlap_agreement": "prefix", "relaxation_similarity": "features", "relaxation_unit": "quantile"},
        **{"contrastive_negatives": "unpaired", "relaxation_thresholds": [0.4, 0.6, 0.8]},
    },
    "quasid": {},
    "rqvae": {},
    "rqvae, no pairs": {},
    "vqgan": {},
    "grvq": {},
    "rotation": {},
    "simrq": {},
}


def data(variant: str) -> tuple[torch.Tensor, ItemPairs | None]:
    features = torch.randn(N_ITEMS, WIDTH, generator=torch.Generator().manual_seed(0))
    if variant.endswith("no pairs"):
        return features, None
    trigger, target = np.random.default_rng(0).integers(N_ITEMS, size=(2, 60))
    return features, ItemPairs(trigger, target, np.ones(60, np.float32))


def tokenizer(variant: str, **changes: Any) -> Any:
    # 16 + 16 + 9 rows: no number of ranks above 1 divides them.
    small = {"tokenizer_steps": STEPS, "tokenizer_log_every": 1, "revive_every": 5, "codebook_size": 32, "seed": 1}
    small |= {"encoder_hidden": [16], "tokenizer_batch_pairs": 16, "tokenizer_batch_solo_items": 9}
    presets = {**read_props("tokenizers.yaml"), **read_props(f"tokenizer/{variant.split(',')[0]}.yaml")}
    return build_tokenizer({**presets, **small, "tokenizer_bf16": False, **VARIANTS[variant], **changes}, width=WIDTH)


def steps(variants: list[str]) -> dict[str, Any]:
    """Take the steps of trainings; return their numbers and the gradients of the first step."""
    found: dict[str, Any] = {}
    with joined():
        for variant in variants:
            training = tokenizer(variant).start_training(*data(variant))
            log = [training.step(0)]
            gradients = [p.grad.clone() for p in training.autoencoder.parameters() if p.grad is not None]
            found[variant] = {"log": log, "gradients": gradients}
            log += [training.step(number) for number in range(1, STEPS)]
    return found


@pytest.mark.parametrize(("size", "variants"), [(2, list(VARIANTS)), (3, ["adasid", "quasid", "rqvae"])])
def test_every_step_has_the_numbers_and_gradients_of_one_process(size, variants, ranks):
    alone, together = steps(variants), ranks(steps, size, variants).results()
    for variant, expected in alone.items():
        log = expected["log"]
        assert sum(numbers.get("revived", 0) for numbers in log) > 0 or variant == "simrq"
        assert any(numbers.get("repelled_share", 0) > 0 for numbers in log) == (variant[:6] in ("adasid", "quasid"))
        for one in together:
            for step, numbers in enumerate(log):
                rounding = 1e-5 if step < 3 else 1e-3  # it grows: a step's rounding is in the next one's parameters
                assert one[variant]["log"][step] == pytest.approx(numbers, rel=rounding, abs=1e-5), (variant, step)
            torch.testing.assert_close(one[variant]["gradients"], expected["gradients"], rtol=1e-4, atol=1e-6)
        assert together[0][variant]["log"] == together[1][variant]["log"]


def fewer_rows_than_ranks() -> list[dict[str, float]]:
    with joined():
        small = {"tokenizer_batch_pairs": 1, "tokenizer_batch_solo_items": 0, "revive_every": 3}
        training = tokenizer("adasid", **small).start_training(*data("adasid"))
        return [training.step(number) for number in range(10)]


def test_a_batch_of_fewer_rows_than_ranks_counts_every_row_once(ranks):
    alone, together = fewer_rows_than_ranks(), ranks(fewer_rows_than_ranks, 3).results()
    for step, expected in enumerate(alone):
        assert together[2][step] == pytest.approx(expected, rel=1e-4, abs=1e-5)


def fit(path: Path | None, stop_at: int | None = None) -> dict[str, Any]:
    """Fit as the main job does; with ``stop_at`` end as if killed in the first log entry from that step on."""
    log: list[tuple[int, dict[str, float]]] = []

    def note(step: int, numbers: dict[str, float]) -> None:
        log.append((step, numbers))
        if stop_at is not None and step >= stop_at:
            raise ValueError("stopped")

    def work() -> torch.Tensor:
        made = tokenizer("adasid", tokenizer_log_every=4)
        keep = None if path is None else Keep(path, 5)
        features, pairs = data("adasid")
        made.fit(features, pairs, log=note, keep=keep)
        return made.encode(features)

    with joined():
        return {"codes": world().from_main(work), "log": log}


def test_a_training_that_was_stopped_goes_on_with_another_number_of_ranks(ranks, tmp_path):
    whole, path = fit(None), tmp_path / "kept.safetensors"
    for stopped, size in ((8, 2), (12, 3)):
        found = ranks(fit, size, path, stopped).wait()
        assert "stopped" in found[0][1] and "stopped" in found[1][1] and path.exists()
    first, second = ranks(fit, 2, path).results()
    assert first["codes"].equal(whole["codes"]) and second["codes"].equal(whole["codes"])
    assert [step for step, _ in first["log"]] == [step for step, _ in whole["log"]] and second["log"] == []
    for (_, numbers), (_, expected) in zip(first["log"], whole["log"]):
        assert numbers == pytest.approx(expected, rel=1e-3, abs=1e-5)


def diverge() -> None:
    with joined():
        features, pairs = data("adasid")
        training = tokenizer("adasid").start_training(features, pairs)
        training.features = features.fill_(3e38) if world().rank == 1 else features
        training.step(3)


def test_a_loss_that_is_not_finite_on_one_rank_stops_all_by_the_same_error(ranks):
    found = ranks(diverge, 2).wait()
    assert all("tokenizer's loss became" in message and "at step 3" in message for _, message in found)
