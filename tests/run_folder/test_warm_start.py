"""A run that begins with the weights of an earlier one, on data with further items, in another order."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recbole.data import create_dataset, data_preparation
from recbole.utils import init_seed
from torch import Tensor

from recbole_adasid.bundle import SIDBundle
from recbole_adasid.io.tensor_file import DamagedFile
from recbole_adasid.model.liger import LIGERModel
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.plugin.audit import audit
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.peers.names import own_class
from recbole_adasid.plugin.run import run
from recbole_adasid.plugin.trainer import TIGERTrainer
from recbole_adasid.run_folder import warm_start as module
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.model_file import read_model
from recbole_adasid.run_folder.run_items import items_of
from recbole_adasid.run_folder.warm_start import warm_start
from recbole_adasid.serving.trained_model import served_settings, trained_model
from recbole_adasid.settings.errors import SettingsError

pytestmark = pytest.mark.usefixtures("elsewhere")

Settings = dict[str, Any]
Rows = list[tuple[str, str, str]]


def rounds(items: int, name: str = "i{}") -> Rows:
    """Sixty users who walk round the items in steps of one, the last user first."""
    return [
        (f"u{user}", name.format((user * 7 + step) % items), str(1000 + step))
        for user in reversed(range(60))
        for step in range(8)
    ]


@pytest.fixture(scope="module", params=["TIGER", "LIGER"])
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def earlier(
    model: str, settings_in: Callable[[Path], Settings], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """The folder of an earlier run, and a bundle of it."""
    base = tmp_path_factory.mktemp("earlier")
    made = run({**settings_in(base), "model": model, "report": False, "dropout": 0.0, "epochs": 8})
    SIDBundle.from_run(made["run_folder"]).save(base / "bundle")
    return {"run": made["run_folder"], "bundle": base / "bundle"}


@pytest.fixture
def later(
    model: str,
    earlier: dict[str, Path],
    tiny_settings: Settings,
    write_dataset: Callable[..., Path],
    tmp_path: Path,
) -> Settings:
    """Settings on data with four more items, whose items and users come in another order."""
    data = write_dataset(tmp_path / "data", rounds(24))
    return {
        **{**tiny_settings, "model": model, "data_path": str(data), "report": False, "dropout": 0.0},
        **{"sids_file": str(earlier["bundle"]), "warm_start": str(earlier["run"])},
    }


def built(settings: Settings) -> Any:
    config = build_config(settings)
    init_seed(config["seed"], True)
    part = data_preparation(config, create_dataset(config))[0].dataset
    return own_class(config["model"])(config, part).eval(), part.training_items().item_tokens()


def states(model: TIGERModel, items: Tensor, lengths: Tensor) -> Tensor:
    """Return the encoder's output for histories."""
    extra = model.content(items, model.content.trained) if isinstance(model, LIGERModel) else None
    return model.network.encode(model.catalogue(items), lengths, None, extra).states


def test_histories_are_read_as_they_were(later: Settings, earlier: dict[str, Path]) -> None:
    now, tokens = built(later)
    saved = read_model(RunFolder(earlier["run"]).model_path)
    before = trained_model(saved, served_settings(saved)).eval()
    rows = {token: number for number, token in enumerate(items_of(RunFolder(earlier["run"]), saved), start=1)}
    assert list(rows) != tokens[: len(rows)] and len(tokens) == 24
    known = [number for number, token in enumerate(tokens, start=1) if token in rows]
    there = torch.tensor([rows[tokens[number - 1]] for number in known])
    history, lengths = torch.tensor(known[:6]).view(2, 3), torch.tensor([3, 3])
    cold = built({**later, "warm_start": None})[0].tiger
    expected = states(before, there[:6].view(2, 3), lengths)
    torch.testing.assert_close(states(now.tiger, history, lengths), expected)
    assert not torch.allclose(states(cold, history, lengths), expected, atol=0.1)
    if isinstance(before, LIGERModel):
        scores = now.tiger.score_items(history, lengths)[:, known]
        torch.testing.assert_close(scores, before.score_items(there[:6].view(2, 3), lengths)[:, there])


def test_training_goes_on_from_there(later: Settings, earlier: dict[str, Path]) -> None:
    warm = run({**later, "epochs": 1})
    cold = run({**later, "epochs": 1, "warm_start": None})
    assert warm["best_valid"]["ndcg@10"] > cold["best_valid"]["ndcg@10"]
    known = {about: good for about, good in audit(warm["run_folder"]) if "began with the weights of" in about}
    assert [*known.values()] == [None] and str(earlier["run"]) in next(iter(known))


def test_codes_and_suffixes_that_both_have_keep_their_embeddings(later: Settings, earlier: dict[str, Path]) -> None:
    now, _ = built(later)
    saved = read_model(RunFolder(earlier["run"]).model_path)
    own = now.tiger.network.vocabulary.embedding.weight
    there = saved.tensors["model/tiger.network.vocabulary.embedding.weight"]
    sizes, earlier_sizes = now.sid_level_sizes, saved.about["sid_level_sizes"]
    assert sizes[:-1] == earlier_sizes[:-1]
    for level, size in enumerate(earlier_sizes):
        for code in range(size):
            row, earlier_row = 1 + sum(sizes[:level]) + code, 1 + sum(earlier_sizes[:level]) + code
            assert torch.equal(own[row], there[earlier_row])


def test_other_semantic_ids_are_refused(later: Settings, write_dataset: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has different Semantic IDs: 20 of its items are in the data, and .*%"):
        built({**later, "sids_file": None, "codebook_size": 3})
    data = write_dataset(tmp_path / "others", rounds(20, "i1{}00"))
    with pytest.raises(SettingsError, match="Semantic IDs: 0 of its items are in the data"):
        built({**later, "sids_file": None, "data_path": str(data)})


@pytest.mark.parametrize(
    "other",
    [
        {"d_model": 32},
        {"n_encoder_layers": 2},
        {"n_decoder_layers": 2},
        {"encoder_attention": "bidirectional"},
        {"token_softmax": "level", "history_bias": False},
        {"collision": "shared"},
    ],
)
def test_another_network_is_refused(later: Settings, other: Settings) -> None:
    key, value = next(iter(other.items()))
    with pytest.raises(
        SettingsError, match=f"a different network: its {key} is .*, here it is {value}. Set {key} to the"
    ):
        built({**later, **other})


def test_another_recommender_is_refused(later: Settings, model: str, tmp_path: Path) -> None:
    other = {"TIGER": "LIGER", "LIGER": "TIGER"}[model]
    with pytest.raises(SettingsError, match=f"its model is {model}, here it is {other}"):
        run({**later, "model": other, "run_folder": str(tmp_path / "other")})
    assert not (tmp_path / "cache").exists()


def test_features_of_another_width_are_refused(later: Settings, model: str) -> None:
    if model == "LIGER":
        now, tokens = built({**later, "warm_start": None})
        content = now.tiger.content
        content.register_buffer("mean", torch.zeros(len(content.mean) + 1))
        with pytest.raises(SettingsError, match="content.mean is .* there and .* here. Give the same item features"):
            warm_start(now.tiger, tokens, later["warm_start"])


def test_a_killed_run_resumes_to_the_same_weights(
    later: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = str(tmp_path / "whole"), str(tmp_path / "parts")
    expected = run({**later, "run_folder": whole})
    validate = TIGERTrainer._validate

    def killed(self: TIGERTrainer, epoch: int, *arguments: Any) -> tuple[float, bool]:
        if epoch == 1:
            raise KeyboardInterrupt
        return validate(self, epoch, *arguments)

    with monkeypatch.context() as kill, pytest.raises(KeyboardInterrupt):
        kill.setattr(TIGERTrainer, "_validate", killed)
        run({**later, "run_folder": parts})
    assert run({**later, "run_folder": parts})["test"] == expected["test"]
    weights = [read_model(Path(folder) / "model.safetensors").tensors for folder in (whole, parts)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_missing_run_is_told_before_anything_is_learned(later: Settings, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="There is no run folder"):
        run({**later, "sids_file": None, "warm_start": str(tmp_path / "none"), "run_folder": str(tmp_path / "new")})
    assert not (tmp_path / "new" / "tokenizer").exists() and not (tmp_path / "cache").exists()


def test_a_run_does_not_begin_with_itself(later: Settings, earlier: dict[str, Path], tmp_path: Path) -> None:
    own = shutil.copytree(earlier["run"], tmp_path / "own")
    with pytest.raises(SettingsError, match="this run's own folder"):
        run({**later, "warm_start": str(own), "run_folder": str(own)})
    assert (own / "model.safetensors").read_bytes() == (earlier["run"] / "model.safetensors").read_bytes()


def test_a_damaged_run_is_refused(later: Settings, earlier: dict[str, Path], tmp_path: Path) -> None:
    now, tokens = built({**later, "warm_start": None})
    copy = shutil.copytree(earlier["run"], tmp_path / "copy")
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(DamagedFile):
        warm_start(now.tiger, tokens, copy)


def test_a_run_on_other_weights_does_not_resume(later: Settings, earlier: dict[str, Path], tmp_path: Path) -> None:
    from recbole_adasid.plugin.config.run_settings import training_key

    def key(**changes: Any) -> str:
        return training_key(build_config({**later, **changes}), "sids", "interactions")

    copy = shutil.copytree(earlier["run"], tmp_path / "copy")
    assert key() == key(warm_start=str(copy)) != key(warm_start=None)
    changed = read_model(copy / "model.safetensors")
    assert np.isfinite(changed.about["best_valid_score"])
    (copy / "model.safetensors").write_bytes(b"other")
    assert key() != key(warm_start=str(copy))


def test_a_refused_start_leaves_no_run_folder(later: Settings, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="a different network"):
        run({**later, "d_model": 32, "run_root": str(tmp_path / "fresh")})
    assert not (tmp_path / "fresh").exists()


def test_the_earlier_model_is_read_to_check_it_and_to_take_its_weights(
    later: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Path] = []
    monkeypatch.setattr(module, "read_model", lambda path: reads.append(path) or read_model(path))
    run({**later, "epochs": 1})
    assert len(reads) == 2
