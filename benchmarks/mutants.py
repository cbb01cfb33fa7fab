"""How many mutants the tests notice, by folder: runs mutmut on those not yet noticed, and counts.

    python -m benchmarks.mutants --folder=model                              # all of a folder
    python -m benchmarks.mutants --folder=tokenizer --sample=1000 --seed=0   # a random sample
    python -m benchmarks.mutants --count                                     # only the table

After tests are added, run it again: it reruns only the survivors. See docs/mutation.md.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import subprocess
import sys
from pathlib import Path

MUTANTS = Path("mutants")
PACKAGE = "recbole_adasid"
FAILED = {1, 3}
OUT_OF_TIME = {-24, 24, 36, 152, 255}
UNTESTED = {5, 33}


def results(folder: str = "") -> dict[str, int | None]:
    """Return each mutant of a folder with the exit status of its tests; None: not run."""
    found: dict[str, int | None] = {}
    for path in sorted(MUTANTS.glob(f"{PACKAGE}/{folder}/**/*.meta")):
        found |= json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
    return found


def noticed(code: int | None) -> bool:
    """Tell whether a test failed or, waiting for what no longer ends, ran out of time."""
    return code in FAILED | OUT_OF_TIME


def sample(names: list[str], count: int | None, seed: int) -> list[str]:
    """Return some names drawn at random, or all; a larger sample of the same seed has those of a smaller one too."""
    shuffled = random.Random(seed).sample(names, len(names))
    return names if count is None else sorted(shuffled[:count])


def interval(hits: int, count: int, total: int) -> tuple[float, float]:
    """Return the 95% interval (Wilson's, for a draw without replacement) of a share, seen in ``count`` of ``total``."""
    if count == total:
        return hits / total, hits / total
    z = 1.96 * math.sqrt((total - count) / (total - 1))
    share, scale = hits / count, 1 + z**2 / count
    middle = (share + z**2 / (2 * count)) / scale
    reach = z * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / scale
    return middle - reach, middle + reach


def table(folders: list[str], count: int | None, seed: int) -> str:
    """Return what became of the mutants of each folder, or of a sample of them, as Markdown."""
    lines = ["| folder | mutants | run | killed | out of time | survived | no test | killed of run |"]
    lines.append("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for folder in folders:
        found = results(folder)
        codes = [found[name] for name in sample(sorted(found), count, seed)]
        run = [code for code in codes if code is not None]
        failed, late = sum(code in FAILED for code in run), sum(code in OUT_OF_TIME for code in run)
        untested = sum(code in UNTESTED for code in run)
        cells = [folder, len(found), len(run), failed, late, len(run) - failed - late - untested, untested]
        share = ""
        if run:
            low, high = interval(failed + late, len(run), len(found))
            share = f"{(failed + late) / len(run):.1%}" + (f" ({low:.1%} to {high:.1%})" if high > low else "")
        lines.append(f"| {' | '.join(map(str, cells))} | {share} |")
    return "\n".join(lines)


def main() -> int:
    """Run what was asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", action="append", help="of recbole_adasid, may be repeated; without it, all")
    parser.add_argument("--sample", type=int, default=None, help="mutants of each folder; without it, all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--count", action="store_true", help="run nothing")
    arguments = parser.parse_args()
    if not results():
        # Makes the mutants and learns which tests run which function; this file has two.
        subprocess.run(["mutmut", "run", "--max-children=1", f"{PACKAGE}.plugin.splits*"], check=True)
    every = sorted({name.split(".")[1] for name in results()})
    folders = arguments.folder or every
    left: list[str] = []
    for folder in folders if not arguments.count else []:
        found = results(folder)
        left += [name for name in sample(sorted(found), arguments.sample, arguments.seed) if not noticed(found[name])]
    status = subprocess.run(["mutmut", "run", "--max-children=1", *left]).returncode if left else 0
    print(table(folders, arguments.sample, arguments.seed))
    return status


if __name__ == "__main__":
    sys.exit(main())
