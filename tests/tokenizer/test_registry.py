"""Every setting ends up where it belongs, with values of which no two are alike."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import nn

from recbole_adasid.settings.presets import presets, read_props
from recbole_adasid.tokenizer.autoencoder_tokenizer import AutoencoderTokenizer
from recbole_adasid.tokenizer.clustering.rq_kmeans import RQKMeansTokenizer
from recbole_adasid.tokenizer.clustering.rq_opq import RQOPQTokenizer
from recbole_adasid.tokenizer.quantizer import CosineQuantizer, GroupedQuantizer, RotationQuantizer
from recbole_adasid.tokenizer.registry import (
    build_tokenizer,
    codebook_sizes,
    editions,
    tokenizer_settings,
)
from recbole_adasid.tokenizer.regulation.adasid import AdaptiveRegulation
from recbole_adasid.tokenizer.regulation.base import NoRegulation, per_depth
from recbole_adasid.tokenizer.regulation.quasid import HammingRegulation
from recbole_adasid.tokenizer.settings import AUTOENCODER, COMMON
from recbole_adasid.tokenizer.training.loop import TrainingSettings

ALL = ("tokenizer_family", "seed", *COMMON)
LEARNT = ("quantizer", "regulation", *AUTOENCODER)
SETTINGS: dict[str, Any] = {
    **{"tokenizer_family": "autoencoder", "sid_length": 3, "codebook_size": [5, 6, 7], "seed": 11},
    **{"feature_scaling": "standardise", "feature_blocks": [[8, 1.0], [4, 0.5]], "kmeans_iterations": 13},
    **{"code_dim": 4, "encoder_hidden": [10, 9], "quantizer": "rotation", "commitment": 0.125},
    **{"lookup_dim": 3, "quantizer_groups": 4, "opq_subspaces": 2, "reconstruction_reduction": "sum"},
    **{"quantize_from": 14, "latent_scale": 0.15, "revive_every": 16, "tokenizer_steps": 170},
    **{"tokenizer_batch_pairs": 18, "tokenizer_batch_solo_items": 19, "tokenizer_draw": "auto"},
    **{"pair_draw_power": 0.2, "tokenizer_learning_rate": 0.21, "tokenizer_weight_decay": 0.22},
    **{"tokenizer_bf16": False, "tokenizer_log_every": 23, "regulation": "adaptive", "collaborative_weight": 0.24},
    **{"contrastive_temperature": 0.25, "contrastive_space": "latent", "semantic_relaxation": False},
    **{"load_strengthening": True, "progress_rebalancing": False, "relaxation_thresholds": [0.26, 0.27, 0.28]},
    **{"collision_margins": 1.29, "load_f_min": 1.5, "load_f_max": 3.5, "load_region": "codes"},
    **{"load_reference": "depth", "load_saturation": 0.31, "load_alpha": 0.32, "rebalancing_unit": "steps"},
    **{"rebalancing_start": 33, "rebalancing_end": 134, "collision_weight": 0.35, "collision_floor": 0.36},
    **{"collision_reduction": "per_item", "hamming_radius": 1, "full_margin": 0.37, "partial_margin": 0.38},
    **{"overlap_agreement": "prefix", "relaxation_similarity": "features", "relaxation_unit": "quantile"},
    **{"contrastive_negatives": "unpaired"},
    **{"full_weight": 0.39, "partial_weight": 0.41, "unrelated": 1},
}
WIDTH = 12


def autoencoder(**changes: Any) -> AutoencoderTokenizer:
    tokenizer = build_tokenizer({**SETTINGS, **changes}, width=WIDTH)
    assert isinstance(tokenizer, AutoencoderTokenizer)
    return tokenizer


def test_a_training_has_the_settings_of_its_names() -> None:
    assert autoencoder().settings == TrainingSettings(
        steps=170,
        batch_pairs=18,
        batch_solo_items=19,
        draw="auto",
        pair_draw_power=0.2,
        learning_rate=0.21,
        weight_decay=0.22,
        temperature=0.25,
        contrastive_space="latent",
        contrastive_negatives="unpaired",
        kmeans_iterations=13,
        quantize_from=14,
        latent_scale=0.15,
        revive_every=16,
        log_every=23,
        bf16=False,
        seed=11,
    )


def test_an_autoencoder_has_the_widths_levels_and_scaling_of_its_settings() -> None:
    made = autoencoder().autoencoder
    for layers, widths in ((made.encoder, [12, 10, 9, 4]), (made.decoder, [4, 9, 10, 12])):
        linear = [(layer.in_features, layer.out_features) for layer in layers if isinstance(layer, nn.Linear)]
        assert linear == list(zip(widths[:-1], widths[1:])) and len(layers) == 5
    levels = made.quantizer.quantizers()
    assert [type(level) for level in levels] == [RotationQuantizer] * 3
    assert [(level.n_codewords, level.dim, level.level) for level in levels] == [(5, 4, 0), (6, 4, 1), (7, 4, 2)]
    assert made.quantizer.commitment == 0.125 and made.reconstruction_reduction == "sum"
    assert (made.scaler.width, made.scaler.mode, made.scaler.blocks) == (12, "standardise", [[8, 1.0], [4, 0.5]])
    plain = {key: value for key, value in SETTINGS.items() if key != "feature_blocks"}
    tokenizer = build_tokenizer(plain, width=WIDTH)
    assert isinstance(tokenizer, AutoencoderTokenizer) and tokenizer.autoencoder.scaler.blocks is None


def test_a_quantizer_has_settings_of_its_own() -> None:
    cosine = autoencoder(quantizer="cosine").autoencoder.quantizer.quantizers()[1]
    assert isinstance(cosine, CosineQuantizer) and cosine.table.shape == (6, 3)
    grouped = autoencoder(quantizer="grouped").autoencoder.quantizer.quantizers()[1]
    assert isinstance(grouped, GroupedQuantizer) and grouped.columns == slice(1, 2)


def test_adasid_s_regulation_has_the_values_of_its_names() -> None:
    found = autoencoder().regulation
    assert isinstance(found, AdaptiveRegulation)
    torch.testing.assert_close(found.thresholds[1:], torch.tensor([0.26, 0.27, 0.28]))
    torch.testing.assert_close(found.margins[1:], torch.tensor([1.29] * 3))
    assert (found.f_min, found.f_max, found.load_saturation, found.alpha) == (1.5, 3.5, 0.31, 0.32)
    assert (found.load_region, found.load_reference, found.reduction) == ("codes", "depth", "per_item")
    assert (found.overlap_agreement, found.relaxation_similarity) == ("prefix", "features")
    assert (found.threshold_unit, found.semantic_relaxation, found.load_strengthening) == ("quantile", False, True)
    other = autoencoder(semantic_relaxation=True, load_strengthening=False, progress_rebalancing=True).regulation
    assert isinstance(other, AdaptiveRegulation) and other.schedule.enabled
    assert (other.semantic_relaxation, other.load_strengthening) == (True, False)
    schedule = found.schedule
    assert (schedule.start, schedule.end, schedule.unit, schedule.enabled) == (33, 134, "steps", False)
    assert (schedule.collision_weight, schedule.collision_floor, schedule.collaborative_ceiling) == (0.35, 0.36, 0.24)


def test_the_other_regulations_have_the_values_of_their_names() -> None:
    hamming = autoencoder(regulation="hamming").regulation
    assert isinstance(hamming, HammingRegulation)
    assert (hamming.radius, hamming.margins, hamming.factors) == (1, (0.37, 0.38), (0.39, 0.41))
    assert hamming.collaborative_weight == 0.24
    assert [autoencoder(regulation="hamming", hamming_radius=r).regulation.radius for r in (0, 2)] == [0, 2]  # type: ignore[attr-defined]
    none = autoencoder(regulation="none").regulation
    assert isinstance(none, NoRegulation) and none.collaborative_weight == 0.24


def test_families_without_training_have_the_values_of_their_names() -> None:
    kmeans = build_tokenizer({**SETTINGS, "tokenizer_family": "rq_kmeans"}, width=WIDTH)
    assert isinstance(kmeans, RQKMeansTokenizer) and kmeans.codebook_sizes == [5, 6, 7]
    assert (kmeans.iterations, kmeans.seed, kmeans.width) == (13, 11, 12)
    assert [tuple(codebook.shape) for codebook in kmeans.codebooks] == [(5, 12), (6, 12), (7, 12)]
    opq = build_tokenizer({**SETTINGS, "tokenizer_family": "rq_opq"}, width=WIDTH)
    assert isinstance(opq, RQOPQTokenizer) and opq.codebook_sizes == [5, 6, 7]
    assert (opq.iterations, opq.seed, opq.width, opq.widths) == (13, 11, 12, [6, 6])
    assert opq.residual_levels.codebook_sizes == [5]
    for one in (kmeans, opq):
        assert (one.scaler.mode, one.scaler.blocks) == ("standardise", [[8, 1.0], [4, 0.5]])


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({"tokenizer_family": "rq_kmeans"}, ALL),
        ({"tokenizer_family": "rq_opq"}, (*ALL, "opq_subspaces")),
        ({}, (*ALL, *LEARNT, *AdaptiveRegulation.SETTINGS)),
        ({"regulation": "none"}, (*ALL, *LEARNT)),
        (
            {"regulation": "hamming", "quantizer": "cosine"},
            (*ALL, *LEARNT, "lookup_dim", *HammingRegulation.SETTINGS),
        ),
    ],
)
def test_what_determines_a_tokenizer_is_told_and_nothing_else(changes: dict[str, Any], keys: tuple[str, ...]) -> None:
    config = {**SETTINGS, **changes}
    assert tokenizer_settings(config) == {key: config[key] for key in keys}


def test_weights_depend_on_the_seed() -> None:
    first, same, other = (autoencoder(seed=seed).autoencoder.encoder[0].weight for seed in (1, 1, 2))
    assert first.equal(same) and not first.equal(other)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("rotatoin", "Unknown quantizer 'rotatoin': did you mean rotation? Valid are: cosine, grouped, rotation,"),
        ("zzz", "Unknown quantizer 'zzz'. Valid are: cosine, grouped, rotation, simvq, straight_through."),
    ],
)
def test_an_unknown_name_is_told_with_the_valid_ones_and_the_nearest(name: str, told: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(told)}"):
        autoencoder(quantizer=name)


@pytest.mark.parametrize(("length", "size"), [(1, 2), (8, 65_536), (2, [2, 65_536])])
def test_lengths_and_sizes_may_lie_at_their_bounds(length: int, size: Any) -> None:
    found = codebook_sizes({"sid_length": length, "codebook_size": size})
    assert found == ([size] * length if isinstance(size, int) else size)


@pytest.mark.parametrize(
    ("length", "size", "told"),
    [
        (0, 2, "sid_length must lie between 1 and 8, got 0"),
        (9, 2, "sid_length must lie between 1 and 8, got 9"),
        (2, [2, 1], r"codebook_size must lie between 2 and 65536, got \[2, 1\]"),
        (1, 65_537, "codebook_size must lie between 2 and 65536, got 65537"),
        (3, [2], "codebook_size lists 1 sizes for sid_length 3: give one per level"),
    ],
)
def test_lengths_and_sizes_beyond_their_bounds_are_refused(length: int, size: Any, told: str) -> None:
    with pytest.raises(ValueError, match=f"^{told}$"):
        codebook_sizes({"sid_length": length, "codebook_size": size})


@pytest.mark.parametrize(
    ("values", "length", "expected"),
    [
        (0.5, 3, [0.5, 0.5, 0.5]),
        (1, 2, [1.0, 1.0]),
        ([0.1, 0.2, 0.7], 3, [0.1, 0.2, 0.7]),
        ([0, 1], 3, [0.0, 0.5, 1.0]),
        ([0.0, 1.0, 4.0], 2, [0.0, 4.0]),
        ([0.1, 0.2, 0.7], 1, [0.7]),
        ([3], 2, [3.0, 3.0]),
    ],
)
def test_values_are_stretched_over_the_depths(values: Any, length: int, expected: list[float]) -> None:
    assert per_depth(values, length) == pytest.approx(expected)


def test_no_value_for_any_depth_is_refused() -> None:
    with pytest.raises(ValueError, match="relaxation_thresholds and collision_margins need a value"):
        per_depth([], 2)


@pytest.mark.parametrize("key", ["quantizer", "regulation"])
def test_an_unknown_name_is_told_when_the_settings_are_chosen(key: str) -> None:
    with pytest.raises(ValueError, match=f"^Unknown {key} 'zzz'. Valid are: "):
        tokenizer_settings({**SETTINGS, key: "zzz"})


@pytest.mark.parametrize("preset", presets("tokenizer"))
def test_of_the_built_in_parts_only_two_quantizers_have_an_edition(preset: str) -> None:
    """Any other would be a new part of the fingerprint, and everything learned before would be learned again."""
    config = {**read_props("tokenizers.yaml"), **read_props(f"tokenizer/{preset}.yaml"), "seed": 1}
    own = {"rotation": {"quantizer_edition": 2}, "vqgan": {"quantizer_edition": 2}}
    assert editions(tokenizer_settings(config), width=WIDTH) == own.get(preset, {})


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ("quantizer_edition", RotationQuantizer),
        ("regulation_edition", AdaptiveRegulation),
        ("tokenizer_edition", AutoencoderTokenizer),
    ],
)
def test_a_part_of_a_later_edition_is_told_apart(part: str, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    before = editions(SETTINGS, width=WIDTH)
    monkeypatch.setattr(kind, "EDITION", 7)
    assert editions(SETTINGS, width=WIDTH) == {**before, part: 7}


def test_more_groups_than_levels_are_refused_but_not_of_a_saved_tokenizer() -> None:
    config = {**SETTINGS, "quantizer": "grouped"}
    assert tokenizer_settings({**config, "quantizer_groups": 3})["quantizer_groups"] == 3
    with pytest.raises(ValueError, match="^quantizer_groups must lie between 1 and sid_length, 3, .* got 4$"):
        tokenizer_settings({**config, "quantizer_groups": 4})
    build_tokenizer({**config, "quantizer_groups": 4}, width=WIDTH)  # as a saved one, maybe older than the check


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"rebalancing_start": 10_000, "rebalancing_end": 200_000}, True),
        ({"rebalancing_start": 169, "rebalancing_end": 170}, True),
        ({"rebalancing_start": 0.05, "rebalancing_end": 1.0}, True),
        ({"rebalancing_start": 168, "rebalancing_end": 200_000}, False),
        ({"rebalancing_start": 0, "rebalancing_end": 2}, False),
        ({"rebalancing_start": 0.05, "rebalancing_end": 1.0, "rebalancing_unit": "fraction"}, False),
        ({"rebalancing_start": 10_000, "rebalancing_end": 200_000, "progress_rebalancing": False}, False),
        ({"rebalancing_start": 10_000, "rebalancing_end": 200_000, "regulation": "none"}, False),
    ],
)
def test_rebalancing_in_steps_outside_training_is_refused(changes: dict[str, Any], refused: bool) -> None:
    config = {**SETTINGS, "progress_rebalancing": True, **changes}
    build_tokenizer(config, width=WIDTH)  # as a saved one, maybe older than the check
    if not refused:
        assert tokenizer_settings(config)["tokenizer_steps"] == 170
        return
    told = (
        f"rebalancing_start={config['rebalancing_start']} and rebalancing_end={config['rebalancing_end']} are in steps"
    )
    with pytest.raises(ValueError, match=f"^{told} .* tokenizer_steps=170: .* rebalancing_unit=fraction$"):
        tokenizer_settings(config)


def test_building_draws_on_no_gpu_s_random_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("it seeds GPUs"))
    before = torch.get_rng_state()
    first, second = (build_tokenizer({**SETTINGS, "seed": seed}, width=WIDTH).state_dict() for seed in (1, 1))
    assert torch.get_rng_state().equal(before)
    assert all(torch.equal(value, second[name]) for name, value in first.items())
