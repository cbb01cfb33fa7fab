from __future__ import annotations

import json
import logging
import sys

import pytest
import torch
import yaml

from recbole_adasid.cli.train import main
from recbole_adasid.plugin.run import run
from recbole_adasid.run_folder.history import read_history
from recbole_adasid.settings.arguments import parse_arguments
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.presets import presets


def arguments(settings: dict[str, object]) -> list[str]:
    return [f"--{key}={json.dumps(value) if not isinstance(value, str) else value}" for key, value in settings.items()]


def test_a_run_may_be_judged_by_what_it_recommends_alone(tiny_settings):
    settings = {**tiny_settings, "metrics": ["ItemCoverage", "TailPercentage"], "valid_metric": "ItemCoverage@10"}
    done = run({**settings, "tail_ratio": 0.5, "report": True})
    metrics = json.loads((done["run_folder"] / "metrics.json").read_text())
    names = {f"{name}@{k}" for name in ("itemcoverage", "tailpercentage") for k in (3, 5, 10)}
    assert metrics["test"].keys() == metrics["best_valid"].keys() == names
    assert metrics["test_intervals"] == {} and 0 < metrics["test"]["itemcoverage@10"] <= 20 / 21
    assert "ItemCoverage@10" in (done["run_folder"] / "report.html").read_text()


def test_a_run_leaves_settings_semantic_ids_metrics_and_model(tiny_settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run({**tiny_settings, "report": True})
    folder = done["run_folder"]
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *(
            ".lock",
            "config.yaml",
            "sids.json",
            "sids.info.json",
            "items.json",
            "features.safetensors",
            "metrics.json",
            "about.json",
            "history.json",
            "examples.json",
            "report.html",
            "test_ranks.npz",
            "evaluation.json",
            "evaluation.md",
            "model.safetensors",
            "tokenizer",
            "run.log",
            "tensorboard",
        )
    }
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "cache"}
    sids = json.loads((folder / "sids.json").read_text())
    assert len(sids) == 20 and {len(codes) for codes in sids.values()} == {4}
    assert len({tuple(codes) for codes in sids.values()}) == 20
    labels = json.loads((folder / "items.json").read_text())
    assert list(labels) == list(sids) and labels["i3"] == {"title": "the red thing number i3", "category": ""}
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["test"] == done["test"] and metrics["best_valid"] == done["best_valid"]
    for name, (low, high) in metrics["test_intervals"].items():
        assert low <= done["test"][name] <= high
    assert metrics["test_intervals"].keys() == done["test"].keys()
    for name, by_semantic_id in metrics["test_by_semantic_ids"].items():
        assert by_semantic_id >= done["test"][name] - 5e-5  # rounded; a hit on the item is a hit on its Semantic ID
    assert metrics["test_by_semantic_ids"].keys() == done["test"].keys()
    for name, (low, high) in metrics["best_valid_intervals"].items():
        assert low <= done["best_valid"][name] <= high
    assert metrics["best_valid_by_semantic_ids"].keys() == metrics["test_by_popularity"].keys() == done["test"].keys()
    history = read_history(folder / "history.json")
    assert history["validation"]["ndcg@10"][history["validation"]["epoch"].index(1)] <= done["best_valid"]["ndcg@10"]
    assert list(done["test"]) == ["recall@3", "recall@5", "recall@10", "ndcg@3", "ndcg@5", "ndcg@10"]


def test_a_second_run_reuses_every_stage_and_says_so(tiny_settings, caplog):
    first = run(tiny_settings)
    with caplog.at_level(logging.INFO):
        second = run(tiny_settings)
    assert set(first["semantic_ids"].stages.values()) == {"computed"}
    assert set(second["semantic_ids"].stages.values()) == {"reused"}
    assert "tokenizer reused" in caplog.text
    assert first["test"] == second["test"] and first["run_folder"] != second["run_folder"]


def test_the_written_settings_repeat_the_run(tiny_settings, tmp_path):
    first = run(tiny_settings)
    second = run({"run_folder": str(tmp_path / "again")}, [first["run_folder"] / "config.yaml"])
    assert second["run_folder"] == tmp_path / "again" and first["test"] == second["test"]
    written = (yaml.safe_load((done["run_folder"] / "config.yaml").read_text()) for done in (first, second))
    assert next(written) == next(written)


def test_the_stock_quick_start_gives_the_same_numbers(tiny_settings, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    from recbole.quick_start import run_recbole

    done = run(tiny_settings)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["program"])
    settings = {key: value for key, value in tiny_settings.items() if key != "dataset"}
    stock = run_recbole("TIGER", "tiny", config_dict=settings)
    assert dict(stock["test_result"]) == dict(done["test"])


def test_the_command_line_runs_the_job(tiny_settings, capfd):
    assert main(arguments(tiny_settings)) == 0
    printed = "".join(capfd.readouterr())
    assert "recall@10" in printed and "ndcg@10" in printed


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--epoch=3"], "Unknown setting 'epoch'"),
        (["epochs=3"], "not of the form --key=value"),
        (["--epochs"], "has no value"),
        (["--epochs=3", "--epochs=4"], "given twice"),
        (["--config_files=missing.yaml"], "There is no settings file missing.yaml"),
        (["--dataset=nowhere", "--data_path=nowhere"], "There is no dataset 'nowhere'"),
        (["--tokenizer=rqva"], "did you mean rqvae"),
        (["--checkpoint_dir=saved"], "set run_folder or run_root instead"),
        (["--device=cpu"], "use_gpu=false trains on the CPU"),
        (["--config_files=my settings.yaml"], "quote a path with spaces once more"),
    ],
)
def test_a_mistake_is_answered_by_a_sentence_and_no_traceback(given, message, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(given) == 2
    error = capfd.readouterr().err
    assert message in error and "Traceback" not in error


def test_arguments_may_be_written_with_an_equals_sign_or_a_space():
    settings, files = parse_arguments(["--dataset", "010", "--epochs=3", "--text_fields=[a, b]", "--config_files=a b"])
    assert settings == {"dataset": "010", "epochs": 3, "text_fields": ["a", "b"]} and files == ["a", "b"]
    with pytest.raises(SettingsError):
        parse_arguments(["--=3"])


def test_a_missing_feature_file_is_named_and_the_log_tells_where_it_was_missed(tiny_settings, capfd, tmp_path):
    folder = tmp_path / "run"
    assert main(arguments({**tiny_settings, "item_features_file": "absent.npz", "run_folder": str(folder)})) == 2
    error = capfd.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ") and "absent.npz" in error
    assert "Traceback" in (folder / "run.log").read_text()


def ask_for_a_petabyte(settings, files):
    torch.empty(10**15)


def fail_as_on_a_gpu(settings, files):
    raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has …")


@pytest.mark.parametrize("run_out", [ask_for_a_petabyte, fail_as_on_a_gpu])
def test_too_little_memory_ends_in_a_sentence(run_out, monkeypatch, capsys):
    monkeypatch.setattr("recbole_adasid.plugin.run.run", run_out)
    assert main([]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: out of memory: lower train_batch_size")


def test_help_of_another_recommender_lists_its_settings(capsys):
    assert main(["--model=SASRec", "--help"]) == 0
    printed = capsys.readouterr().out
    for name in ("settings of --model=SASRec", "inner_size: 256", "MAX_ITEM_LIST_LENGTH: 20", "eval_args:"):
        assert name in printed
    assert "beam_size" not in printed and "tokenizer:" not in printed


def test_other_errors_of_torch_are_not_hidden(monkeypatch):
    def fail(settings, files):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr("recbole_adasid.plugin.run.run", fail)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        main([])


def test_help_lists_presets_and_settings(capsys):
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    for name in (*presets("tokenizer"), *presets("dataset"), "learning_rate: 0.002", "swing_alpha", "--config_files"):
        assert name in printed
