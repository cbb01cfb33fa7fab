"""Run tokenizers through the same TIGER on one dataset and write the table that compares them.

    python benchmarks/compare_tokenizers.py --dataset=amazon-toys --data_path=data --out=results/amazon-toys

Each cell is one run of ``run_recbole_adasid.py`` in a process of its own; RecBole's Pop sets the floor. A cell whose
metrics are there already is not run again, so a stopped comparison continues where it was. Further ``--key=value``
options go to every cell; ``--cells=rqvae,adasid`` picks some.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

CELLS: dict[str, tuple[str, list[str]]] = {
    "rqkmeans": ("RQ-KMeans", ["--tokenizer=rqkmeans"]),
    "rqvae": ("RQ-VAE", ["--tokenizer=rqvae"]),
    "adasid-no-collision": ("AdaSID, collision term off", ["--tokenizer=adasid", "--collision_weight=0"]),
    "adasid": ("AdaSID", ["--tokenizer=adasid"]),
}
POP = "pop"
METRICS = [f"{name}@{k}" for k in (3, 5, 10) for name in ("recall", "ndcg")]
SID_COLUMNS = {"unique_sids": "unique SIDs", "min_perplexity": "min. perplexity", "mean_top1_load": "top-1 load"}


def main() -> None:
    """Run the cells that are missing, rewriting the table after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--data_path", required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the table, cells.jsonl and run folders")
    parser.add_argument("--cells", default=",".join(CELLS), help=f"some of {', '.join(CELLS)}")
    arguments, options = parser.parse_known_args()
    unknown = set(arguments.cells.split(",")) - CELLS.keys()
    if unknown:
        parser.error(f"unknown cells {sorted(unknown)}; valid: {', '.join(CELLS)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    results = arguments.out / "cells.jsonl"
    common = [f"--dataset={arguments.dataset}", f"--data_path={arguments.data_path}", *options]
    jobs = {POP: [str(ROOT / "benchmarks" / "popularity.py"), *common[:2]]}
    for cell in arguments.cells.split(","):
        folder = ROOT / "runs" / f"compare-{arguments.dataset}" / cell
        jobs[cell] = [str(ROOT / "run_recbole_adasid.py"), *common, *CELLS[cell][1], f"--run_folder={folder}"]
    for cell, command in jobs.items():
        if cell not in finished(results):
            record = run_cell(cell, command)
            with results.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(record) + "\n")
        write_table(arguments.out / "README.md", arguments.dataset, finished(results))


def run_cell(cell: str, command: list[str]) -> dict[str, object]:
    """Run one cell and return its metrics, its time and the most memory it held."""
    print(f"--- {cell}: python {' '.join(command)}", flush=True)
    start = time.time()
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE if cell == POP else None, text=True)
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"cell {cell} failed with exit status {os.waitstatus_to_exitcode(status)}; see its log")
    if cell == POP:
        metrics = json.loads(output.splitlines()[-1])
    else:
        folder = Path(next(option for option in command if option.startswith("--run_folder=")).split("=", 1)[1])
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    shown = ["python", Path(command[0]).relative_to(ROOT).as_posix()]
    shown += [option for option in command[1:] if not option.startswith("--run_folder=")]
    seconds, peak = round(time.time() - start), round(usage.ru_maxrss / 1024**2, 2)
    return {"cell": cell, "command": " ".join(shown), "seconds": seconds, "peak_memory_gib": peak, **metrics}


def finished(results: Path) -> dict[str, dict]:
    """Return the finished cells by name; the last line of a cell counts."""
    if not results.exists():
        return {}
    records = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    return {record["cell"]: record for record in records}


def write_table(path: Path, dataset: str, records: dict[str, dict]) -> None:
    """Write the comparison as Markdown: test, validation, Semantic IDs and cost, and the commands."""
    titles = {POP: "RecBole's Pop", **{cell: title for cell, (title, _) in CELLS.items()}}
    rows = [(titles[cell], records[cell]) for cell in titles if cell in records]
    lines = [
        f"# Tokenizers on {dataset}",
        "",
        "Written by `benchmarks/compare_tokenizers.py`. One seed a row; minutes leave out what the cache held.",
    ]
    for split, title in (("test", "Test"), ("best_valid", "Validation")):
        lines += ["", f"## {title}", "", "| tokenizer | " + " | ".join(METRICS) + " |", "|" + "---|" * 7]
        lines += [f"| {name} | " + " | ".join(f"{r[split][m]:.4f}" for m in METRICS) + " |" for name, r in rows]
    lines += ["", "## Semantic IDs and cost", ""]
    lines += ["| tokenizer | " + " | ".join([*SID_COLUMNS.values(), "minutes", "peak memory, GiB"]) + " |"]
    lines += ["|" + "---|" * 6]
    for name, record in rows:
        quality = record.get("semantic_ids", {})
        cells = [f"{quality[key]:.3f}" if key in quality else "" for key in SID_COLUMNS]
        cells += [f"{record['seconds'] / 60:.0f}", str(record["peak_memory_gib"])]
        lines += [f"| {name} | " + " | ".join(cells) + " |"]
    lines += ["", "## Commands", "", "```", *(record["command"] for _, record in rows), "```", ""]
    path.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
