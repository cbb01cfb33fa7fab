"""Outputs of a search: its table, and the best settings as a file for a run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from recbole_adasid.io.atomic import write_atomically
from recbole_adasid.io.json_file import as_json
from recbole_adasid.io.markdown import table
from recbole_adasid.scorecard.shared_settings import NOT_OF_THE_RESULT
from recbole_adasid.tune.search import Trial
from recbole_adasid.tune.space import Settings


def write_report(
    folder: Path,
    trials: Sequence[Trial],
    metric: str,
    fixed: dict[str, Any],
    command: Sequence[str],
    left_out: Sequence[tuple[Settings, str]] = (),
) -> Path:
    """Write README.md, table.json and best.yaml, and return best.yaml.

    Args:
        folder: search folder.
        trials: at least one.
        metric: the figure to maximise.
        fixed: settings shared by all trials.
        command: arguments of the command.
        left_out: points whose settings contradict each other, and why.
    """
    ordered = sorted(trials, key=lambda trial: -trial.score)  # ties: the first found
    rows = [{**trial.settings, metric: trial.score, "scores": trial.scores, "name": trial.name} for trial in ordered]
    write_atomically(folder / "table.json", as_json({"metric": metric, "trials": rows}))
    call = shlex.join(["recbole-adasid", "tune", *command])
    others = [_left_out(left_out)] if left_out else []
    parts = [f"# Search by {metric}", _table(ordered, metric), *others, _LEGEND, f"```bash\n{call}\n```"]
    write_atomically(folder / "README.md", "\n\n".join(parts) + "\n")
    best = ordered[0]
    settings = {key: value for key, value in fixed.items() if key not in NOT_OF_THE_RESULT}
    text = yaml.safe_dump({**settings, **best.settings}, sort_keys=False, allow_unicode=True)
    heading = f"# The best of {len(trials)} by {metric}: {_figure(best)}\n"
    return write_atomically(folder / "best.yaml", heading + text)


def _table(trials: Sequence[Trial], metric: str) -> str:
    columns = list(dict.fromkeys(key for trial in trials for key in trial.settings))  # options may set different ones
    rows = [[_figure(trial), len(trial.scores), *(trial.settings.get(key, "") for key in columns)] for trial in trials]
    return table([metric, "seeds", *columns], rows, compact=True)


def _left_out(points: Sequence[tuple[Settings, str]]) -> str:
    shown = (f"- {', '.join(f'{key}={value}' for key, value in one.items())}: {why}" for one, why in points)
    return "\n".join(["Left out, as their settings contradict each other:\n", *shown])


def _figure(trial: Trial) -> str:
    spread = f" ± {np.std(trial.scores, ddof=1):.5f}" if len(trial.scores) > 1 else ""
    return f"{trial.score:.5f}{spread}"


_LEGEND = """\
Means ± standard deviations over seeds, best first. These are validation scores, which flatter the best of many points:
judge the best settings by the test metrics of a separate run."""
