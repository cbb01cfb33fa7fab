from __future__ import annotations

import json
import logging

import numpy as np
import pytest
import yaml

from recbole_adasid.cli.train import main
from recbole_adasid.evaluation.full_ranking import first_places
from recbole_adasid.plugin.peers.trainer import MeasuredTrainer
from recbole_adasid.plugin.run import run
from recbole_adasid.run_folder.history import read_history
from recbole_adasid.settings.errors import SettingsError


@pytest.fixture
def settings(tiny_data, tmp_path) -> dict[str, object]:
    return {
        "dataset": "tiny",
        "data_path": str(tiny_data),
        "MAX_ITEM_LIST_LENGTH": 4,
        **{"epochs": 2, "train_batch_size": 32, "eval_batch_size": 8, "show_progress": False},
        "run_root": str(tmp_path / "runs"),
    }


@pytest.fixture
def tiger(tiny_settings):
    return run({**tiny_settings, "epochs": 1})


@pytest.mark.parametrize(
    "model", ["SASRec", "GRU4Rec", "BPR", "Pop", "FPMC", "ItemKNN", "NeuMF", "MultiVAE", "LightGCN", "FEARec"]
)
def test_a_recommender_of_recbole_leaves_a_run_folder_like_tigers(model, settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run({**settings, "model": model})
    folder = done["run_folder"]
    assert folder.name.startswith(f"tiny-{model}-") and {path.name for path in tmp_path.iterdir()} == {"runs"}
    names = {path.name for path in folder.iterdir()}
    with_vectors = model in ("SASRec", "GRU4Rec", "BPR", "LightGCN", "FEARec")
    assert names - {"model.pth"} == {
        *(["item_vectors.npz"] if with_vectors else []),
        *(".lock", "config.yaml", "about.json", "metrics.json", "history.json", "run.log", "tensorboard"),
        *("test_ranks.npz", "evaluation.json", "evaluation.md"),
    }
    assert ("model.pth" in names) == (model != "ItemKNN")
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["test"] == done["test"] and metrics["best_valid"] == done["best_valid"]
    assert list(done["test"]) == ["recall@3", "recall@5", "recall@10", "ndcg@3", "ndcg@5", "ndcg@10"]
    for name, (low, high) in metrics["test_intervals"].items():
        assert low <= done["test"][name] <= high
    assert metrics["test_by_popularity"].keys() == metrics["test_slices"]["warm"].keys() - {"users"}
    assert done["semantic_ids"] is None and "semantic_ids" not in metrics
    history = read_history(folder / "history.json")
    assert max(history["validation"]["ndcg@10"]) == done["best_valid"]["ndcg@10"]
    page = (folder / "evaluation.md").read_text()
    assert page.startswith(f"# Test of {model} on tiny") and "Semantic ID" not in page


@pytest.mark.parametrize("model", ["SASRec", "BPR"])
def test_ranks_are_of_tigers_users_and_items_and_give_the_metrics(model, settings, tiger):
    done = run({**settings, "model": model})
    ours, theirs = (np.load(one["run_folder"] / "test_ranks.npz") for one in (done, tiger))
    assert set(ours.files) == {"user", "item", "rank", "missing"}
    by_user = [dict(zip(ranks["user"].tolist(), ranks["item"].tolist())) for ranks in (ours, theirs)]
    assert by_user[0] == by_user[1] and len(ours["user"]) == len(by_user[0])
    rank = ours["rank"]
    assert done["test"]["recall@10"] == pytest.approx(np.mean((rank > 0) & (rank <= 10)), abs=5e-5)
    gains = np.where(rank > 0, 1 / np.log2(np.maximum(rank, 1) + 1), 0)
    assert done["test"]["ndcg@10"] == pytest.approx(gains.mean(), abs=5e-5)


def test_lists_without_items_of_the_history(settings, monkeypatch):
    lists = []

    def noted(self, scores, held_out):
        found = first_places(scores, held_out, max(self.config["topk"]))
        lists.append((scores.clone(), found))
        return found

    monkeypatch.setattr(MeasuredTrainer, "_recommended", noted)
    batches, real = [], MeasuredTrainer._full_sort_batch_eval
    monkeypatch.setattr(
        MeasuredTrainer, "_full_sort_batch_eval", lambda self, batch: batches.append(batch[0]) or real(self, batch)
    )
    run({**settings, "model": "SASRec", "eval_exclude_seen": True})
    assert len(batches) == len(lists) > 0
    for batch, (scores, found) in zip(batches, lists):
        for history, own, items in zip(batch["item_id_list"].tolist(), scores, found.tolist()):
            assert not set(history).intersection(items) - {0}
            # Nothing else is left out: number 0 never can be recommended.
            assert set(own.isneginf().nonzero().flatten().tolist()) == {0, *history}


def test_pop_counts_every_training_interaction_and_ranks_what_a_user_had_not(settings, tiny_settings):
    tiger = run({**tiny_settings, "epochs": 1, "eval_exclude_seen": True, "MAX_ITEM_LIST_LENGTH": 9})
    done = run({**settings, "model": "Pop", "train_batch_size": 1000})
    expected = json.loads((tiger["run_folder"] / "metrics.json").read_text())["test_by_popularity"]
    measured = json.loads((done["run_folder"] / "metrics.json").read_text())["test_by_popularity"]
    assert measured == expected
    # The floor breaks ties in favour of the lower number, Pop never in favour of the held-out item.
    for name, value in done["test"].items():
        assert value <= expected[name] + 5e-5


def test_the_command_line_takes_recboles_settings_of_the_model(settings, capfd, tmp_path):
    more = {"hidden_size": 16, "inner_size": 32, "n_layers": 1, "loss_type": "BPR", "learning_rate": 0.01}
    given = [
        f"--{key}={json.dumps(value)}" if not isinstance(value, str) else f"--{key}={value}"
        for key, value in {**settings, **more}.items()
    ]
    assert main([*given, "--model=SASRec", f"--run_folder={tmp_path / 'run'}"]) == 0
    printed = "".join(capfd.readouterr())
    assert "ndcg@10" in printed and "Warning" not in printed
    written = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert written["model"] == "SASRec" and written["hidden_size"] == 16 and "tokenizer" not in written
    assert written["train_neg_sample_args"]["distribution"] == "uniform"


def test_the_written_settings_repeat_the_run(settings, tmp_path):
    first = run({**settings, "model": "SASRec"})
    second = run({"run_folder": str(tmp_path / "again")}, [first["run_folder"] / "config.yaml"])
    assert second["test"] == first["test"]
    written = (yaml.safe_load((done["run_folder"] / "config.yaml").read_text()) for done in (first, second))
    assert next(written) == next(written)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--model=sasrec"], "Unknown model 'sasrec': did you mean SASRec"),
        (["--model=DeepFM"], "Valid are: "),
        (["--model=SASRec", "--tokenizer=rqvae"], "tokenizer in the command line or config_dict belongs to TIGER"),
        (["--model=SASRec", "--hiden_size=3"], "did you mean hidden_size"),
        (["--model=SASRec", "--hidden_size=0"], "has to be a whole number of 1 or more"),
        (["--model=SASRec", "--hidden_size=30", "--n_heads=4"], "RecBole's SASRec cannot be built"),
        (["--model=SASRec", "--hidden_dropout_prob=nan"], "has to be a finite number"),
        (["--model=SASRec", "--repeatable=false"], "SASRec needs repeatable=true"),
        (["--model=SASRec", "--train_neg_sample_args={distribution: uniform}"], "has to be null with loss_type=CE"),
        (["--model=BPR", "--train_neg_sample_args={distribution: even}"], "distributions are uniform and popularity"),
        (["--model=BPR", "--eval_exclude_seen=true"], "BPR excludes seen items unless repeatable is true"),
        (["--model=S3Rec"], "trained in stages"),
        (
            ["--model=SASRecCPR", "--epochs=1"],
            "failed with these settings on this dataset (RuntimeError: selected index",
        ),
        (["--model=SASRecF"], "SASRecF reads the item columns selected_features=['class']"),
        (["--model=BPR", "--checkpoint_dir=saved"], "set run_folder or run_root instead"),
        (["--model=BPR", "--save_dataset=true"], "asks RecBole for a pickle"),
    ],
)
def test_a_mistake_is_answered_by_a_sentence(given, message, settings, tmp_path, capfd):
    more = [f"--data_path={settings['data_path']}", "--dataset=tiny", f"--run_root={tmp_path}"]
    assert main([*given, *more]) == 2
    error = capfd.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ") and message in error


def test_the_best_epoch_is_tested_and_stopping_goes_by_exact_values(settings, monkeypatch):
    from recbole_adasid.plugin.peers import trainer as trainers

    given = iter([0.5, 0.50001, 0.4, 0.3, 0.2])
    seen = []

    def metrics(self, eval_data, show_progress):
        seen.append(self.model.item_embedding.weight.sum().item())
        value = next(given)
        return dict.fromkeys(("recall@3", "recall@5", "recall@10", "ndcg@3", "ndcg@5", "ndcg@10"), value)

    monkeypatch.setattr(trainers.MeasuredTrainer, "_measured", metrics)
    monkeypatch.setattr(trainers.MeasuredTrainer, "_rounded", lambda self, found: found)
    done = run({**settings, "model": "SASRec", "epochs": 9, "stopping_step": 1})
    assert len(seen) == 5  # after two validations in a row without improvement
    assert done["best_valid"]["ndcg@10"] == 0.50001 and done["test"]["ndcg@10"] == 0.2
    assert seen[4] == seen[1] != seen[3]


def test_recboles_models_train_with_the_memory_settings_of_ours(settings, monkeypatch):
    from recbole_adasid.plugin.peers import trainer as trainers

    asked = []
    monkeypatch.setattr(trainers, "keep_freed_memory", lambda: asked.append("kept"))
    run({**settings, "model": "SASRec", "epochs": 1, "gpu_id": ""})
    assert asked == ["kept"]


def test_the_saved_model_is_read_back_with_torchs_protection_on(settings):
    pytest.importorskip("ray")
    from recbole.quick_start import load_data_and_model

    done = run({**settings, "model": "SASRec"})
    *_, test = load_data_and_model(done["run_folder"] / "model.pth")
    assert len(test._dataset)


@pytest.mark.parametrize(
    "more",
    [
        {"cold_item_share": 0.2},
        {"eval_examples": 10},
        {"eval_args": {"split": {"RS": [8, 1, 1]}, "order": "TO", "group_by": "user", "mode": "uni5"}},
    ],
)
@pytest.mark.parametrize("model", ["SASRec", "BPR"])
def test_data_and_evaluation_are_set_as_for_tiger(model, more, settings, caplog):
    with caplog.at_level(logging.INFO):
        done = run({**settings, "model": model, **more})
    metrics = json.loads((done["run_folder"] / "metrics.json").read_text())
    if "cold_item_share" in more:
        assert metrics["test_slices"]["cold"]["users"] > 0 and "Held out 4 of 20 items" in caplog.text
    if "eval_examples" in more:
        assert len(np.load(done["run_folder"] / "test_ranks.npz")["user"]) == 10
    assert 0 <= metrics["test"]["ndcg@10"] <= 1


def test_columns_of_the_items_reach_the_models_that_read_them(settings):
    done = run({**settings, "model": "SASRecF", "selected_features": ["title"]})
    written = yaml.safe_load((done["run_folder"] / "config.yaml").read_text())
    assert written["load_col"]["item"] == ["item_id", "title"] and done["test"]


def test_memory_that_runs_out_is_no_fault_of_the_settings(settings, monkeypatch):
    from recbole_adasid.plugin.peers import trainer as trainers

    def fail(*_, **__):
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(trainers.MeasuredTrainer, "_train_epoch", fail)
    with pytest.raises(RuntimeError, match="CUDA out of memory"):
        run({**settings, "model": "SASRec"})


def test_several_processes_are_refused(monkeypatch, capfd):
    from types import SimpleNamespace

    from recbole_adasid.plugin import run as main_job

    assert main(["--model=SASRec", "--nproc=2"]) == 2
    assert "SASRec is trained by RecBole in one process" in capfd.readouterr().err
    monkeypatch.setattr(main_job, "world", lambda: SimpleNamespace(size=2))
    with pytest.raises(SettingsError, match="one process"):
        run({"model": "SASRec"})


@pytest.mark.parametrize("model", ["SASRec", "BPR"])
def test_without_a_test_no_ranks_of_a_validation_are_written(model, settings):
    order = {"split": {"LS": "valid_only"}, "order": "TO", "group_by": "user", "mode": "full"}
    done = run({**settings, "model": model, "eval_args": order, "epochs": 4, "learning_rate": 0.5})
    assert not done["test"] and done["best_valid"] and not (done["run_folder"] / "test_ranks.npz").exists()
