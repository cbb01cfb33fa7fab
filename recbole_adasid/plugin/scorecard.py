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
from recbole_adasid.settings.reading import read_settings_files


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
        SettingsError: for an invalid setting, or competitors that cannot be compared.
    """
    from recbole_adasid.plugin.config.building import build_config, given_settings, settings_below
    from recbole_adasid.plugin.datasets.splits import LastSplits
    from recbole_adasid.scorecard.judge import cell_fingerprint, judge
    from recbole_adasid.scorecard.proxy import ProxySettings
    from recbole_adasid.scorecard.shared_settings import shared_settings

    refuse_what_cannot_be_compared(settings, config_files, competitors)
    folder, splits, budget = CellFolder(out), LastSplits(), ProxySettings(**proxy)
    judged_by = {"proxy": asdict(budget)}
    to_all = {**read_settings_files(config_files), **settings}
    to_all.pop("tokenizer", None)  # of a file: each row has its own
    for seed in seeds:
        for one in competitors:
            own = settings_below(one.settings, settings)
            config = build_config({**own, **settings, "seed": seed}, config_files)
            shared = shared_settings(given_settings(config), judged_by)
            common = shared_settings({**to_all, "dataset": config["dataset"]}, judged_by)
            key = cell_fingerprint(config, *splits.of(config), budget)
            if folder.finished(one.name, seed, key, shared, common):
                print(f"{one.name}, seed {seed}: already done", flush=True)
                continue
            started = time.perf_counter()
            codes, figures = judge(config, *splits.of(config), budget)
            seconds = round(time.perf_counter() - started, 1)
            cell = Cell(one.name, one.title, seed, key, seconds, figures, shared, common)
            folder.add(cell, codes)
            print(f"{one.name}, seed {seed}: {_summary(cell)}", flush=True)
            write_report(folder, config["dataset"], command, pictures=False)
    write_report(folder, config["dataset"], command)
    _tell_left_out(folder)
    if config["report"]:
        with warn_on_failure("The scorecard"):
            from recbole_adasid.report.scorecard_report import write_scorecard_report

            write_scorecard_report(folder.path)


def refuse_what_cannot_be_compared(
    settings: dict[str, Any], config_files: list[str], competitors: list[Competitor]
) -> None:
    """Check that competitors stay the methods that they are, of one dataset, and are not all given the same Semantic
    IDs; a row's own file may name a bundle.

    Raises:
        SettingsError: if they do not.
    """
    from recbole_adasid.plugin.config.building import build_config

    for one in competitors:
        refuse_undoing(one, settings)
    configs = [build_config({**one.settings, **settings}, config_files) for one in competitors]
    for one, config in zip(competitors, configs):
        if len(competitors) > 1 and "sids_file" not in one.settings and config["sids_file"]:
            raise SettingsError(
                "With sids_file all tokenizers have the Semantic IDs of that file: choose one of --tokenizers, or "
                "leave sids_file out. To compare a bundle, name a settings file with its sids_file in --tokenizers."
            )
    if len(datasets := sorted({config["dataset"] for config in configs})) > 1:
        raise SettingsError(
            f"The rows would be of several datasets ({', '.join(datasets)}) and cannot be compared: give all of them "
            "one by --dataset."
        )


def _tell_left_out(folder: CellFolder) -> None:
    for cells, why in (
        (folder.replaced(), "other settings of the same name replaced them"),
        (folder.set_apart(), "they are of another dataset or of other settings for all rows"),
    ):
        if cells:
            shown = "; ".join(f"{cell.name}, seed {cell.seed}" for cell in cells)
            print(f"Left out of the table, as {why}: {shown}", flush=True)


def _summary(cell: Cell) -> str:
    shown = ("sid_entropy", "min_perplexity", "collision_rate", "proxy_ndcg@10")
    return ", ".join(f"{key} {cell.figures[key]:.4g}" for key in shown) + f" ({cell.seconds:.0f} s)"
