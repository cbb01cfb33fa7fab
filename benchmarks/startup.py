"""How long `import recbole_adasid` and `--help` take.

python -m benchmarks.startup
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.measuring import Measurement, seconds

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Print both, less what starting Python itself takes in the first case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    script = str(ROOT / "run_recbole_adasid.py")
    bare, imported, helped = (
        process_seconds(options, arguments.rounds)
        for options in (["-c", "pass"], ["-c", "import recbole_adasid"], [script, "--help"])
    )
    Measurement("import recbole_adasid", "nothing", imported - bare, 0.1, at_least=False, unit=" s").print()
    Measurement("run_recbole_adasid.py --help", "nothing", helped, 1.0, at_least=False, unit=" s").print()


def process_seconds(options: list[str], rounds: int) -> float:
    def once() -> None:
        subprocess.run([sys.executable, *options], check=True, capture_output=True, cwd=ROOT)

    once()
    return statistics.median(seconds(once) for _ in range(rounds))


if __name__ == "__main__":
    main()
