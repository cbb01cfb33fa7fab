"""The model card of a finished run."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from recbole_adasid.evaluation.candidates import sampled_mode
from recbole_adasid.hub.card import cell, code, codes_section, license_section, model_card, section
from recbole_adasid.io.json_file import read_json
from recbole_adasid.io.markdown import table
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.serving.live_catalogue import LiveCatalogue
from recbole_adasid.settings.reading import read_settings_files

_IN_EVERY_COMMAND = ("model", "tokenizer", "dataset")
_SHOWN = 3


def run_card(copy: RunFolder, live: LiveCatalogue, config: Mapping[str, Any], *, name: str, license: str) -> str:
    """Return the model card of a run.

    Args:
        copy: the published copy of its folder.
        live: its items.
        config: content of config.json.
        name: repository name.
        license: the hub's licence identifier.
    """
    metrics = read_json(copy.metrics_path) if copy.metrics_path.is_file() else {}
    dataset, model, tokenizer = config["dataset"]["name"], config["model_type"], str(config["tokenizer"]).strip("./")
    title = f"{model.upper()} on {tokenizer} Semantic IDs, {dataset}"
    kinds = list(dict.fromkeys(key.partition("@")[0] for key in metrics.get("test") or {}))
    mode = sampled_mode(live.run_settings)
    among = f"{_SAMPLED} ({mode}), so values are higher than among all items" if mode else "all items"
    return model_card(
        title,
        [
            _opening(config, model, tokenizer),
            _loading(live, name),
            section("Metrics", _METRICS.format(among), _metrics_table(metrics)) if metrics.get("test") else "",
            section("Training", _dataset(config["dataset"]), _command(copy, config)),
            codes_section(live.tokens, live.semantic_ids(live.tokens[:5]), live.labels, _levels(config)),
            license_section(license),
        ],
        license=license,
        dataset=dataset,
        tags=["recommendation", "generative-recommendation", "semantic-ids", "recbole", model, tokenizer],
        metrics=kinds,
        **{"model-index": _index(name, dataset, metrics, f" among {_SAMPLED} ({mode})" if mode else "")},
    )


def _opening(config: Mapping[str, Any], model: str, tokenizer: str) -> str:
    return (
        f"A sequential recommender: given a user's history, it recommends the next items. {model.upper()} was trained "
        f"with recbole-adasid on Semantic IDs from the tokenizer {cell(tokenizer)}. The repository contains the "
        f"network, {config['items']:,} items with their Semantic IDs and, if the run had one, the tokenizer for new "
        "items. It contains no interactions and nothing about users."
    )


def _loading(live: LiveCatalogue, name: str) -> str:
    history = json.dumps(live.tokens[:_SHOWN], ensure_ascii=False)
    lines = [
        "# pip install 'recbole-adasid[hub]'",
        "from recbole_adasid.serving.recommender import Recommender",
        "",
        f"recommender = Recommender.from_pretrained({json.dumps(name)})  # or the path of this folder",
        f"recommender.recommend({history}, k=10)  # item tokens, oldest first",
        f"recommender.semantic_ids({json.dumps(live.tokens[:1], ensure_ascii=False)})",
        "# add_items(tokens, table=...) adds items without training; save_pretrained(folder) saves them",
    ]
    return section("Use", code("\n".join(lines), "python"), _NOTHING_RUNS)


def _metrics_table(metrics: Mapping[str, Any]) -> str:
    valid, intervals = metrics.get("best_valid") or {}, metrics.get("test_intervals") or {}
    popular = metrics.get("test_by_popularity") or {}
    head = ["metric", "test", "95% interval", "validation", "test, popularity baseline"]
    rows = [
        [name, _number(value), _interval(intervals.get(name)), *(_number(part.get(name)) for part in (valid, popular))]
        for name, value in metrics["test"].items()
    ]
    return table(head, rows)


def _number(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, (int, float)) else ""


def _interval(bounds: Any) -> str:
    return f"{bounds[0]:.4f} to {bounds[1]:.4f}" if bounds else ""


def _dataset(dataset: Mapping[str, Any]) -> str:
    figures = [f"{dataset[key]:,} {key}" for key in ("users", "items", "interactions") if dataset.get(key)]
    return f"Dataset: {cell(str(dataset['name']))}{': ' * bool(figures)}{', '.join(figures)} after filtering."


def _command(copy: RunFolder, config: Mapping[str, Any]) -> str:
    """Return the command that repeats the training, with all settings that differ from their defaults."""
    if not copy.config_path.is_file():
        return ""
    settings = read_settings_files([copy.config_path])
    keys = [key for key in (*_IN_EVERY_COMMAND, *config["changed_settings"]) if key in settings]
    given = [f"--{key}={_written(settings[key])}" for key in dict.fromkeys(keys)]
    lines = " \\\n    ".join(["recbole-adasid train", *map(shlex.quote, given)])
    return f"{code(lines, 'bash')}\n\nAll settings are in `config.yaml`; pass it as `--config_files`."


def _written(value: Any) -> str:
    """Return a setting as it is written on the command line."""
    if value is None:
        return "~"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _levels(config: Mapping[str, Any]) -> str:
    sizes = ", ".join(f"{size:,}" for size in config["level_sizes"])
    suffix = " and a number that tells items with the same codes apart" if config["collision"] == "suffix" else ""
    return f"Each item has one code on each of {len(config['level_sizes'])} levels of {sizes} codewords{suffix}."


def _index(name: str, dataset: str, metrics: Mapping[str, Any], among: str) -> list[dict[str, Any]]:
    """Return the test metrics as the hub's `model-index`; ``among`` ends their names."""
    intervals = metrics.get("test_intervals") or {}
    found = [
        {
            "type": key,
            "name": f"test {key}{among}",
            "value": value,
            **({"args": {"interval_95": [round(bound, 4) for bound in intervals[key]]}} if key in intervals else {}),
        }
        for key, value in (metrics.get("test") or {}).items()
        if isinstance(value, (int, float))
    ]
    if not found:
        return []
    result = {
        "task": {"type": "recommendation", "name": "sequential recommendation"},
        "dataset": {"type": dataset, "name": dataset},
        "metrics": found,
    }
    return [{"name": name.rpartition("/")[2], "results": [result]}]


_SAMPLED = "itself and a few sampled items"
_METRICS = (
    "A hit is the held-out item itself, ranked among {}. Unless the settings say otherwise, each user's last "
    "interaction is the test target and the one before it the validation target. Intervals come from resampling users."
)
_NOTHING_RUNS = "Loading runs no code from this repository: weights are safetensors, everything else is JSON or YAML."
