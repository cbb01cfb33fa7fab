"""Every tokenizer preset from settings to codes, and the parts of its training."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from recbole_adasid.io.tensor_file import DamagedFile, MismatchedFile
from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.tokenizer import registry
from recbole_adasid.tokenizer.registry import BEFORE, build_tokenizer, codebook_sizes, tokenizer_settings
from recbole_adasid.tokenizer.scaling import FeatureScaler
from recbole_adasid.tokenizer.training.loop import RepulsionWatch

PROPS = Path(__file__).parents[2] / "props"
PRESETS = sorted(path.stem for path in (PROPS / "tokenizer").glob("*.yaml"))
WIDTH, N_ITEMS = 12, 80


def settings(preset: str, **changes) -> dict:
    config = yaml.safe_load((PROPS / "tokenizers.yaml").read_text())
    config |= yaml.safe_load((PROPS / "tokenizer" / f"{preset}.yaml").read_text())
    config |= {
        "seed": 5,
        "codebook_size": 8,
        "code_dim": 4,
        "lookup_dim": 3,
        "encoder_hidden": [10],
        "tokenizer_steps": 12,
        "tokenizer_batch_pairs": 16,
        "tokenizer_batch_solo_items": 8,
        "tokenizer_log_every": 4,
        "revive_every": 3,
    }
    return tokenizer_settings({**config, **changes})


@pytest.fixture(scope="module")
def features() -> torch.Tensor:
    return torch.randn(N_ITEMS, WIDTH, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def pairs() -> ItemPairs:
    random = np.random.default_rng(0)
    trigger = random.integers(0, 40, 100)
    target = (trigger + random.integers(1, 20, 100)) % 40
    return ItemPairs(trigger, target, random.random(100).astype(np.float32))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_gives_codes_within_its_codebooks_and_the_same_ones_twice(preset, features, pairs):
    codes = []
    for _ in range(2):
        tokenizer = build_tokenizer(settings(preset), width=WIDTH)
        tokenizer.fit(features, pairs)
        codes.append(tokenizer.encode(features))
    assert torch.equal(codes[0], codes[1])
    assert codes[0].shape == (N_ITEMS, 3)
    assert codes[0].min() >= 0
    assert codes[0].max() < 8
    assert len(codes[0].unique(dim=0)) > 10


@pytest.mark.parametrize("preset", PRESETS)
def test_a_saved_tokenizer_encodes_as_before(preset, features, pairs, tmp_path):
    tokenizer = build_tokenizer(settings(preset), width=WIDTH)
    tokenizer.fit(features, pairs)
    tokenizer.save(tmp_path, {"name": preset})
    restored = build_tokenizer(settings(preset, seed=99), width=WIDTH)
    restored.load(tmp_path)
    assert torch.equal(restored.encode(features), tokenizer.encode(features))


@pytest.mark.parametrize(
    ("preset", "width", "changes", "reason"),
    [
        ("rqkmeans", WIDTH, {}, "RQKMeansTokenizer"),
        ("rqvae", WIDTH + 1, {}, f"for {WIDTH} columns .* for {WIDTH + 1} columns"),
        ("rqvae", WIDTH, {"codebook_size": 9}, r"codebooks of \[8, 8, 8\].*codebooks of \[9, 9, 9\]"),
        ("rqvae", WIDTH, {"encoder_hidden": [7]}, r"has autoencoder.encoder.0.weight as float32 \[10, 12\]"),
        ("simrq", WIDTH, {}, "lacks the tensor"),
    ],
)
def test_a_tokenizer_of_other_settings_is_refused(preset, width, changes, reason, tmp_path):
    build_tokenizer(settings("rqvae"), width=WIDTH).save(tmp_path, {})
    other = build_tokenizer(settings(preset, **changes), width=width)
    before = {name: value.clone() for name, value in other.state_dict().items()}
    with pytest.raises(MismatchedFile, match=f"{reason}.*build the tokenizer with the settings in tokenizer.json"):
        other.load(tmp_path)
    assert all(value.equal(before[name]) for name, value in other.state_dict().items())


def test_a_damaged_tokenizer_is_refused_with_a_remedy(tmp_path):
    tokenizer = build_tokenizer(settings("rqkmeans"), width=WIDTH)
    tokenizer.save(tmp_path, {})
    file = tmp_path / "tokenizer.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(
        DamagedFile, match=r"tokenizer\.safetensors .*truncated.*: copy it again or train the tokenizer again$"
    ):
        tokenizer.load(tmp_path)


@pytest.mark.parametrize("preset", ["rqvae", "rqkmeans", "rqopq"])
@pytest.mark.parametrize("shape", [(4, WIDTH + 1), (WIDTH,)])
def test_features_of_another_width_are_refused(preset, shape):
    tokenizer = build_tokenizer(settings(preset), width=WIDTH)
    with pytest.raises(ValueError, match=rf"shape \[{', '.join(map(str, shape))}\].* rows of {WIDTH} columns"):
        tokenizer.encode(torch.zeros(shape))


def test_training_lowers_the_reconstruction_loss(features, pairs):
    log: list[tuple[int, dict[str, float]]] = []
    tokenizer = build_tokenizer(settings("rqvae", tokenizer_steps=400, tokenizer_bf16=False), width=WIDTH)
    tokenizer.fit(features, pairs, log=lambda step, numbers: log.append((step, numbers)))
    assert log[-1][0] == 399
    assert log[-1][1]["reconstruction_loss"] < 0.8 * log[0][1]["reconstruction_loss"]


def test_decoded_codes_are_the_reconstruction_of_training(features, pairs):
    tokenizer = build_tokenizer(settings("rqvae", feature_scaling="standardise"), width=WIDTH)
    tokenizer.fit(features, pairs)
    with torch.no_grad():
        output = tokenizer.autoencoder(features)
        reconstruction = tokenizer.autoencoder.decoder(output.quantized)
    expected = reconstruction * features.std(0, correction=0) + features.mean(0)
    torch.testing.assert_close(tokenizer.decode(tokenizer.encode(features)), expected, rtol=1e-3, atol=1e-4)


def test_adasid_logs_every_term_and_weight_of_its_objective(features, pairs):
    log = []
    tokenizer = build_tokenizer(settings("adasid", rebalancing_start=0.0), width=WIDTH)
    tokenizer.fit(features, pairs, log=lambda step, numbers: log.append(numbers))
    last = log[-1]
    total = (
        last["reconstruction_loss"]
        + last["quantization_loss"]
        + last["lambda_col"] * last["collision_loss"]
        + last["lambda_cf"] * last["collaborative_loss"]
    )
    assert last["loss"] == pytest.approx(total, rel=1e-4)
    assert {"relaxed_share", "repelled_share", "load_factor", "batch_perplexity_1", "revived"} <= last.keys()


def test_without_collision_weight_the_collision_term_is_not_computed(features, pairs):
    log = []
    tokenizer = build_tokenizer(settings("adasid", collision_weight=0.0), width=WIDTH)
    tokenizer.fit(features, pairs, log=lambda step, numbers: log.append(numbers))
    assert "collision_loss" not in log[-1]
    assert log[-1]["lambda_col"] == 0


@pytest.mark.parametrize(("name", "remedy"), [("adasid", "Raise collision_margins"), ("quasid", "Raise full_margin")])
def test_a_regulation_that_never_repels_is_reported_with_settings_of_its_own(name, remedy, features, pairs):
    idle = {"relaxation_thresholds": [-1.0, -1.0, -1.0], "full_margin": 0.0, "partial_margin": 0.0}
    with pytest.warns(UserWarning, match=f"repelled no pair during training.*{remedy}"):
        build_tokenizer(settings(name, **idle), width=WIDTH).fit(features, pairs)


def test_a_regulation_that_repelled_once_is_not_reported():
    watch = RepulsionWatch()
    watch.note({"repelled_share": 0.0})
    watch.note({"repelled_share": 0.1})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watch.warn_if_idle("")
    assert watch.observed == 2


@pytest.mark.parametrize("no_pairs", [None, ItemPairs(*(np.empty(0, np.int64),) * 2, np.empty(0, np.float32))])
def test_training_without_pairs_falls_back_to_items(features, no_pairs):
    tokenizer = build_tokenizer(settings("adasid"), width=WIDTH)
    tokenizer.fit(features, no_pairs)
    assert len(tokenizer.encode(features).unique(dim=0)) > 10


def test_a_loss_that_explodes_stops_with_a_reason(features, pairs):
    tokenizer = build_tokenizer(settings("rqvae", tokenizer_learning_rate=1e30), width=WIDTH)
    with pytest.raises(FloatingPointError, match="lower tokenizer_learning_rate"):
        tokenizer.fit(features, pairs)


@pytest.mark.parametrize("available", [True, False])
def test_bfloat16_is_used_and_fingerprinted_only_where_the_processor_has_it(available, monkeypatch):
    monkeypatch.setattr(registry, "has_bfloat16", lambda device: available)
    assert settings("rqvae", tokenizer_bf16=True)["tokenizer_bf16"] is available
    assert settings("rqvae", tokenizer_bf16=False)["tokenizer_bf16"] is False


def test_building_leaves_the_callers_random_state_alone():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    build_tokenizer(settings("rqvae"), width=WIDTH)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokenizer_family": "autoencodr"}, "Unknown tokenizer_family 'autoencodr': did you mean autoencoder"),
        ({"quantizer": "straight"}, "Unknown quantizer 'straight'"),
        ({"regulation": "adaptiv"}, "Unknown regulation 'adaptiv': did you mean adaptive"),
        ({"sid_length": 9}, "sid_length must lie between 1 and 8, got 9"),
        ({"codebook_size": [8, 8]}, "lists 2 sizes for sid_length 3"),
        ({"codebook_size": 1}, "between 2 and 65536"),
        ({"feature_scaling": "whiten"}, "Unknown feature_scaling 'whiten'"),
        ({"reconstruction_reduction": "max"}, "Unknown reconstruction_reduction 'max'"),
        ({"contrastive_space": "laten"}, "Unknown contrastive_space 'laten'"),
        ({"contrastive_negatives": "all"}, "Unknown contrastive_negatives 'all'. Valid are: batch, unpaired"),
        ({"tokenizer_draw": "items"}, "Unknown tokenizer_draw 'items'.* Valid are: auto, pairs"),
        ({"tokenizer_steps": 0}, "steps must be above 0, got 0"),
        ({"revive_every": -1}, "revive_every must not be negative, got -1"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, message):
    config = {**settings("adasid"), **changes}
    with pytest.raises(ValueError, match=message):
        build_tokenizer(config, width=WIDTH)


@pytest.mark.parametrize("regulation", ["adaptive", "hamming", "none"])
def test_any_trainable_tokenizer_takes_any_regulation(regulation, features, pairs):
    for preset in ("rqvae", "simrq", "vqgan"):
        chosen = settings(preset, regulation=regulation, collaborative_weight=0.2)
        tokenizer = build_tokenizer(chosen, width=WIDTH)
        tokenizer.fit(features, pairs)
        assert len(tokenizer.encode(features).unique(dim=0)) > 10


@pytest.mark.parametrize("radius", [-1, 3])
def test_a_radius_that_no_semantic_id_has_is_refused(radius):
    with pytest.raises(ValueError, match="hamming_radius must lie between 0 and 2"):
        build_tokenizer(settings("quasid", hamming_radius=radius), width=WIDTH)


@pytest.mark.parametrize("quantizer", ["rotation", "simvq", "cosine", "grouped"])
def test_adasid_takes_any_quantizer(quantizer, features, pairs):
    logged = []
    tokenizer = build_tokenizer(settings("adasid", quantizer=quantizer), width=WIDTH)
    tokenizer.fit(features, pairs, log=lambda step, numbers: logged.append(numbers))
    collisions = [numbers["collision_loss"] for numbers in logged if "collision_loss" in numbers]
    assert len(collisions) == len(logged) - 1 and np.isfinite(collisions).all()  # the first step has no codebooks
    assert len(tokenizer.encode(features).unique(dim=0)) > 10


def test_levels_may_have_sizes_of_their_own(features, pairs):
    assert codebook_sizes({"sid_length": 2, "codebook_size": [4, 6]}) == [4, 6]
    tokenizer = build_tokenizer(settings("rqvae", sid_length=2, codebook_size=[4, 6]), width=WIDTH)
    tokenizer.fit(features, pairs)
    assert tokenizer.codebook_sizes == [4, 6]
    largest = tokenizer.encode(features).max(dim=0).values
    assert largest[0] <= 3
    assert largest[1] <= 5


@pytest.mark.parametrize(
    ("preset", "changes", "evenly"),
    [
        ("rqvae", {}, True),
        ("rqvae", {"tokenizer_draw": "pairs"}, False),
        ("rqvae", {"collaborative_weight": 0.1}, False),
        ("simrq", {}, True),
        ("adasid", {}, False),
        ("adasid", {"collaborative_weight": 0.0}, True),
        ("quasid", {}, False),
        ("quasid", {"collaborative_weight": 0.0}, True),
    ],
)
def test_items_are_drawn_evenly_where_no_loss_asks_for_pairs(preset, changes, evenly, features):
    # One pair outweighs all else: drawn by weight, its items would fill the batch.
    pairs = ItemPairs(np.array([3, 5]), np.array([4, 6]), np.array([1000.0, 0.001], np.float32))
    tokenizer = build_tokenizer(settings(preset, **changes, tokenizer_batch_pairs=2000), width=WIDTH)
    batch = tokenizer.start_training(features, pairs).sampler.draw()
    assert batch.counts.sum() == 4008 and len(batch.trigger) == (0 if evenly else 2000)
    assert (len(batch.items) == N_ITEMS and batch.counts.max() < 100) == evenly


def test_a_tokenizer_saved_before_a_setting_existed_is_built_as_it_was():
    older = {key: value for key, value in settings("rqvae").items() if key not in BEFORE}
    assert build_tokenizer(older, width=WIDTH).settings.draw == "pairs"


def test_scaling_centres_and_standardises_but_spares_constant_columns(features):
    constant = torch.cat([features, torch.full((N_ITEMS, 1), 2.0)], dim=1)
    scaler = FeatureScaler(width=WIDTH + 1, mode="standardise")
    scaler.fit(constant)
    scaled = scaler(constant)
    torch.testing.assert_close(scaled.mean(0), torch.zeros(WIDTH + 1), rtol=0, atol=1e-5)
    torch.testing.assert_close(scaled.std(0, correction=0)[:-1], torch.ones(WIDTH), rtol=1e-4, atol=1e-4)
    assert torch.isfinite(scaled).all()
