from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from recbole.data import create_dataset, data_preparation
from recbole.evaluator import Collector, Evaluator
from recbole.utils import init_seed

from recbole_adasid.io.tensor_file import DamagedFile, read_tensors, write_tensors
from recbole_adasid.model.liger import LIGERModel
from recbole_adasid.model.settings import BEFORE_THERE_WAS_A_CHOICE
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.config.run_settings import training_key, writable
from recbole_adasid.plugin.liger import LIGER
from recbole_adasid.plugin.patches.quick_start import load_data_and_model
from recbole_adasid.plugin.run import run
from recbole_adasid.plugin.trainer import TIGERTrainer
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.model_file import KIND
from recbole_adasid.serving.recommender import Recommender
from recbole_adasid.settings.errors import SettingsError

pytestmark = pytest.mark.usefixtures("elsewhere")

Settings = dict[str, Any]


@pytest.fixture
def settings(tiny_settings: Settings) -> Settings:
    return {**tiny_settings, "model": "LIGER", "report": False, "dropout": 0.0}


@pytest.fixture
def prepare(settings):
    """A function that builds trainer and data for changed settings."""

    def build(**changes):
        config = build_config({**settings, **changes})
        init_seed(config["seed"], True)
        data = data_preparation(config, create_dataset(config))
        return TIGERTrainer(config, LIGER(config, data[0].dataset)), data

    return build


def test_training_beats_chance_however_items_are_retrieved(prepare):
    trainer, (train, valid, test) = prepare(epochs=30, eval_step=10, learning_rate=0.01)
    trainer.fit(train, valid)
    assert trainer.train_loss_dict[29] < 0.5 * trainer.train_loss_dict[0]
    found = {}
    for trainer.model.tiger.retrieval in ("dense", "generative", "hybrid"):
        found[trainer.model.tiger.retrieval] = [trainer.evaluate(part)["recall@3"] for part in (valid, test)]
    assert all(min(recalls) > 0.6 for recalls in found.values()), found


def test_dense_retrieval_gives_recbole_s_metrics_of_all_scores(prepare):
    trainer, (train, valid, _) = prepare(metric_decimal_place=6)
    trainer.fit(train, valid)
    trainer.model.eval()
    dense = Collector(trainer.config)
    with torch.no_grad():
        for interaction, _, rows, items in valid:
            dense.eval_batch_collect(trainer.model.full_sort_predict(interaction), interaction, rows, items)
    expected = Evaluator(trainer.config).evaluate(dense.get_data_struct())
    assert dict(trainer.evaluate(valid, load_best_model=False)) == pytest.approx(dict(expected), abs=2e-6)


def test_a_saved_model_gives_the_same_results(settings):
    done = run(settings)
    config, model, _, _, _, test = load_data_and_model(done["run_folder"] / "model.safetensors")
    assert config["model"] == "LIGER" and isinstance(model.tiger, LIGERModel)
    trainer = TIGERTrainer(config, model)
    assert dict(trainer.evaluate(test, load_best_model=False)) == dict(done["test"])


def test_a_model_from_before_a_setting_existed_gives_the_same_results(settings):
    done = run(settings)
    path = done["run_folder"] / "model.safetensors"
    tensors, about = read_tensors(path, KIND)
    for key in BEFORE_THERE_WAS_A_CHOICE:
        del about["config"]["settings"][key]
    write_tensors(path, KIND, tensors, about)
    config, model, _, _, _, test = load_data_and_model(path)
    assert model.tiger.head.new_item_bias == 0.0
    assert dict(TIGERTrainer(config, model).evaluate(test, load_best_model=False)) == dict(done["test"])


def test_a_run_from_before_a_setting_existed_goes_on(settings, tmp_path):
    def key(**changes):
        return training_key(build_config({**settings, **changes}), "sids", "interactions")

    given = writable(build_config(settings))
    before = {key: value for key, value in given.items() if key not in BEFORE_THERE_WAS_A_CHOICE}
    folder = RunFolder(tmp_path / "run")
    folder.write_config(before)
    assert len(before) < len(given) and folder.has_config(given)
    assert not folder.has_config({**given, "new_item_bias": 0.5})
    assert key() == key(new_item_bias=0.0) != key(new_item_bias=0.5)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("new_item_bias", "x", "new_item_bias is 'x'"),
        ("new_item_bias", 1e9, "new_item_bias is 1000000000.0"),
        ("dense_temperature", "zz", "dense_temperature is 'zz'"),
    ],
)
def test_a_forged_setting_is_refused_wherever_else_it_stands(settings, resigned, key, value, why):
    folder = run(settings)["run_folder"]
    path = resigned(folder, **{key: value})
    tensors, about = read_tensors(path, KIND)
    write_tensors(path, KIND, tensors, {**about, key: 0.1})
    with pytest.raises(DamagedFile, match=why):
        Recommender.load(folder)


def test_recbole_s_own_entry_trains_it(settings):
    from recbole.quick_start import run_recbole

    found = run_recbole(model="LIGER", dataset=settings.pop("dataset"), config_dict=settings, saved=False)
    assert found["test_result"]["recall@10"] > 0


@pytest.mark.parametrize("encoder_attention", ["causal", "bidirectional"])
def test_an_interrupted_training_goes_on_bit_for_bit(prepare, tmp_path, encoder_attention):
    changes = {"encoder_attention": encoder_attention, "id_dropout": 0.3, "dropout": 0.2, "epochs": 3}
    whole, (train, valid, _) = prepare(**changes)
    whole.fit(train, valid, saved=False)
    first, (train, valid, _) = prepare(**changes)
    first.keep_training(tmp_path / "state.safetensors", ("key",))
    real = first._train_epoch

    def interrupted(data, epoch, **options):
        if epoch == 2:
            raise KeyboardInterrupt
        return real(data, epoch, **options)

    first._train_epoch = interrupted
    with pytest.raises(KeyboardInterrupt):
        first.fit(train, valid, saved=False)
    again, (train, valid, _) = prepare(**changes)
    again.keep_training(tmp_path / "state.safetensors", ("key", "former"))
    again.fit(train, valid, saved=False)
    for mine, theirs in zip(again.model.state_dict().values(), whole.model.state_dict().values()):
        assert mine.equal(theirs)


def test_items_held_out_have_no_embedding_of_their_own_and_can_be_recommended(prepare):
    trainer, (train, valid, _) = prepare(cold_item_share=0.2, text_width=4, retrieval="hybrid")
    cold = np.r_[False, train.dataset.cold]
    content = trainer.model.tiger.content
    assert not content.trained[torch.from_numpy(cold)].any() and content.trained.sum() == 16
    before = content.ids.weight[torch.from_numpy(cold)].clone()
    trainer.fit(train, valid)
    # The optimiser decays no embedding, so that what gets no gradient stays as it was.
    assert content.ids.weight[torch.from_numpy(cold)].equal(before)
    items, _ = trainer.model.eval().recommend_topk(next(iter(valid))[0], k=10)
    assert np.isin(items.numpy(), np.flatnonzero(cold)).any(1).all()


def test_features_are_those_of_all_items_in_recbole_s_order(prepare):
    trainer, _ = prepare(cold_item_share=0.2)
    content, vectors = trainer.model.tiger.content, trainer.model.semantic_ids.vectors
    assert vectors.shape == (20, content.features.shape[1]) and trainer.model.content_width == vectors.shape[1]
    raw = content.features[1:].float() * content.deviation + content.mean
    torch.testing.assert_close(raw, torch.from_numpy(vectors), atol=5e-3, rtol=5e-3)


def test_settings_that_do_not_go_together_are_refused(settings):
    with pytest.raises(SettingsError, match="set encoder_input to items"):
        build_config({**settings, "encoder_input": "tokens"})
    with pytest.raises(SettingsError, match="retrieval=hybrid needs a trained decoder"):
        build_config({**settings, "generative_weight": 0, "retrieval": "hybrid"})
    with pytest.raises(SettingsError, match="retrieval"):
        build_config({**settings, "retrieval": "dens"})
    with pytest.raises(SettingsError, match="id_embedding"):
        build_config({**settings, "model": "TIGER", "id_embedding": False})
    assert build_config({**settings, "model_size": "paper"})["encoder_input"] == "items"


def test_given_semantic_ids_without_features_are_refused(settings, tmp_path):
    from recbole_adasid.bundle import SIDBundle

    done = run(settings)
    SIDBundle.from_run(done["run_folder"]).save(tmp_path / "sids")
    given = {**settings, "sids_file": str(tmp_path / "sids"), "text_fields": []}
    with pytest.raises(SettingsError, match="LIGER reads item features, but only sids_file is set"):
        run(given)
    assert run({**settings, "sids_file": str(tmp_path / "sids")})["test"]
