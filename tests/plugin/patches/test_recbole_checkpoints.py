"""Checkpoints of RecBole's other models from elsewhere: nothing in them, or named by them, is executed."""

from __future__ import annotations

import os
import pickle
import shutil
import socket
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from malicious_files import Malicious
from recbole_adasid.io.tensor_file import DamagedFile
from recbole_adasid.plugin.config_values import from_plain
from recbole_adasid.plugin.patches.quick_start import load_data_and_model
from recbole_adasid.plugin.saved_data import LOADED

Settings = dict[str, Any]


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "executed"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RecBole logs into the working directory and reads the program's arguments."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(sys, "argv", ["program"])


def files_in(*folders: Path) -> set[str]:
    return {str(path) for folder in folders for path in folder.rglob("*") if "/log" not in str(path)}


@pytest.fixture(scope="module")
def recbole_file(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a BPR that was trained for one epoch."""
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer

    folder = tmp_path_factory.mktemp("saved")
    settings = {"data_path": str(tiny_data), "epochs": 1, "load_col": {"inter": ["user_id", "item_id", "timestamp"]}}
    arguments, sys.argv = sys.argv, ["program"]
    config = Config("BPR", "tiny", config_dict={**settings, "checkpoint_dir": str(folder), "show_progress": False})
    sys.argv = arguments
    train, valid, _ = data_preparation(config, create_dataset(config))
    trainer = get_trainer(config["MODEL_TYPE"], "BPR")(config, get_model("BPR")(config, train.dataset))
    trainer.fit(train, valid, show_progress=False)
    return Path(trainer.saved_model_file)


def forged(file: Path, folder: Path, **settings: Any) -> Path:
    """Return a copy of a checkpoint with other settings."""
    content = torch.load(file, weights_only=True)
    content["config"].final_config_dict.update(settings)
    for key in [key for key, value in settings.items() if value is None]:
        content["config"].final_config_dict[key] = None
    folder.mkdir(exist_ok=True)
    torch.save(content, folder / "model.pth", pickle_protocol=2)
    return folder / "model.pth"


def test_a_sound_checkpoint_is_loaded(recbole_file: Path, tmp_path: Path) -> None:
    file = Path(shutil.copy(recbole_file, tmp_path / "BPR.pth"))
    config, model, *_ = load_data_and_model(file)
    assert type(model).__name__ == "BPR" and config["checkpoint_dir"] == str(tmp_path)


def test_a_checkpoint_of_when_the_settings_were_rebuilt_elsewhere_in_the_package_is_loaded(
    recbole_file: Path, tmp_path: Path
) -> None:
    now, then = (
        f"crecbole_adasid.{module}\nrebuild_config".encode() for module in ("plugin.config_values", "host.checkpoint")
    )
    with zipfile.ZipFile(recbole_file) as written, zipfile.ZipFile(tmp_path / "model.pth", "w") as earlier:
        for entry in written.infolist():
            content = written.read(entry)
            assert (now in content) is entry.filename.endswith("/data.pkl")
            earlier.writestr(entry, content.replace(now, then))
    config = load_data_and_model(tmp_path / "model.pth")[0]
    assert config["model"] == "BPR" and config["dataset"] == "tiny"


def test_a_teacher_that_is_python_is_not_evaluated(recbole_file: Path, tmp_path: Path, marker: Path) -> None:
    teacher = f"__import__('pathlib').Path({str(marker)!r}).touch() or CrossNet"
    settings = {"model": "KD_DAGFM", "teacher": teacher, "phase": "teacher_training", "depth": 1, "t_depth": 1}
    settings |= {
        "type": "inner",
        "t_type": "inner",
        "alpha": 1,
        "beta": 1,
        "embedding_size": 4,
        "numerical_features": [],
    }
    file = forged(recbole_file, tmp_path / "x", **settings)
    with pytest.raises(ValueError, match="teacher=.* is Python code that RecBole would execute.*CrossNet, DAGFM"):
        load_data_and_model(file)
    assert not marker.exists()


@pytest.mark.parametrize("key", LOADED)
def test_settings_that_name_a_file_to_unpickle_are_refused(
    key: str, recbole_file: Path, tmp_path: Path, marker: Path
) -> None:
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Malicious(marker)))
    file = forged(recbole_file, tmp_path / "x", **{key: str(tmp_path / "evil.pth")})
    with pytest.raises(ValueError, match=f"{key}=.*could execute anything: load it with trusted=True"):
        load_data_and_model(file)
    assert not marker.exists()


def test_an_embedding_that_would_be_unpickled_is_refused(recbole_file: Path, tmp_path: Path) -> None:
    file = forged(recbole_file, tmp_path / "x", model="LDiffRec", n_cate=2)
    with pytest.raises(ValueError, match="n_cate=2 lets LDiffRec unpickle item_emb.npy"):
        load_data_and_model(file)


@pytest.mark.parametrize("name", ["tiny-Dataset.pth", "tiny-SequentialDataset.pth", "tiny-for-BPR-dataloader.pth"])
@pytest.mark.parametrize("where", ["beside", "elsewhere"])
def test_a_pickled_dataset_is_refused_beside_the_file_and_where_its_settings_point(
    where: str, name: str, recbole_file: Path, tmp_path: Path, marker: Path
) -> None:
    place = tmp_path / ("x" if where == "beside" else "trap")
    place.mkdir()
    (place / name).write_bytes(pickle.dumps(Malicious(marker)))
    file = forged(recbole_file, tmp_path / "x", checkpoint_dir=str(place))
    with pytest.raises(ValueError, match=f"RecBole would unpickle .*{name}.*remove it"):
        load_data_and_model(file)
    assert not marker.exists()


def test_a_file_of_the_user_s_own_loads_its_saved_dataset(recbole_file: Path, tmp_path: Path, marker: Path) -> None:
    """What a user asks for by trusted is what RecBole does."""
    place = tmp_path / "x"
    place.mkdir()
    (place / "tiny-Dataset.pth").write_bytes(pickle.dumps(Malicious(marker)))
    file = forged(recbole_file, place, checkpoint_dir=str(place))
    with pytest.raises(Exception, match="config"):
        load_data_and_model(file, trusted=True)
    assert marker.exists()


def test_settings_that_write_or_connect_do_nothing(
    recbole_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection"))
    ranks = {"local_rank": 0, "nproc": 1, "world_size": 1, "offset": 0, "ip": "127.0.0.1", "port": 9}
    writes = {"save_dataset": True, "save_dataloaders": True, "log_wandb": True, "checkpoint_dir": str(tmp_path / "y")}
    config = load_data_and_model(forged(recbole_file, tmp_path / "x", **ranks, **writes, worker=4096))[0]
    assert config["checkpoint_dir"] == str(tmp_path / "x") and config["single_spec"] is True
    assert not any(config[key] for key in ("save_dataset", "save_dataloaders", "log_wandb"))
    assert config["worker"] <= (os.cpu_count() or 1)
    assert files_in(tmp_path) <= {str(tmp_path / "x"), str(tmp_path / "x" / "model.pth"), str(tmp_path / "elsewhere")}


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"model": "../../x"}, "which is not a name"),
        ({"model": "os"}, "names the model 'os'"),
        ({"model": "TIGER"}, "names the model 'TIGER'"),
        ({"model": ["BPR"]}, "which is not a name"),
        ({"dataset": "../tiny"}, "which is not a name"),
        ({"dataset": None}, "which is not a name"),
        ({"benchmark_filename": ["../../x"]}, "not usable in file names"),
        ({"additional_feat_suffix": "x"}, "not usable in file names"),
        ({"data_path": "//host/share"}, "is on another machine"),
        ({"embedding_size": "many"}, "does not match its own settings"),
        ({"embedding_size": 8}, "does not match its own settings"),
        ({"eval_args": 3}, "does not match its own settings"),
    ],
)
def test_forged_settings_of_a_checkpoint_are_refused_in_a_sentence(
    settings: Settings, why: str, recbole_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(DamagedFile, match=why):
        load_data_and_model(forged(recbole_file, tmp_path / "x", **settings))


def test_a_dataset_that_is_not_there_is_not_downloaded(
    recbole_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recbole.data.dataset import Dataset

    monkeypatch.setattr(Dataset, "_download", lambda *_: pytest.fail("a download"))
    with pytest.raises(FileNotFoundError, match="there is no folder .*nowhere"):
        load_data_and_model(forged(recbole_file, tmp_path / "x", data_path=str(tmp_path / "nowhere")))


@pytest.mark.parametrize("content", [{}, {"config": 3, "state_dict": {}}, {"config": {}, "state_dict": 1}, [1]])
def test_a_file_that_is_no_checkpoint_is_refused(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "x.pth", pickle_protocol=2)
    with pytest.raises(DamagedFile, match=r"x\.pth holds no"):
        load_data_and_model(tmp_path / "x.pth")


@pytest.mark.parametrize(
    "named", [["__builtins__", "exec"], ["Enum", "x"], ["ModelType", "x"], "x", None, ["a", "b", "c"]]
)
def test_only_members_of_enumerations_are_looked_up(named: Any) -> None:
    with pytest.raises(ValueError, match="is not a member of a RecBole enum"):
        from_plain({"x": {"__enum__": named}})
