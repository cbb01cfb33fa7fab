"""RecBole's own models on an exported `.item` file, with the presets of `props/ranking`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import fresh
from recbole_adasid import preset_path
from recbole_adasid.bundle import SIDBundle
from recbole_adasid.bundle.item_sids import as_item_sids
from recbole_adasid.plugin.patches.quick_start import load_data_and_model
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.presets import known_keys, presets, read_props
from recbole_adasid.tokenizer.clustering.rq_kmeans import RQKMeansTokenizer
from recbole_adasid.tokenizer.scaling import FeatureScaler

ITEMS, WIDTH = 20, 6
MODELS = {"context": "DeepFM", "din": "DIN", "sequential": "SASRecF"}
SIDS = ["sid_1", "sid_2", "sid_3", "sid_1_to_2", "sid_1_to_3"]
SMALL = {"epochs": 1, "train_batch_size": 64, "mlp_hidden_size": [8], "show_progress": False}
VECTOR = {"numerical_features": ["sid_vector"], "discretization": {"sid_vector": {"method": "position"}}}


pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture(scope="module")
def bundle() -> SIDBundle:
    features = torch.from_numpy(np.random.default_rng(0).normal(size=(ITEMS, WIDTH)).astype(np.float32))
    scaler = FeatureScaler(width=WIDTH, mode="none")
    tokenizer = RQKMeansTokenizer(scaler=scaler, width=WIDTH, codebook_sizes=[3, 3, 3], iterations=5, seed=0)
    tokenizer.fit(features, None)
    tokens = [f"i{number}" for number in range(ITEMS)]
    sids = as_item_sids(tokens, tokenizer.encode(features).numpy(), [3, 3, 3])
    return SIDBundle(sids, tokenizer.eval(), about={"settings": {"tokenizer_family": "rqkmeans"}})


@pytest.fixture(scope="module")
def data_path(bundle: SIDBundle, tmp_path_factory: pytest.TempPathFactory, write_dataset: Callable[..., Path]) -> Path:
    random = np.random.default_rng(1)
    rows = [
        (f"u{user}", f"i{item}", str(1000 + place))
        for user in range(30)
        for place, item in enumerate(random.permutation(ITEMS)[: random.integers(5, 9)])
    ]
    path = write_dataset(tmp_path_factory.mktemp("ranking"), rows)
    file = path / "tiny" / "tiny.item"
    bundle.export("item", file, extra_columns_from=file, vector=True)
    return path


def trained(model: str, preset: str, data_path: Path, **settings: Any) -> tuple[Any, Any, dict[str, float]]:
    """Return the trainer of a model that saw one epoch, the test's batches, and its metrics."""
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_seed

    given = {**SMALL, "data_path": str(data_path), "MAX_ITEM_LIST_LENGTH": 4, **settings}
    config = Config(model, "tiny", config_file_list=[str(preset_path("ranking", preset))], config_dict=given)
    init_seed(config["seed"], config["reproducibility"])
    dataset = create_dataset(config)
    train, valid, test = data_preparation(config, dataset)
    built = get_model(model)(config, train.dataset)
    trainer = get_trainer(config["MODEL_TYPE"], model)(config, built)
    trainer.fit(train, valid, show_progress=False)
    return trainer, test, trainer.evaluate(test)


def tables(trainer: Any) -> list[torch.Tensor]:
    return [table.weight for table in trainer.model.modules() if isinstance(table, torch.nn.Embedding)]


@pytest.mark.parametrize("preset", MODELS)
def test_a_model_of_recbole_trains_and_ranks_with_semantic_ids(preset: str, data_path: Path) -> None:
    trainer, test, metrics = trained(MODELS[preset], preset, data_path)
    dataset = test._dataset
    assert 0 < metrics["auc"] < 1
    assert set(dataset.item_feat.columns) == {"item_id", *SIDS}
    rows = sum(dataset.num(name) for name in SIDS)
    assert any(len(table) >= rows and bool((table.grad != 0).any()) for table in tables(trainer))


@pytest.mark.parametrize("preset", MODELS)
def test_a_saved_model_is_loaded_with_torch_s_protection_on_and_scores_the_same(preset: str, data_path: Path) -> None:
    trainer, test, metrics = trained(MODELS[preset], preset, data_path)
    model = load_data_and_model(trainer.saved_model_file)[1].eval()
    for batch, *_ in test:
        with torch.no_grad():
            assert model.predict(batch).equal(trainer.model.predict(batch))


@pytest.mark.parametrize("preset", MODELS)
def test_a_model_of_recbole_reads_the_quantised_embedding_as_a_vector(preset: str, data_path: Path) -> None:
    columns = {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id", "sid_vector"]}
    settings = {"load_col": columns, "selected_features": ["sid_vector"], **VECTOR}
    trainer, _, metrics = trained(MODELS[preset], preset, data_path, **settings)
    assert 0 < metrics["auc"] < 1
    (table,) = (table for table in tables(trainer) if table.shape == (WIDTH + 1, table.shape[1]) and table.shape[1] > 1)
    assert bool((table.grad[1:] != 0).any(dim=1).all())


@pytest.mark.parametrize("preset", MODELS)
def test_nothing_is_left_of_the_settings_that_recbole_has_for_ml_100k(preset: str) -> None:
    from recbole.config import Config

    path = preset_path("ranking", preset)
    config = Config(MODELS[preset], "ml-100k", config_file_list=[str(path)])
    expected = read_props(f"ranking/{preset}.yaml")
    assert config["threshold"] is None
    assert {key: config[key] for key in ("load_col", "metrics")} == {
        key: expected[key] for key in ("load_col", "metrics")
    }
    assert config["eval_args"]["split"] == expected["eval_args"]["split"]


def test_the_settings_of_the_presets_are_recbole_s_and_none_of_tiger_s() -> None:
    assert presets("ranking") == sorted(MODELS)
    keys = {key for name in MODELS for key in read_props(f"ranking/{name}.yaml")}
    assert {"numerical_features", "selected_features", "mlp_hidden_size"} <= keys - known_keys()


def test_the_comment_of_each_preset_tells_what_the_vector_needs() -> None:
    for name in MODELS:
        text = preset_path("ranking", name).read_text(encoding="utf-8")
        for key, value in VECTOR.items():
            shown = f"#   {key}: {value}".replace("'", "")
            assert shown in text


def test_a_preset_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(SettingsError, match="preset of ranking 'dien': did you mean din.*context, din, sequential"):
        preset_path("ranking", "dien")
    with pytest.raises(SettingsError, match="kind of preset 'rankin': did you mean ranking"):
        preset_path("rankin", "din")


def test_run_recbole_needs_no_ray(data_path: Path) -> None:
    """In a process of its own, in which ray cannot be found; it works with RecBole's function as it is."""
    code = f"""
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "ray" else find(name, *rest)
import recbole_adasid
from recbole.quick_start import objective_function, run_recbole

assert "ray" not in sys.modules
file = recbole_adasid.preset_path("ranking", "context")
given = {{**{SMALL}, "data_path": {str(data_path)!r}}}
print("AUC", run_recbole("DeepFM", "tiny", [str(file)], given)["test_result"]["auc"])
given |= {{"model": "DeepFM", "dataset": "tiny"}}
try:
    objective_function(given, [str(file)])
except ImportError as error:
    print(error)
"""
    done = fresh.python(code)
    assert done.returncode == 0, done.stderr
    score, refusal = done.stdout.splitlines()[-2:]
    assert score.startswith("AUC 0.") and "ray is not installed" in refusal
