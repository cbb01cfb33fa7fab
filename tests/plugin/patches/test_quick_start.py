"""`recbole.quick_start` on TIGER's files and on those of RecBole's other models."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import fresh
from recbole_adasid.io.tensor_file import DamagedFile, MismatchedFile
from recbole_adasid.plugin.patches.quick_start import load_data_and_model
from recbole_adasid.plugin.run import run

Settings = dict[str, Any]


pytestmark = pytest.mark.usefixtures("elsewhere")


def python(code: str) -> str:
    done = fresh.python(code)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_load_data_and_model_gives_the_same_results_in_a_new_process(tiny_settings: Settings) -> None:
    done = run(tiny_settings)
    code = f"""
import recbole_adasid
from recbole.quick_start import load_data_and_model
from recbole.utils import get_trainer

config, model, dataset, train, valid, test = load_data_and_model({str(done["run_folder"] / "model.safetensors")!r})
trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
print("RESULT", dict(trainer.evaluate(test, load_best_model=False)))
print("AGAIN", dict(trainer.evaluate(test)))
"""
    found = python(code)
    assert f"RESULT {dict(done['test'])}" in found and f"AGAIN {dict(done['test'])}" in found


def test_the_stock_function_is_replaced_even_where_it_was_imported_before() -> None:
    pytest.importorskip("ray")
    code = "from recbole.quick_start import load_data_and_model\nimport recbole_adasid, recbole.quick_start as stock\n"
    code += "print(load_data_and_model.__module__, stock.load_data_and_model.__module__)"
    assert python(code).split() == ["recbole_adasid.plugin.patches.quick_start"] * 2


def test_run_recbole_leaves_a_file_that_load_data_and_model_reads(tiny_settings: Settings, tmp_path: Path) -> None:
    from recbole.quick_start import load_data_and_model, run_recbole

    settings = {key: value for key, value in tiny_settings.items() if key != "dataset"}
    result = run_recbole("TIGER", "tiny", config_dict={**settings, "checkpoint_dir": str(tmp_path / "kept")})
    (file,) = (tmp_path / "kept").iterdir()
    assert file.name.startswith("TIGER-") and file.suffix == ".safetensors"
    config, model, _, _, _, test = load_data_and_model(str(file))
    from recbole.utils import get_trainer

    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    assert trainer.evaluate(test, load_best_model=False) == result["test_result"]


def test_recbole_s_full_sort_topk_ranks_all_items_exactly(tiny_settings: Settings) -> None:
    from recbole.utils.case_study import full_sort_topk

    file = run(tiny_settings)["run_folder"] / "model.safetensors"
    config, model, dataset, _, _, test = load_data_and_model(str(file))
    users = dataset.token2id(dataset.uid_field, ["u1", "u5"])
    scores, items = full_sort_topk(users, model, test, k=4, device=config["device"])
    place = dict(zip(users.tolist(), range(len(users))))
    checked = 0
    for histories, *_ in test:
        best = model.full_sort_predict(histories).view(len(histories), -1).topk(4)
        for row, user in enumerate(histories[dataset.uid_field].tolist()):
            if user in place:
                torch.testing.assert_close(scores[place[user]], best.values[row], rtol=1e-4, atol=1e-4)
                assert items[place[user]].tolist() == best.indices[row].tolist()
                checked += 1
    assert checked == 2


def test_a_model_whose_items_changed_since_is_refused(tiny_settings: Settings, tiny_data: Path, tmp_path: Path) -> None:
    data_path = Path(shutil.copytree(tiny_data, tmp_path / "data"))
    file = run({**tiny_settings, "data_path": str(data_path)})["run_folder"] / "model.safetensors"
    with (data_path / "tiny" / "tiny.inter").open("a", encoding="utf-8") as stream:
        stream.write("u0\ti99\t5000\n")
    with pytest.raises(MismatchedFile, match="20 items then, 21 now"):
        load_data_and_model(file)


def test_a_run_folder_with_a_pickled_dataset_is_refused(tiny_settings: Settings) -> None:
    folder = run(tiny_settings)["run_folder"]
    (folder / "tiny-TIGERDataset.pth").touch()
    with pytest.raises(ValueError, match="tiny-TIGERDataset.pth.*remove it"):
        load_data_and_model(folder / "model.safetensors")


def test_another_model_s_checkpoint_is_loaded_as_recbole_does(tiny_data: Path) -> None:
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer

    settings = {"data_path": str(tiny_data), "epochs": 1, "load_col": {"inter": ["user_id", "item_id", "timestamp"]}}
    config = Config("BPR", "tiny", config_dict=settings)
    train, valid, test = data_preparation(config, create_dataset(config))
    trainer = get_trainer(config["MODEL_TYPE"], "BPR")(config, get_model("BPR")(config, train.dataset))
    trainer.fit(train, valid)
    found = load_data_and_model(trainer.saved_model_file)
    assert [type(part).__name__ for part in found[:3]] == ["Config", "BPR", "Dataset"]
    for name, value in found[1].state_dict().items():
        assert value.equal(trainer.model.state_dict()[name])


def test_a_pickled_model_of_an_earlier_version_is_refused_with_a_remedy(tmp_path: Path) -> None:
    torch.save({"config": {"model": "TIGER", "sid_level_sizes": [4, 4]}, "state_dict": {}}, tmp_path / "model.pth")
    with pytest.raises(DamagedFile, match="unpickled.*train the model again, or load the file with the version"):
        load_data_and_model(tmp_path / "model.pth")


@pytest.mark.parametrize("content", [b"PK\x03\x04 half a zip", b"\x80\x02 half a pickle"])
def test_a_damaged_checkpoint_of_another_model_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "BPR.pth").write_bytes(content)
    with pytest.raises(DamagedFile, match=r"BPR\.pth .*is damaged"):
        load_data_and_model(tmp_path / "BPR.pth")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pth"):
        load_data_and_model("nowhere.pth")
