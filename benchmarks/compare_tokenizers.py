"""Run tokenizers, or variants of AdaSID, through the same TIGER on one dataset and write the table that compares them.

    python benchmarks/compare_tokenizers.py --dataset=amazon-toys --data_path=data --out=results/amazon-toys
    python benchmarks/compare_tokenizers.py --grid=choices --dataset=amazon-toys --data_path=data \\
        --out=results/amazon-toys/choices --model_size=tiny --epochs=6 --eval_step=6

Each cell is one run of ``run_recbole_adasid.py`` in a process of its own; RecBole's Pop sets the floor. A cell whose
metrics are there already is not run again, so a stopped comparison continues where it was. Further ``--key=value``
options go to every cell; ``--cells=rqvae,adasid`` picks some. The table of choices shows validation only.
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

Cells = dict[str, tuple[str, list[str]]]
TOKENIZERS: Cells = {
    "rqkmeans": ("RQ-KMeans", ["--tokenizer=rqkmeans"]),
    "rqvae": ("RQ-VAE", ["--tokenizer=rqvae"]),
    "adasid-no-collision": ("AdaSID, collision term off", ["--tokenizer=adasid", "--collision_weight=0"]),
    "adasid": ("AdaSID", ["--tokenizer=adasid"]),
}
CHOICES: Cells = {
    name: (title, ["--tokenizer=adasid", *options])
    for name, title, options in (
        ("default", "as in props", []),
        ("seed", "another seed", ["--seed=2021"]),
        ("eta-paper", "η 0.18, 0.24, 0.30 (paper)", ["--relaxation_thresholds=[0.18, 0.24, 0.30]"]),
        ("eta-low", "η 0.4, 0.6, 0.8", ["--relaxation_thresholds=[0.4, 0.6, 0.8]"]),
        ("eta-high", "η 0.8, 0.9, 0.98", ["--relaxation_thresholds=[0.8, 0.9, 0.98]"]),
        ("margin-low", "m 0.8", ["--collision_margins=[0.8, 0.8, 0.8]"]),
        ("margin-high", "m 1.6", ["--collision_margins=[1.6, 1.6, 1.6]"]),
        ("temperature-low", "temperature 0.05", ["--contrastive_temperature=0.05"]),
        ("temperature-high", "temperature 0.2", ["--contrastive_temperature=0.2"]),
        ("per-item", "collision loss per item", ["--collision_reduction=per_item"]),
        ("f-max-2", "f_max 2", ["--load_f_max=2"]),
        ("lambda-cf-low", "λ_cf up to 0.25", ["--collaborative_weight=0.25"]),
    )
}
GRIDS: dict[str, Cells] = {"tokenizers": TOKENIZERS, "choices": CHOICES}
POP = "pop"
METRICS = [f"{name}@{k}" for k in (3, 5, 10) for name in ("recall", "ndcg")]
SID_COLUMNS = {"unique_sids": "unique SIDs", "min_perplexity": "min. perplexity", "mean_top1_load": "top-1 load"}


def main() -> None:
    """Run the cells that are missing, rewriting the table after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--data_path", required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the table, cells.jsonl and run folders")
    parser.add_argument("--grid", default="tokenizers", choices=GRIDS)
    parser.add_argument("--cells", help="some cells of the grid, separated by commas; default: all")
    arguments, options = parser.parse_known_args()
    cells = GRIDS[arguments.grid]
    chosen = arguments.cells.split(",") if arguments.cells else list(cells)
    unknown = set(chosen) - cells.keys()
    if unknown:
        parser.error(f"unknown cells {sorted(unknown)}; valid: {', '.join(cells)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    results = arguments.out / "cells.jsonl"
    common = [f"--dataset={arguments.dataset}", f"--data_path={arguments.data_path}", *options]
    jobs = {POP: [str(ROOT / "benchmarks" / "popularity.py"), *common[:2]]}
    for cell in chosen:
        folder = ROOT / "runs" / f"{arguments.grid}-{arguments.dataset}" / cell
        jobs[cell] = [str(ROOT / "run_recbole_adasid.py"), *common, *cells[cell][1], f"--run_folder={folder}"]
    for cell, command in jobs.items():
        if cell not in finished(results):
            record = run_cell(cell, command)
            with results.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(record) + "\n")
        write_table(arguments.out / "README.md", arguments.dataset, cells, finished(results))


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


def write_table(path: Path, dataset: str, cells: Cells, records: dict[str, dict]) -> None:
    """Write the comparison as Markdown: test, validation, Semantic IDs and cost, and the commands."""
    titles = {POP: "RecBole's Pop", **{cell: title for cell, (title, _) in cells.items()}}
    rows = [(titles[cell], records[cell]) for cell in titles if cell in records]
    lines = [
        f"# {'Choices' if cells is CHOICES else 'Tokenizers'} on {dataset}",
        "",
        "Written by `benchmarks/compare_tokenizers.py`. One seed a row; minutes leave out what the cache held.",
    ]
    splits = (("test", "Test"), ("best_valid", "Validation"))
    for split, title in splits[1:] if cells is CHOICES else splits:  # choices are made without a look at the test
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
