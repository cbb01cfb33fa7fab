"""Run every speed benchmark, each in a separate process, and print one table of ratios and targets.

    python -m benchmarks --data_path=data --out=results/speed

Use an otherwise idle machine. Measurements are written as they come, so an interrupted run loses none;
`--only=swing,startup` selects some. Options of a single benchmark are in its own `--help`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.measuring import PREFIX, Measurement

# The benchmarks in order, and whether they take --data_path.
BENCHMARKS = {
    "bfloat16": False,
    "tiger_training": False,
    "one_pass": False,
    "cornac_peer": False,
    "product_share": False,
    "beam_search": True,
    "long_history": False,
    "tokenizer_step": True,
    "assignment": False,
    "swing": True,
    "dataset_preparation": False,
    "raw_conversion": False,
    "evaluation_memory": False,
    "new_items": False,
    "serving": False,
    "startup": False,
    "distributed": True,
}


def main() -> int:
    """Run what was asked for; return 1 if one of them failed, whatever the others gave."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_path", type=Path, default=None, help="folder of amazon-toys; without it, random items")
    parser.add_argument("--out", type=Path, default=None, help="folder for README.md and measurements.jsonl")
    parser.add_argument("--only", default=",".join(BENCHMARKS), help=f"some of {', '.join(BENCHMARKS)}")
    arguments = parser.parse_args()
    chosen = arguments.only.split(",")
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        parser.error(f"unknown benchmarks {', '.join(unknown)}; valid: {', '.join(BENCHMARKS)}")
    started, failed = time.time(), []
    found: list[tuple[str, Measurement]] = []
    for name in chosen:
        options = [f"--data_path={arguments.data_path.resolve()}"] if BENCHMARKS[name] and arguments.data_path else []
        print(f"--- {name}", flush=True)
        ok, measured = run(name, options)
        failed += [] if ok else [name]
        found += [(name, measurement) for measurement in measured]
        if arguments.out:
            write(arguments.out, name, measured)
    print(table([measurement for _, measurement in found]))
    print(f"\n{(time.time() - started) / 60:.1f} minutes on {machine()}")
    if failed:
        print(f"failed: {', '.join(failed)}; see above", file=sys.stderr)
    return 1 if failed else 0


def run(name: str, options: list[str]) -> tuple[bool, list[Measurement]]:
    """Run one benchmark and return whether it ended well, and its measurements; what it prints is passed on."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[1])
    measured = []
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(PREFIX):
            measured.append(Measurement(**json.loads(line[len(PREFIX) :])))
            print(row(measured[-1]), flush=True)
        else:
            print(line, end="", flush=True)
    return process.wait() == 0, measured


def write(folder: Path, name: str, measured: list[Measurement]) -> None:
    """Replace a benchmark's earlier measurements in ``folder`` and rewrite the table."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "measurements.jsonl"
    kept: list[dict[str, Any]] = []
    if path.exists():
        kept = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    kept = [record for record in kept if record["benchmark"] != name]
    kept += [{"benchmark": name, "machine": machine(), **vars(measurement)} for measurement in measured]
    kept.sort(key=lambda record: list(BENCHMARKS).index(record["benchmark"]))
    path.write_text("".join(json.dumps(record) + "\n" for record in kept), encoding="utf-8")
    fields = Measurement.__dataclass_fields__
    lines = [Measurement(**{key: record[key] for key in fields}) for record in kept]
    machines = "; ".join(sorted({record["machine"] for record in kept}))
    head = (
        "# Speed\n\nWritten by `python -m benchmarks`. Medians of alternating runs in one process or one machine.\n\n"
    )
    (folder / "README.md").write_text(f"{head}Machine: {machines}.\n\n{table(lines)}\n", encoding="utf-8")


def table(measured: list[Measurement]) -> str:
    return "\n".join(["| stage | against | measured | target | | |", "|---|---|---|---|---|---|", *map(row, measured)])


def row(m: Measurement) -> str:
    bound = "≥" if m.at_least else "≤"
    verdict = "reached" if m.reached else "**missed**"
    return (
        f"| {m.stage} | {m.against} | {m.value:.3g}{m.unit} | {bound} {m.target:g}{m.unit} | {verdict} | {m.detail} |"
    )


def machine() -> str:
    import torch

    return f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, {platform.machine()}, torch {torch.__version__}"


if __name__ == "__main__":
    sys.exit(main())
