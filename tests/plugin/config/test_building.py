from __future__ import annotations

import logging
import shutil
import sys

import pytest
import yaml

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.config.run_settings import writable
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.presets import props_folder


def test_defaults_give_way_to_files_and_files_to_the_command_line(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("epochs: 3\nlearning_rate: 1e-4\ntokenizer: rqvae\n", encoding="utf-8")
    config = build_config({"epochs": 4}, [file])
    assert (config["epochs"], config["learning_rate"], config["tokenizer"]) == (4, 0.0001, "rqvae")
    assert config["weight_decay"] == 0.05 and config["regulation"] == "none"


def test_explicit_widths_win_over_the_model_size():
    config = build_config({"model_size": "paper", "d_ff": 256})
    assert (config["d_ff"], config["n_heads"]) == (256, 6)


def test_only_user_item_and_time_are_loaded_under_the_names_of_the_data():
    assert build_config({})["load_col"] == {"inter": ["user_id", "item_id", "timestamp"]}
    renamed = build_config({"USER_ID_FIELD": "session", "load_col": None})
    assert renamed["load_col"] == {"inter": ["session", "item_id", "timestamp"]}


def test_recbole_s_ml_100k_preset_does_not_rescale_times():
    assert build_config({})["normalize_all"] is False


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epoch": 3}, "Unknown setting 'epoch' in the command line or config_dict: did you mean epochs"),
        ({"model": "TIGRE"}, "Unknown model 'TIGRE': did you mean TIGER"),
        ({"tokenizer": "adasd"}, "Unknown tokenizer 'adasd': did you mean adasid"),
        ({"model_size": "big"}, "Unknown model_size 'big'"),
        ({"epochs": "many"}, "epochs='many' has to be a whole number"),
        ({"bf16": "maybe"}, "bf16='maybe' has to be true or false"),
        ({"beam_size": 5}, "beam_size=5 cannot fill topk"),
        ({"benchmark_filename": ["train"]}, "pre-split files"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_sentence(settings, message):
    with pytest.raises(SettingsError, match=message):
        build_config(settings)


def test_a_beam_that_no_retrieval_uses_may_be_short():
    assert build_config({"model": "LIGER", "retrieval": "dense", "beam_size": 5})["beam_size"] == 5
    with pytest.raises(SettingsError, match="beam_size=5 cannot fill topk"):
        build_config({"model": "LIGER", "retrieval": "hybrid", "generative_weight": 1.0, "beam_size": 5})


def test_hybrid_retrieval_does_not_rank_sampled_candidates():
    hybrid = {"model": "LIGER", "retrieval": "hybrid", "generative_weight": 1.0}
    for mode in ("uni10", {"valid": "full", "test": "pop10"}):
        with pytest.raises(SettingsError, match="retrieval=hybrid takes its candidates from the beam, and eval_args"):
            build_config({**hybrid, "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": mode}})
    assert build_config(hybrid)["retrieval"] == "hybrid"


def test_the_arguments_of_the_running_program_are_not_settings_of_ours(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["program", "--epochs=99", "--verbose=yes"])
    assert build_config({})["epochs"] != 99


def test_stock_config_gets_the_same_defaults_and_checks(monkeypatch, caplog):
    from recbole.config import Config

    monkeypatch.setattr(sys, "argv", ["program", "--seed=7", "--verbos=yes"])
    with caplog.at_level(logging.WARNING):
        config = Config("TIGER", "ml-100k", config_dict={"tokenizer": "rqkmeans"})
    assert (config["text_width"], config["seed"], config["tokenizer_family"]) == (768, 7, "rq_kmeans")
    assert "argument --verbos: not a setting" in caplog.text
    with pytest.raises(SettingsError, match="Unknown setting 'tokeniser'"):
        Config("TIGER", "ml-100k", config_dict={"tokeniser": "adasid"})


def test_other_models_keep_recbole_s_own_settings(monkeypatch):
    from recbole.config import Config

    monkeypatch.setattr(sys, "argv", ["program"])
    config = Config("GRU4Rec", "ml-100k", config_dict={"train_neg_sample_args": None, "anything": 1})
    assert (config["MAX_ITEM_LIST_LENGTH"], config["anything"], config["tokenizer"]) == (50, 1, None)


def test_one_settings_file_may_be_given_alone(tmp_path):
    file = tmp_path / "fast one.yaml"
    file.write_text("epochs: 3\n", encoding="utf-8")
    assert build_config({}, str(file))["epochs"] == build_config({}, file)["epochs"] == 3


@pytest.mark.parametrize("model", ["TIGER", "SASRec"])
def test_use_gpu_false_means_the_cpu(model, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert build_config({"model": model, "use_gpu": False}, peers=True)["device"] == torch.device("cpu")
    assert build_config({"model": model}, peers=True)["device"] == torch.device("cuda")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shuffle": False}, "shuffle=False has to be true: TIGER shuffles its batches"),
        ({"reg_weight": 0.1}, "reg_weight=0.1 has to be unset"),
        ({"enable_amp": True}, "enable_amp=True has to be unset"),
    ],
)
def test_what_tiger_would_ignore_is_refused(settings, message):
    with pytest.raises(SettingsError, match=message):
        build_config(settings)


@pytest.mark.parametrize("model", ["TIGER", "SASRec"])
@pytest.mark.parametrize("key", ["config_file", "config_files"])
def test_no_setting_names_settings_files(key, model, tmp_path):
    with pytest.raises(
        SettingsError, match=f"Unknown setting {key!r} in the command line or config_dict: .*--config_files"
    ):
        build_config({"model": model, key: "mine.yaml"}, peers=True)
    file = tmp_path / "mine.yaml"
    file.write_text(f"{key}: other.yaml\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=f"Unknown setting {key!r} in the settings files"):
        build_config({"model": model}, file, peers=True)


def test_only_the_main_job_takes_other_models():
    with pytest.raises(SettingsError, match="Unknown model 'SASRec'.*Valid are: LIGER, TIGER"):
        build_config({"model": "SASRec"})


def test_folders_of_pretrained_models_are_known_from_anywhere(tmp_path, monkeypatch):
    for folder in ("models/minilm", "pixels"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    models = {"text_encoder_model": "models/minilm", "image_encoder_model": "pixels"}
    modalities = [{"text_fields": ["title"], **models}, {"image_field": "x", "image_encoder_model": "org/clip"}]
    config = build_config({**models, "modalities": modalities})
    assert config["text_encoder_model"] == str(tmp_path / "models" / "minilm")
    assert config["image_encoder_model"] == "pixels" and modalities[0]["text_encoder_model"] == "models/minilm"
    modalities[0]["text_encoder_model"] = config["text_encoder_model"]
    assert config["modalities"] == modalities


def of_a_run(settings, path):
    """A settings file with all settings, as a run leaves it."""
    path.write_text(yaml.safe_dump(writable(build_config(settings))), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "change",
    [
        {"tokenizer": "rqvae"},
        {"tokenizer": "rqkmeans", "model_size": "paper"},
        {"model": "LIGER"},
        {"model": "LIGER", "tokenizer": "quasid"},
        {"dataset": "amazon-toys"},
    ],
)
def test_another_preset_replaces_all_that_a_run_s_settings_have_of_the_former(change, tmp_path):
    former = {"dataset": "shop", "model_size": "tiny", "tokenizer": "adasid", "epochs": 3, "topk": [10]}
    file = of_a_run(former, tmp_path / "config.yaml")
    expected = writable(build_config({**former, **change}))
    of_the_data = {"load_col", "title_field", "category_field", "text_fields"} if "dataset" in change else set()
    found = writable(build_config(change, [file]))
    assert {key for key in expected if found[key] != expected[key]} <= of_the_data
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump(change), encoding="utf-8")
    assert writable(build_config({}, [file, other])) == found


def test_what_somebody_changed_in_a_settings_file_stays_under_another_preset(tmp_path):
    file = of_a_run({"tokenizer": "adasid", "collaborative_weight": 0.2, "code_dim": 16}, tmp_path / "config.yaml")
    config = build_config({"tokenizer": "rqvae"}, [file])
    assert (config["collaborative_weight"], config["code_dim"], config["regulation"]) == (0.2, 16, "none")
    same = build_config({"tokenizer": "adasid", "epochs": 1}, [file])
    assert (same["collaborative_weight"], same["regulation"]) == (0.2, "adaptive")


def test_a_settings_file_that_names_no_preset_keeps_what_it_says_under_another_one(tmp_path):
    file, mine = of_a_run({"tokenizer": "adasid"}, tmp_path / "config.yaml"), tmp_path / "mine.yaml"
    mine.write_text("collaborative_weight: 0.35\n", encoding="utf-8")  # which is AdaSID's, too
    for files in ([file, mine], [mine, file]):
        config = build_config({"tokenizer": "rqvae"}, files)
        assert (config["collaborative_weight"], config["regulation"]) == (0.35, "none")


@pytest.mark.parametrize("model", ["TIGER", "LIGER"])
def test_a_run_s_settings_are_refused_for_a_model_of_recbole_in_one_sentence(model, tmp_path):
    changed = {"beam_size": 70, "codebook_size": 9, "commitment": 0.3, "d_ff": 8, "topk": [10]}
    file = of_a_run({"dataset": "shop", "model": model, **changed}, tmp_path / "config.yaml")
    with pytest.raises(SettingsError) as refused:
        build_config({"model": "SASRec"}, file, peers=True)
    assert str(refused.value) == (
        f"The settings files are for {model}, and SASRec lacks the settings beam_size, codebook_size, commitment, "
        "d_ff, model_size and 1 more: give it a file with only those of data, split and evaluation."
    )


def test_all_settings_that_a_model_of_recbole_lacks_are_named_at_once():
    with pytest.raises(SettingsError, match="^The settings beam_size, tokenizer in the command line .* leave them out"):
        build_config({"model": "SASRec", "tokenizer": "rqvae", "beam_size": 3, "topk": [5]}, peers=True)


def test_settings_of_a_run_on_recbole_s_ml_100k_serve_another_dataset(tmp_path):
    file = of_a_run({"dataset": "ml-100k", "data_path": str(tmp_path)}, tmp_path / "config.yaml")
    config = build_config({"dataset": "shop"}, [file])
    assert config["entity_kg_num_interval"] == "[0,inf)"


def test_other_models_get_all_that_a_dataset_s_preset_says_of_its_columns_and_filters(tmp_path, monkeypatch):
    copied = shutil.copytree(props_folder(), tmp_path / "props")
    data = {"val_interval": {"rating": "[3,inf)"}, "rm_dup_inter": "last", "TIME_FIELD": "when", "field_separator": ";"}
    data |= {"load_col": {"inter": ["user_id", "item_id", "when", "rating"]}, "epochs": 2}
    (copied / "dataset" / "shop.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    monkeypatch.setattr("recbole_adasid.settings.presets.props_folder", lambda: copied)
    tiger, sasrec = (build_config({"model": name, "dataset": "shop"}, peers=True) for name in ("TIGER", "SASRec"))
    for key in data.keys() - {"epochs"}:
        assert sasrec[key] == tiger[key], key
    assert sasrec["rm_dup_inter"] == "last" and (tiger["epochs"], sasrec["epochs"]) == (2, 300)


def test_every_recommender_may_measure_the_tail():
    assert build_config({"model": "SASRec", "tail_ratio": 0.3}, peers=True)["tail_ratio"] == 0.3
