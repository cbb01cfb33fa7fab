from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recbole_adasid.cli import audit as audit_command
from recbole_adasid.data.interactions import InteractionArrays
from recbole_adasid.learning import pipeline
from recbole_adasid.plugin.audit import audit
from recbole_adasid.plugin.datasets import dataset as dataset_module
from recbole_adasid.plugin.datasets.training_items import TrainingItems
from recbole_adasid.plugin.run import run
from recbole_adasid.tokenizer import registry
from recbole_adasid.tokenizer.clustering.rq_kmeans import RQKMeansTokenizer

main = audit_command.COMMAND.main


@pytest.fixture(scope="module")
def folder(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("audit")
    settings = {"dataset": "tiny", "data_path": str(tiny_data), "tokenizer": "rqkmeans", "codebook_size": 4}
    settings |= {"text_fields": ["title"], "text_width": 8, "epochs": 1, "model_size": "tiny", "show_progress": False}
    settings |= {"beam_size": 10, "report": False, "cache_dir": str(base / "cache")}
    return run({**settings, "run_folder": str(base / "run")})["run_folder"]


def test_an_honest_run_passes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"--run_folder={folder}"]) == 0
    assert "VIOLATED" not in capsys.readouterr().out


@pytest.mark.parametrize("more", [{}, {"cold_item_share": 0.2}])
def test_an_honest_run_of_an_earlier_edition_passes(
    more: dict[str, object], tiny_settings: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run({**tiny_settings, **more, "epochs": 1, "eval_step": 0})
    monkeypatch.setattr(RQKMeansTokenizer, "EDITION", 3)
    monkeypatch.setattr(pipeline, "EDITION", 4)
    assert all(dict(audit(done["run_folder"])).values())


@pytest.mark.parametrize("there", [True, False])
def test_an_honest_run_of_another_processor_passes(
    there: bool, tiny_settings: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    autoencoder = {"tokenizer": "rqvae", "tokenizer_steps": 3, "encoder_hidden": [8], "code_dim": 4}
    monkeypatch.setattr(registry, "has_bfloat16", lambda device: there)
    done = run({**tiny_settings, **autoencoder, "epochs": 1, "eval_step": 0})
    monkeypatch.setattr(registry, "has_bfloat16", lambda device: not there)
    assert all(dict(audit(done["run_folder"])).values())


def test_a_run_in_bfloat16_that_did_not_ask_for_it_fails(
    tiny_settings: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    autoencoder = {"tokenizer": "rqvae", "tokenizer_steps": 3, "encoder_hidden": [8], "code_dim": 4}
    monkeypatch.setattr(registry, "has_bfloat16", lambda device: True)
    folder = run({**tiny_settings, **autoencoder, "epochs": 1, "eval_step": 0})["run_folder"]
    settings = folder / "config.yaml"
    settings.write_text(settings.read_text().replace("tokenizer_bf16: true", "tokenizer_bf16: false"))
    assert [holds for about, holds in audit(folder) if "fingerprint" in about] == [False]


@pytest.mark.parametrize("more", [{}, {"cold_item_share": 0.2}])
def test_an_honest_run_with_a_split_by_time_passes(
    more: dict[str, object], tiny_settings: dict[str, object], write_dataset: Callable[..., Path], tmp_path: Path
) -> None:
    """Some users come late: neither pairs nor Semantic IDs may know even their first interaction."""
    rows = [(f"u{u}", f"i{(u + step) % 9}", str(100 * (u > 20) + step)) for u in range(24) for step in range(5)]
    evaluation = {"split": {"TS": [0.8, 0.1, 0.1]}, "order": "TO", "mode": "full"}
    ours = {"data_path": str(write_dataset(tmp_path, [*rows, ("once", "i1", "0")])), "eval_args": evaluation}
    done = run({**tiny_settings, **ours, **more, "epochs": 1})
    found = dict(audit(done["run_folder"]))
    assert all(found.values())
    assert "item pairs are mined from all other interactions of users with a training example" in found


def test_pairs_that_know_held_out_interactions_are_found_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    honest = dataset_module.TIGERDataset.training_items

    def leaking(self: dataset_module.TIGERDataset) -> TrainingItems:
        everything = InteractionArrays(self._flat_users, self.windows.flat_items - 1)
        return dataclasses.replace(honest(self), interactions=everything)

    monkeypatch.setattr(dataset_module.TIGERDataset, "training_items", leaking)
    assert main([f"--run_folder={folder}"]) == 1
    said = capsys.readouterr().out
    assert "VIOLATED  item pairs are mined from all other interactions" in said
    assert "VIOLATED  the Semantic IDs' fingerprint" in said


def test_histories_that_reach_held_out_interactions_are_found_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recbole_adasid.plugin.audit.history_positions", lambda part: np.arange(150))
    assert [holds for statement, holds in audit(folder) if "history" in statement] == [False]


def test_pairs_that_the_user_brought_are_not_vouched_for(
    tiny_settings: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pairs.tsv").write_text("trigger:token\ttarget:token\ni1\ti2\n")
    brought = {"pair_source": "file", "pair_file": str(tmp_path / "pairs.tsv")}
    done = run({**tiny_settings, **brought, "epochs": 1})
    assert main([f"--run_folder={done['run_folder']}"]) == 1
    said = capsys.readouterr().out
    assert f"UNKNOWN   item pairs come from {tmp_path / 'pairs.tsv'}" in said
    assert "VIOLATED" not in said and "item pairs are mined" not in said


def test_a_run_on_modalities_can_be_repeated_from_its_folder(
    tiny_settings: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    sources = [{"text_fields": ["title"]}, {"text_template": "a {title}", "text_width": 4, "weight": 0.5}]
    mined = {"pair_source": "cooccurrence", "pair_window": 2}
    done = run({**tiny_settings, **mined, "modalities": sources, "epochs": 1})
    assert done["semantic_ids"].description["tokenizer"]["feature_blocks"] == [[8, 1.0], [4, 0.5]]
    assert main([f"--run_folder={done['run_folder']}"]) == 0, capsys.readouterr().out


def test_a_folder_of_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"--run_folder={tmp_path}"]) == 2
    assert "folder of a finished run" in capsys.readouterr().err
    assert main([]) == 2
