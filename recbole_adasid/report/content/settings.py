"""What was run: settings, the dataset's figures, versions, fingerprints."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from recbole_adasid.report.content.text import cut
from recbole_adasid.report.finished_run import FinishedRun

_LONGEST_VALUE = 300


@dataclass(frozen=True)
class Setting:
    """A setting as it is written in YAML."""

    key: str
    value: str
    default: str | None = None
    """Only for a setting that is not the default."""


@dataclass(frozen=True)
class WhatWasRun:
    """Pairs of names and values, except for settings."""

    facts: list[tuple[str, str]]
    changed: list[Setting] | None
    """None: the run did not record them."""
    settings: list[Setting]
    versions: list[tuple[str, str]]
    fingerprints: list[tuple[str, str]]


def what_was_run(run: FinishedRun) -> WhatWasRun:
    """Return how the run was made, from its files."""
    about = run.about if (run.folder.path / "about.json").is_file() else {}
    defaults = about.get("defaults_of_changed_settings")
    every = {key: _written(value) for key, value in run.settings.items()}
    return WhatWasRun(
        facts=_facts(run, about),
        changed=None
        if defaults is None
        else [Setting(key, every.get(key, ""), _written(default)) for key, default in defaults.items()],
        settings=[Setting(key, value) for key, value in every.items()],
        versions=[(name, str(value)) for name, value in (about.get("versions") or {}).items()],
        fingerprints=_fingerprints(run),
    )


def _facts(run: FinishedRun, about: dict[str, Any]) -> list[tuple[str, str]]:
    data = about.get("dataset") or {}
    sids = run.bundle.sids
    facts = [("dataset", run.dataset), ("Semantic IDs by", run.name)]
    facts += [(name, f"{data[name]:,}") for name in ("users", "items", "interactions") if name in data]
    if {"users", "items", "interactions"} <= data.keys():
        facts.append(("density", f"{data['interactions'] / data['users'] / data['items']:.3%}"))
    facts += [(f"{part} examples", f"{count:,}") for part, count in (data.get("examples") or {}).items()]
    facts.append(("codewords by level", " × ".join(map(str, sids.level_sizes))))
    facts.append(("items with equal codes", f"collision={sids.collision}"))
    if "network_parameters" in about:
        facts.append(("network parameters", f"{about['network_parameters']:,} on {about.get('device')}"))
    stages = run.metrics.get("stages") or {}
    facts += [(f"stage {stage}", how) for stage, how in stages.items()]
    return facts


def _fingerprints(run: FinishedRun) -> list[tuple[str, str]]:
    about = run.bundle.about
    found = dict(about.get("fingerprints") or {})
    found["training interactions"] = (about.get("dataset") or {}).get("training_interactions")
    return [(name.replace("_", " "), _written(value)) for name, value in found.items() if value is not None]


def _written(value: Any) -> str:
    return cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str), _LONGEST_VALUE)
