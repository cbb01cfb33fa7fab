"""Fail unless two run folders hold the same Semantic IDs and the same metrics: `python compare_runs.py ONE TWO`."""

import json
import sys
from pathlib import Path

first, second = (Path(folder) for folder in sys.argv[1:])
for name in ("sids.json", "metrics.json"):
    one, two = (json.loads((folder / name).read_text(encoding="utf-8")) for folder in (first, second))
    if name == "metrics.json":
        one, two = ({split: numbers[split] for split in ("best_valid", "test")} for numbers in (one, two))
    if one != two:
        sys.exit(f"{name} differs:\n{json.dumps(one)[:2000]}\n{json.dumps(two)[:2000]}")
    print(f"{name}: equal in both environments")
