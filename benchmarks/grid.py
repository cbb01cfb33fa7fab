"""`python -m benchmarks.grid`, the former name of `recbole-adasid grid`."""

import sys

from recbole_adasid.cli import main

if __name__ == "__main__":
    print("python -m benchmarks.grid is deprecated: use recbole-adasid grid", file=sys.stderr)
    sys.exit(main(["grid", *sys.argv[1:]]))
