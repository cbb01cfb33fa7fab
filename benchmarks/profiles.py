"""Where the time goes in stages that miss or once missed a target: shares by operator or function.

    python -m benchmarks.profiles --data_path=data --out=results/speed

Writes profiles.md. Shares, not times, because a profiler slows down the code it measures.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch.profiler import profile

from benchmarks import networks, swing, toys
from benchmarks.dataset_preparation import prepare, write_log
from benchmarks.tokenizer_step import Steps
from recbole_adasid.pairs.swing import swing_pairs

SHOWN = 8
Row = tuple[str, float]  # name and share of the time


def of_operators(function: Callable[[], object]) -> list[Row]:
    """Profile torch's operators, by their own time."""
    with profile() as recorded:
        function()
    events = recorded.key_averages()
    total = sum(event.self_cpu_time_total for event in events)
    return _largest((event.key, event.self_cpu_time_total / total) for event in events)


def of_functions(function: Callable[[], object]) -> list[Row]:
    """Profile Python functions, by their own time."""
    recorder = cProfile.Profile()
    recorder.runcall(function)
    entries = pstats.Stats(recorder).stats  # type: ignore[attr-defined]
    total = sum(entry[2] for entry in entries.values())
    return _largest((_title(*place), entry[2] / total) for place, entry in entries.items())


def _title(path: str, line: int, name: str) -> str:
    if line == 0:  # built in
        return name.strip("<>").replace("built-in method ", "")
    return f"{Path(path).parent.name}/{Path(path).name}: {name}"


def _largest(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: -row[1])[:SHOWN]


def beam_search(data_path: Path | None) -> Callable[[], object]:
    model = networks.our_model(toys.semantic_ids(data_path), "paper").eval()
    lengths = toys.history_lengths(256)
    history = toys.histories(lengths, toys.LONGEST)
    model.recommend(history[:32], lengths[:32], k=10, beam_size=50)
    return lambda: model.recommend(history, lengths, k=10, beam_size=50)


def tokenizer_steps(name: str, data_path: Path | None) -> Callable[[], object]:
    steps = Steps(name, toys.features(data_path), toys.pairs(data_path), argparse.Namespace(pairs=1024))
    steps.take(200)
    return lambda: [steps.step() for _ in range(10)]


def preparation() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        write_log(Path(folder), 1_000_000)
        return of_functions(lambda: prepare("TIGER", Path(folder)))


def main() -> None:
    """Profile each stage in turn and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_path", type=Path, default=None, help="folder of amazon-toys; without it, random items")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--users", type=int, default=1_000_000, help="of the synthetic log, 10 interactions each")
    arguments = parser.parse_args()
    del sys.argv[1:]  # RecBole reads them too
    torch.manual_seed(0)
    log = swing.synthetic_log(arguments.users)
    sections: dict[str, list[Row]] = {
        "Constrained beam search, beam 50, paper size, float32": of_operators(beam_search(arguments.data_path)),
        "AdaSID's training step": of_operators(tokenizer_steps("adasid", arguments.data_path)),
        "RQ-VAE's training step": of_operators(tokenizer_steps("rqvae", arguments.data_path)),
        f"Swing, {len(log[0]):,} interactions": of_functions(lambda: swing_pairs(*log)),
        "Dataset preparation, 1,000,000 interactions": preparation(),
    }
    lines = ["# Where the time goes", "", "Written by `python -m benchmarks.profiles`: shares of a stage's own time."]
    for title, rows in sections.items():
        lines += ["", f"## {title}", "", "| operator or function | share |", "|---|---|"]
        lines += [f"| {name} | {share:.1%} |" for name, share in rows]
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "profiles.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
