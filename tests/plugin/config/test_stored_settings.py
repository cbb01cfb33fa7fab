"""Settings inside a model's file describe, and neither fetch nor write nor connect to anybody."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recbole_adasid.cli import items as items_command
from recbole_adasid.io.tensor_file import DamagedFile, MismatchedFile
from recbole_adasid.plugin import audit
from recbole_adasid.plugin.config.constraints import RULES
from recbole_adasid.plugin.config_values import config_of
from recbole_adasid.plugin.patches.quick_start import load_data_and_model
from recbole_adasid.run_folder.model_file import read_model
from recbole_adasid.serving.recommender import Recommender
from recbole_adasid.settings.harmless import INERT, OF_THE_MACHINE, harmless

new_items = items_command.COMMAND.main

Settings = dict[str, Any]
Resign = Callable[..., Path]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RecBole logs into the working directory and reads the program's arguments."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(sys, "argv", ["program"])


def files_in(*folders: Path) -> set[str]:
    return {str(path) for folder in folders for path in folder.rglob("*") if "/log" not in str(path)}


def test_a_download_in_a_file_s_settings_is_not_made(
    run_copy: Path, resigned: Resign, attacker: tuple[str, list[str]], tmp_path: Path
) -> None:
    """The dataset is not where the settings say, so that it would be obtained."""
    (trap := tmp_path / "trap" / "tiny").mkdir(parents=True)
    before = files_in(tmp_path)
    fetching = {"download": True, "reviews_url": f"{attacker[0]}/x.json", "metadata_url": f"{attacker[0]}/y.json"}
    path = resigned(run_copy, data_path=str(trap), **fetching)
    for load in (load_data_and_model, lambda file: config_of(read_model(file))):
        try:
            load(path)
        except ValueError as error:
            assert "There is no dataset 'tiny'" in str(error)
    assert attacker[1] == [] and files_in(tmp_path) == before


def test_a_download_in_a_file_of_the_user_s_own_is_made(
    run_copy: Path, resigned: Resign, attacker: tuple[str, list[str]], tmp_path: Path
) -> None:
    (trap := tmp_path / "trap" / "tiny").mkdir(parents=True)
    path = resigned(run_copy, data_path=str(trap), download=True, reviews_url=f"{attacker[0]}/x.json")
    with pytest.raises(ValueError):
        load_data_and_model(path, trusted=True)
    assert attacker[1] == ["/x.json"]


@pytest.mark.parametrize("key", ["interactions_table", "items_table"])
def test_a_table_in_a_file_s_settings_is_not_converted(
    key: str, run_copy: Path, resigned: Resign, tmp_path: Path
) -> None:
    (trap := tmp_path / "trap" / "tiny").mkdir(parents=True)
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\na,b,1\n")
    before = files_in(tmp_path)
    path = resigned(run_copy, data_path=str(trap), **{key: str(tmp_path / "log.csv")})
    with pytest.raises(ValueError, match="There is no dataset 'tiny'"):
        load_data_and_model(path)
    assert files_in(tmp_path) == before


def test_folders_in_a_file_s_settings_are_not_written_to(run_copy: Path, resigned: Resign, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    path = resigned(run_copy, cache_dir=out, run_folder=out, checkpoint_dir=out, run_root=out, log_wandb=True)
    config, model, *_ = load_data_and_model(path)
    assert config["run_folder"] == config["checkpoint_dir"] == str(run_copy) and config["cache_dir"] is None
    assert config["log_wandb"] is False and not (tmp_path / "out").exists()
    from recbole.utils import get_trainer

    get_trainer(config["MODEL_TYPE"], "TIGER")(config, model)
    assert not (tmp_path / "out").exists()


def test_another_dataset_is_refused_before_anything_else_is_read(
    run_copy: Path,
    resigned: Resign,
    tmp_path: Path,
    write_dataset: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [(f"u{user}", f"i{(user + step) % 9}", str(step)) for user in range(9) for step in range(5)]
    path = resigned(run_copy, data_path=str(write_dataset(tmp_path / "data", rows) / "tiny"))
    monkeypatch.setattr("recbole.data.data_preparation", lambda *_: pytest.fail("the data was prepared"))
    with pytest.raises(MismatchedFile, match="20 items then, 9 now"):
        load_data_and_model(path)


def test_numbers_of_ranks_in_a_file_connect_nobody(
    run_copy: Path, resigned: Resign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection"))
    path = resigned(run_copy, local_rank=0, offset=0, ip="127.0.0.1", port=9, world_size=2, nproc=2)
    assert load_data_and_model(path)[0]["single_spec"] is True


def test_the_audit_of_a_run_fetches_nothing(run_copy: Path, attacker: tuple[str, list[str]], tmp_path: Path) -> None:
    (tmp_path / "trap").mkdir()
    lines = [
        "download: true",
        f"reviews_url: {attacker[0]}/x.json",
        f"data_path: {tmp_path / 'trap'}",
        "dataset: other",
    ]
    (run_copy / "config.yaml").write_text("\n".join(lines))
    with pytest.raises(ValueError, match="There is no dataset 'other'"):
        audit.audit(run_copy)
    assert attacker[1] == [] and not list((tmp_path / "trap").iterdir())


def test_images_of_new_items_are_not_fetched_at_a_file_s_wish(
    run_copy: Path, resigned: Resign, attacker: tuple[str, list[str]], tmp_path: Path
) -> None:
    pytest.importorskip("PIL")
    settings = {
        "modalities": [{"image_field": "title", "image_folder": str(tmp_path / "pictures"), "image_download": True}]
    }
    settings |= {"image_download": True, "image_private_hosts": True, "image_encoder_model": "pixels"}
    resigned(run_copy, **settings)
    table = {"item_id": ["n"], "title": [f"{attacker[0]}/a.png"]}
    with pytest.raises(ValueError, match="holds none of the images"):
        Recommender.load(run_copy).add_items(["n"], table=table)
    assert attacker[1] == [] and not (tmp_path / "pictures").exists()
    with pytest.raises(ValueError, match="holds none of the images|cannot be"):
        Recommender.load(run_copy, trusted=True).add_items(["n"], table=table)
    assert attacker[1] == ["/a.png"]


@pytest.mark.parametrize("given", ["false", "true"])
def test_a_text_model_that_a_file_names_is_not_downloaded(
    given: str,
    run_copy: Path,
    resigned: Resign,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    asked: list[dict[str, Any]] = []

    def model(name: str, **options: Any) -> Any:
        asked.append({"name": name, **options})
        raise OSError("it is not here")

    module = type(sys)("sentence_transformers")
    module.SentenceTransformer = model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    resigned(run_copy, text_encoder="sentence-transformers", text_encoder_model="some/model")
    (tmp_path / "new.item").write_text("item_id:token\ttitle:token\nn\ta thing\n")
    assert new_items(["add", f"--run_folder={run_copy}", f"--items={tmp_path / 'new.item'}", f"--trusted={given}"]) == 2
    said = capfd.readouterr().err
    assert asked[0]["name"] == "some/model"
    assert ("trusted=true if the run is your own" in said) is (given == "false")
    assert asked[0].get("local_files_only", False) is (given == "false")


def test_a_text_model_in_a_folder_that_a_file_names_is_not_loaded(
    run_copy: Path, resigned: Resign, tmp_path: Path
) -> None:
    resigned(run_copy, text_encoder="sentence-transformers", text_encoder_model=str(run_copy / "tokenizer"))
    module = type(sys)("sentence_transformers")
    module.SentenceTransformer = lambda *_, **__: pytest.fail("it was loaded")  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "sentence_transformers", module)
        with pytest.raises(ValueError, match="is a folder named by an untrusted file"):
            Recommender.load(run_copy).add_items(["n"], table={"item_id": ["n"], "title": ["x"]})


def test_every_setting_is_known_to_act_or_not() -> None:
    """A new setting with a name of this kind has to be thought of."""
    acting = (
        "url",
        "path",
        "run_copy",
        "dir",
        "root",
        "file",
        "files",
        "table",
        "download",
        "address",
        "hosts",
        "save",
    )
    suspicious = {key for key in RULES if any(part in acting for part in key.split("_"))}
    read = {"data_path", "interactions_files", "item_features_file", "image_folder", "pair_file", "sids_file"}
    placed = {"run_folder", "checkpoint_dir", "run_root"}
    names = {"benchmark_filename", "tokenizer_save_every", "table_time_unit", "table_delimiter"}
    assert suspicious - set(INERT) - set(OF_THE_MACHINE) - read - placed - names == set()


@pytest.mark.parametrize("place", ["//host/share", "\\\\host\\share"])
def test_data_on_another_machine_is_refused(place: str, run_copy: Path, resigned: Resign) -> None:
    with pytest.raises(DamagedFile, match="is on another machine"):
        read_model(resigned(run_copy, data_path=place))


def test_what_acts_is_inert_and_nothing_else_changes(tmp_path: Path) -> None:
    settings = dict.fromkeys((*INERT, *OF_THE_MACHINE), "x") | {"epochs": 3, "worker": 0, "run_folder": "/elsewhere"}
    modalities = [{"image_field": "a", "image_download": True, "weight": 2}]
    assert harmless({**settings, "modalities": modalities}, tmp_path) == {
        **INERT,
        **{"epochs": 3, "worker": 0, "run_folder": str(tmp_path)},
        "modalities": [{"image_field": "a", "image_download": False, "weight": 2}],
    }
