"""The command line of the scorecard."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recbole_adasid.cli import parse_arguments, run_command
from recbole_adasid.host.props import headline, presets
from recbole_adasid.host.settings import SettingsError
from recbole_adasid.report import harmless
from recbole_adasid.scorecard.cells import Cell, CellFolder
from recbole_adasid.scorecard.competitors import Competitor, competitor
from recbole_adasid.scorecard.report import write_report

USAGE = """\
usage: python -m recbole_adasid.scorecard --dataset=NAME --out=FOLDER [--tokenizers=A,B] [--seeds=1,2] [--KEY=VALUE ...]

Learn Semantic IDs with several tokenizers and seeds and judge them before any recommender is trained. FOLDER gets a
table (README.md, table.csv, table.json: mean ± standard deviation), the landscape of AdaSID's Figure 3
(landscape.html, landscape.png), and report.html, a page with both and the use of codewords. The same command goes on
where it stopped.

  --dataset=NAME     a preset, or any NAME with --data_path=FOLDER holding NAME/NAME.inter
  --out=FOLDER       where results go; finished cells in it are not run again
  --tokenizers=A,B   names from the lists below, or YAML files of settings of your own (default: all tokenizers)
  --seeds=1,2        (default: 2020)
  --proxy_examples=N examples that the proxy of NDCG is trained on (default: 300000)
  --KEY=VALUE        any setting of run_recbole_adasid.py, for every tokenizer alike
"""
OWN_KEYS = ("out", "tokenizers", "seeds", "proxy_examples")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scorecard and return the exit status: 0, or what :mod:`recbole_adasid.ending` says."""
    kept = "finished cells are kept, and the same command goes on from there"
    spare = "lower tokenizer_batch_pairs or proxy_examples"
    return run_command(arguments, help_text, _start, kept=kept, spare=spare, log_level=None)


def _start(given: list[str]) -> None:
    settings, config_files = parse_arguments(given)
    own = {key: settings.pop(key, None) for key in OWN_KEYS}
    if own["out"] is None:
        raise SettingsError("The scorecard needs a folder for its results: pass --out=FOLDER.")
    wanted = _Wanted(_competitors(own["tokenizers"]), _seeds(own["seeds"]), _proxy(own["proxy_examples"]))
    _run(settings, config_files, wanted, CellFolder(Path(str(own["out"]))), given)


def help_text() -> str:
    """Return usage and the names of tokenizers and variants."""
    lists = [
        f"{kind}s\n" + "\n".join(f"  {name:<22}{headline(f'{kind}/{name}.yaml')}" for name in presets(kind))
        for kind in ("tokenizer", "variant")
    ]
    return "\n\n".join([USAGE.rstrip(), *lists])


@dataclass(frozen=True)
class _Wanted:
    competitors: list[Competitor]
    seeds: list[int]
    proxy: dict[str, int]


def _run(
    settings: dict[str, Any], config_files: list[str], wanted: _Wanted, folder: CellFolder, command: list[str]
) -> None:
    from recbole_adasid.host.config import build_config
    from recbole_adasid.host.splits import load_splits
    from recbole_adasid.scorecard.judge import cell_fingerprint, judge
    from recbole_adasid.scorecard.proxy import ProxySettings

    data, proxy = None, ProxySettings(**wanted.proxy)
    for seed in wanted.seeds:
        for one in wanted.competitors:
            config = build_config({**settings, **one.settings, "seed": seed}, config_files)
            data = data or load_splits(config)  # the same for all: nothing random takes part in filters and splits
            key = cell_fingerprint(config, data[0], proxy)
            if any((cell.name, cell.seed, cell.fingerprint) == (one.name, seed, key) for cell in folder.cells()):
                print(f"{one.name}, seed {seed}: already there", flush=True)
                continue
            started = time.perf_counter()
            codes, figures = judge(config, *data, proxy)
            cell = Cell(one.name, one.title, seed, key, round(time.perf_counter() - started, 1), figures)
            folder.add(cell, codes)
            print(f"{one.name}, seed {seed}: {_summary(cell)}", flush=True)
            write_report(folder, config["dataset"], command, pictures=False)
    write_report(folder, config["dataset"], command)
    if config["report"]:
        with harmless("The scorecard"):
            from recbole_adasid.report.scorecard_report import write_scorecard_report

            write_scorecard_report(folder.path)


def _competitors(value: Any) -> list[Competitor]:
    names = presets("tokenizer") if value is None else [part.strip() for part in str(value).split(",")]
    return [competitor(name) for name in dict.fromkeys(names)]


def _seeds(value: Any) -> list[int]:
    try:
        return [2020] if value is None else [int(part) for part in str(value).split(",")]
    except ValueError:
        raise SettingsError(f"seeds={value!r} is no list of whole numbers: write --seeds=2020,2021.") from None


def _proxy(value: Any) -> dict[str, int]:
    if value is None:
        return {}
    if not isinstance(value, int) or value < 1:
        raise SettingsError(f"proxy_examples={value!r} is no count: write --proxy_examples=300000.")
    return {"training_examples": value}


def _summary(cell: Cell) -> str:
    shown = ("sid_entropy", "min_perplexity", "collision_rate", "proxy_ndcg@10")
    return ", ".join(f"{key} {cell.figures[key]:.4g}" for key in shown) + f" ({cell.seconds:.0f} s)"
