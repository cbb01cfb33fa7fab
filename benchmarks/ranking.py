"""Do Semantic IDs help ranking models? AUC and log loss of RecBole's DeepFM and DIN with and without them.

    python -m benchmarks.ranking --data_path=data --out=results/ranking --seeds=2020,2021,2022

Each cell trains one model on one set of item features with one seed, shared by tokenizer and model; rows and negatives
are the same for all (benchmarks/ranking_rows.py). Finished cells are lines of cells.jsonl; an interrupted comparison
resumes with the missing ones. Semantic IDs come from a scorecard (--scorecard), which learns from training
interactions only. Extra --key=value options are settings of the dataset. --render only rewrites the table.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ranking_report import figures, finished_cells, write_report
from benchmarks.ranking_rows import RankingData, control_columns, ranking_data, write_items, write_rows
from recbole_adasid import preset_path
from recbole_adasid.bundle.item_file import sid_columns
from recbole_adasid.io.atomic import append_line
from recbole_adasid.io.digests import fingerprint
from recbole_adasid.scorecard.cells import CellFolder
from recbole_adasid.settings.presets import read_props

LEVELS = 3
PRESETS = {"DeepFM": "context", "DIN": "din"}
PREFIXES = sid_columns(LEVELS)


@dataclass(frozen=True)
class Variant:
    """One set of item features beside the item's id."""

    title: str
    columns: list[str]
    tokenizer: str | None = "adasid"
    models: tuple[str, ...] = ("DeepFM",)


BOTH = ("DeepFM", "DIN")
VARIANTS = {
    "id": Variant("item id alone", [], tokenizer=None, models=BOTH),
    "control": Variant("+ AdaSID, dealt out at random", control_columns(LEVELS)),
    "content": Variant("+ brand, category", ["brand", "category"], tokenizer=None, models=BOTH),
    "both": Variant("+ brand, category and AdaSID", ["brand", "category", *PREFIXES], models=BOTH),
    "tokens": Variant("+ AdaSID, tokens", PREFIXES[:LEVELS]),
    "prefixes": Variant("+ AdaSID, tokens and prefixes", PREFIXES, models=BOTH),
    "rqvae": Variant("+ RQ-VAE, tokens and prefixes", PREFIXES, tokenizer="rqvae"),
    "rqkmeans": Variant("+ RQ-KMeans, tokens and prefixes", PREFIXES, tokenizer="rqkmeans", models=BOTH),
}

TITLES = {name: variant.title for name, variant in VARIANTS.items()}


def main() -> None:
    """Run the cells that are missing, rewriting the table after each, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="amazon-toys")
    parser.add_argument("--data_path", type=Path, help="folder of the dataset")
    parser.add_argument("--seeds", default="2020,2021,2022", help="separated by commas")
    parser.add_argument("--models", default=",".join(PRESETS), help="separated by commas")
    parser.add_argument("--variants", default=",".join(VARIANTS), help="sets of item features, separated by commas")
    parser.add_argument("--out", type=Path, required=True, help="folder of cells.jsonl and the table")
    parser.add_argument("--scorecard", type=Path, help="folder of Semantic IDs; default: results/scorecard/DATASET")
    parser.add_argument("--epochs", type=int, help="of the models at most; default: the presets'")
    parser.add_argument("--render", action="store_true", help="run nothing, only rewrite the table")
    arguments, options = parser.parse_known_args()
    if any(not option.startswith("--") or "=" not in option for option in options):
        parser.error(f"settings of the dataset must be of the form --key=value, got {' '.join(options)}")
    models, variants = arguments.models.split(","), arguments.variants.split(",")
    for what, given_names, valid in (("models", models, PRESETS), ("variants", variants, VARIANTS)):
        if unknown := set(given_names) - valid.keys():
            parser.error(f"unknown {what} {', '.join(sorted(unknown))}; valid: {', '.join(valid)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    if not arguments.render:
        from recbole_adasid.settings.arguments import parse_arguments

        given = {**parse_arguments(options)[0], "dataset": arguments.dataset, "show_progress": False}
        given |= {"data_path": str(arguments.data_path.resolve())} if arguments.data_path else {}
        scorecard = (arguments.scorecard or Path("results/scorecard") / arguments.dataset).resolve()
        seeds = [int(seed) for seed in arguments.seeds.split(",")]
        Comparison(
            given, {"epochs": arguments.epochs} if arguments.epochs else {}, scorecard, arguments.out.resolve()
        ).run(models, variants, seeds)
    print(write_report(arguments.out, TITLES))


class Comparison:
    """The cells of one dataset."""

    def __init__(self, settings: dict[str, Any], training: dict[str, Any], scorecard: Path, out: Path) -> None:
        """Load the dataset and draw the negatives."""
        from recbole.data import create_dataset

        from recbole_adasid.plugin.config.building import build_config

        self.settings, self.scorecard, self.out = settings, CellFolder(scorecard), out
        sys.argv = sys.argv[:1]  # RecBole would take the arguments for settings of its own
        self.parts = create_dataset(build_config(settings)).build()
        self.data: RankingData = ranking_data(self.parts)
        longest = max(len(history) for rows in self.data.parts.values() for history in rows.histories)
        self.training = {**training, "MAX_ITEM_LIST_LENGTH": longest}  # or DIN's mask does not fit

    def run(self, models: list[str], variants: list[str], seeds: list[int]) -> None:
        """Run the cells that are missing: all of a seed, then the next seed."""
        cells = [(model, name) for model in models for name in variants if model in VARIANTS[name].models]
        with elsewhere() as folder:
            home = folder / self.settings["dataset"]
            write_rows(self.data, home, home.name)
            for seed in seeds:
                for model, name in cells:
                    self.run_cell(model, name, seed, folder)

    def run_cell(self, model: str, name: str, seed: int, data_path: Path) -> None:
        """Run a cell and keep it, unless it is there, of the same Semantic IDs."""
        dataset = self.settings["dataset"]
        fingerprint_of_sids, codes = self.semantic_ids(VARIANTS[name].tokenizer, seed)
        about = {"dataset": dataset, "model": model, "variant": name, "seed": seed, "semantic_ids": fingerprint_of_sids}
        about["settings"] = fingerprint({"of the model": self.given(model), "of the dataset": self.of_dataset()})
        if any(about.items() <= one.items() for one in finished_cells(self.out)):
            return
        write_items(data_path / dataset / f"{dataset}.item", self.parts[0].training_items(), codes)
        record = {**about, **self.cell(model, VARIANTS[name], seed, data_path)}
        append_line(self.out / "cells.jsonl", json.dumps(record))
        write_report(self.out, TITLES)
        print(f"{model}, {name}, seed {seed}: AUC {record['auc']:.4f} ({record['seconds']} s)", flush=True)

    def given(self, model: str) -> dict[str, Any]:
        return {**read_props(f"ranking/{PRESETS[model]}.yaml"), **self.training}

    def of_dataset(self) -> dict[str, Any]:
        return {key: value for key, value in self.settings.items() if key not in ("data_path", "show_progress")}

    def semantic_ids(self, tokenizer: str | None, seed: int) -> tuple[str | None, np.ndarray | None]:
        """Return what the scorecard has of a tokenizer under a seed: the fingerprint and the codes [N, L]."""
        if tokenizer is None:
            return None, None
        wanted = [cell for cell in self.scorecard.cells() if (cell.name, cell.seed) == (tokenizer, seed)]
        if not wanted:
            raise SystemExit(
                f"{self.scorecard.path} has no Semantic IDs of {tokenizer} under the seed {seed}: "
                f"recbole-adasid scorecard --tokenizers={tokenizer} --seeds={seed} makes them"
            )
        codes, n_items = self.scorecard.codes(wanted[0]), len(self.data.popularity) - 1
        if len(codes) != n_items:
            raise SystemExit(f"{self.scorecard.path} has Semantic IDs of {len(codes)} items, the dataset has {n_items}")
        return wanted[0].fingerprint, codes

    def cell(self, model: str, variant: Variant, seed: int, data_path: Path) -> dict[str, Any]:
        """Train a model and return what its test gives."""
        started = time.perf_counter()
        trainer, test = trained(model, variant, seed, self.settings["dataset"], data_path, self.training)
        rows = self.data.parts["test"]
        metrics = figures(rows, scores(trainer, test), self.data.popularity)
        cost = {"epochs": len(trainer.train_loss_dict), "seconds": round(time.perf_counter() - started)}
        return {"valid_auc": float(trainer.best_valid_score), **metrics, **cost}


def trained(
    model: str, variant: Variant, seed: int, dataset: str, data_path: Path, training: dict[str, Any]
) -> tuple[Any, Any]:
    """Return the trainer with its best epoch's model, and the test's batches."""
    import torch
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_seed

    history = ["item_id_list"] if model == "DIN" else []
    columns = {"inter": ["user_id", "item_id", *history, "label"], "item": ["item_id", *variant.columns]}
    given = {"data_path": str(data_path), "load_col": columns, "alias_of_item_id": history or None, "seed": seed}
    given |= {"benchmark_filename": ["train", "valid", "test"], "train_neg_sample_args": None, "show_progress": False}
    given |= {"eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "labeled"}, **training}
    config = Config(model, dataset, config_file_list=[str(preset_path("ranking", PRESETS[model]))], config_dict=given)
    init_seed(config["seed"], config["reproducibility"])
    train, valid, test = data_preparation(config, create_dataset(config))
    trainer = get_trainer(config["MODEL_TYPE"], model)(config, get_model(model)(config, train.dataset))
    trainer.fit(train, valid, verbose=False, show_progress=False)
    trainer.model.load_state_dict(torch.load(trainer.saved_model_file, weights_only=True)["state_dict"])
    return trainer, test


def scores(trainer: Any, test: Any) -> np.ndarray:
    """Return the model's probability of a positive for each row [R], in the order of the file."""
    import torch

    trainer.model.eval()
    with torch.no_grad():
        return torch.cat([trainer.model.predict(batch[0]) for batch in test]).numpy().astype(np.float64)


@contextmanager
def elsewhere() -> Iterator[Path]:
    """Work in a folder that is gone afterwards: RecBole writes logs and models into the working directory."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(before)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Stopped. The same command goes on: finished cells are kept.")
