"""Implementation of `recbole-adasid scorecard`."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from recbole_adasid.report import warn_on_failure
from recbole_adasid.scorecard.cells import Cell, CellFolder
from recbole_adasid.scorecard.competitors import Competitor, refuse_undoing
from recbole_adasid.scorecard.outputs import write_report
from recbole_adasid.settings.errors import SettingsError


def run_scorecard(
    settings: dict[str, Any],
    config_files: list[str],
    out: Path,
    command: list[str],
    *,
    competitors: list[Competitor],
    seeds: list[int],
    proxy: dict[str, int],
) -> None:
    """Evaluate the missing cells, and rewrite the scorecard after each.

    Args:
        settings: settings of every cell; they override a competitor's own.
        config_files: YAML settings files; a competitor's own settings override them.
        out: the scorecard's folder.
        command: arguments of the command, recorded in the folder.
        competitors: what to compare.
        seeds: each is evaluated under all of them.
        proxy: its size and budget, where they are not the defaults.

    Raises:
        SettingsError: for an invalid setting, one that would make a competitor another method, or several tokenizers
            with one `sids_file`.
    """
    from recbole_adasid.plugin.config.building import build_config, given_settings, settings_below
    from recbole_adasid.plugin.datasets.splits import LastSplits
    from recbole_adasid.scorecard.judge import cell_fingerprint, judge
    from recbole_adasid.scorecard.proxy import ProxySettings
    from recbole_adasid.scorecard.shared_settings import shared_settings

    refuse_shared_sids(settings, config_files, competitors)
    for one in competitors:
        refuse_undoing(one, settings)
    folder, splits, budget = CellFolder(out), LastSplits(), ProxySettings(**proxy)
    for seed in seeds:
        for one in competitors:
            own = settings_below(one.settings, settings)
            config = build_config({**own, **settings, "seed": seed}, config_files)
            shared = shared_settings(given_settings(config), {"proxy": asdict(budget)})
            key = cell_fingerprint(config, *splits.of(config), budget)
            if folder.finished(one.name, seed, key, shared):
                print(f"{one.name}, seed {seed}: already done", flush=True)
                continue
            started = time.perf_counter()
            codes, figures = judge(config, *splits.of(config), budget)
            cell = Cell(one.name, one.title, seed, key, round(time.perf_counter() - started, 1), figures, shared)
            folder.add(cell, codes)
            print(f"{one.name}, seed {seed}: {_summary(cell)}", flush=True)
            write_report(folder, config["dataset"], command, pictures=False)
    write_report(folder, config["dataset"], command)
    _tell_replaced(folder)
    if config["report"]:
        with warn_on_failure("The scorecard"):
            from recbole_adasid.report.scorecard_report import write_scorecard_report

            write_scorecard_report(folder.path)


def refuse_shared_sids(settings: dict[str, Any], config_files: list[str], competitors: list[Competitor]) -> None:
    """Check that tokenizers to compare are not all given the same Semantic IDs; a row's own file may name a bundle.

    Raises:
        SettingsError: if they are.
    """
    from recbole_adasid.plugin.config.building import build_config

    if len(competitors) < 2:
        return
    for one in competitors:
        if "sids_file" not in one.settings and build_config({**one.settings, **settings}, config_files)["sids_file"]:
            raise SettingsError(
                "With sids_file all tokenizers have the Semantic IDs of that file: choose one of --tokenizers, or "
                "leave sids_file out. To compare a bundle, name a settings file with its sids_file in --tokenizers."
            )


def _tell_replaced(folder: CellFolder) -> None:
    if replaced := folder.replaced():
        shown = "; ".join(f"{cell.name}, seed {cell.seed}" for cell in replaced)
        print(f"Left out of the table, as other settings of the same name replaced them: {shown}", flush=True)


def _summary(cell: Cell) -> str:
    shown = ("sid_entropy", "min_perplexity", "collision_rate", "proxy_ndcg@10")
    return ", ".join(f"{key} {cell.figures[key]:.4g}" for key in shown) + f" ({cell.seconds:.0f} s)"
