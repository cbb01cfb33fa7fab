"""Monthly retraining: from random weights against a warm start from the earlier run, on the same Semantic IDs.

    python -m benchmarks.retraining --data_path=data --model=LIGER --out=results/recommenders/retraining.jsonl

The earlier run trains on the first part of the log by time, the later ones on all of it, with the Semantic IDs of the
earlier run's bundle. Each is a line of the file; those that are there already are not run again.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import pandas as pd

from recbole_adasid.bundle import SIDBundle
from recbole_adasid.io.atomic import append_line
from recbole_adasid.plugin.run import run

METRICS = ("recall@5", "ndcg@5", "recall@10", "ndcg@10")
_OWN_OPTIONS = {"LIGER": {"generative_weight": 0.0}, "TIGER": {}}


def first_part(data_path: Path, dataset: str, share: float, out: Path) -> Path:
    """Write the first ``share`` of the interactions by time as a data path of its own, linked to the same items."""
    source, home = data_path / dataset, out / dataset
    home.mkdir(parents=True, exist_ok=True)
    table = pd.read_csv(source / f"{dataset}.inter", sep="\t", dtype=str)
    times = table["timestamp:float"].astype(float)
    table[times <= times.quantile(share)].to_csv(home / f"{dataset}.inter", sep="\t", index=False)
    for path in source.iterdir():
        if path.suffix != ".inter" and not (home / path.name).exists():
            (home / path.name).symlink_to(path.resolve())
    return out


def measured(settings: dict[str, Any]) -> dict[str, Any]:
    """Run a job; return its items, minutes and metrics, and whether it was begun before: then minutes are missing."""
    begin, resumed = time.perf_counter(), Path(settings["run_folder"]).exists()
    done = run({**settings, "show_progress": False, "report": False})
    minutes = (time.perf_counter() - begin) / 60
    metrics = {part: {name: done[part][name] for name in METRICS} for part in ("best_valid", "test")}
    return {"items": len(done["semantic_ids"].codes), "resumed": resumed, "minutes": round(minutes, 2), **metrics}


def main() -> None:
    """Train the earlier run and the later ones, and write a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_path", type=Path, required=True)
    parser.add_argument("--dataset", default="amazon-toys")
    parser.add_argument("--model", choices=sorted(_OWN_OPTIONS), default="LIGER")
    parser.add_argument("--share", type=float, default=0.9, help="of the interactions that the earlier run has")
    parser.add_argument("--seed", type=int, default=2020)
    parser.add_argument("--earlier_epochs", type=int, default=12)
    parser.add_argument("--epochs", default="3,6,12", help="of the later runs")
    parser.add_argument("--starts", default="random,warm", help="of the later runs")
    parser.add_argument("--work", type=Path, default=Path("runs/retraining"), help="folder of data and runs")
    parser.add_argument("--out", type=Path, required=True, help="file of the lines")
    arguments = parser.parse_args()
    about = {key: getattr(arguments, key) for key in ("dataset", "model", "share", "seed")}
    common = {"model": arguments.model, "dataset": arguments.dataset, "seed": arguments.seed}
    common |= {"tokenizer": "adasid", "eval_step": 3, **_OWN_OPTIONS[arguments.model]}
    known = arguments.out.read_text(encoding="utf-8").splitlines() if arguments.out.exists() else []
    done = {json.dumps({key: line[key] for key in (*about, "start", "epochs")}) for line in map(json.loads, known)}

    def record(start: str, epochs: int, settings: dict[str, Any]) -> None:
        told = {**about, "start": start, "epochs": epochs}
        if json.dumps(told) not in done:
            found = measured({**common, **settings, "epochs": epochs})
            append_line(arguments.out, json.dumps({**told, **found}))

    work = arguments.work / f"{arguments.dataset}-{arguments.model}-{arguments.seed}"
    first, bundle = work / "earlier", work / "bundle"
    data = first_part(arguments.data_path, arguments.dataset, arguments.share, work / "data")
    record("earlier run", arguments.earlier_epochs, {"data_path": str(data), "run_folder": str(first)})
    if not bundle.exists():
        SIDBundle.from_run(first).save(bundle)
    for epochs in map(int, arguments.epochs.split(",")):
        given = {"data_path": str(arguments.data_path), "sids_file": str(bundle)}
        for start in arguments.starts.split(","):
            folder = str(work / f"{start}-{epochs}")
            weights = {"random": None, "warm": str(first)}[start]
            record(start, epochs, {**given, "warm_start": weights, "run_folder": folder})


if __name__ == "__main__":
    main()
