"""What new items cost the others: the lines of `benchmarks.retrievals` as a table over seeds.

    python -m benchmarks.new_item_costs --lines=results/recommenders/retrievals.jsonl

± is the deviation across seeds; in brackets, the 95% interval of the mean by Student's t.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from recbole_adasid.io.markdown import table

HEAD = ("part", "retrieval", "generative weight", "new_item_bias", "seeds", "new items: Recall@10, NDCG@10")
HEAD += ("others: Recall@10, NDCG@10", "they lose, %: Recall@10, NDCG@10")
METRICS = ("recall@10", "ndcg@10")
WITHOUT = "others, new items not offered"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=Path, required=True, help="what benchmarks.retrievals wrote")
    lines = parser.parse_args().lines.read_text(encoding="utf-8").splitlines()
    print(table(HEAD, rows(map(json.loads, lines))))


def rows(lines: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """Return a row for each setting; lines without new items, or measured without a bias, are left out."""
    found: dict[tuple[Any, ...], dict[int, Mapping[str, Any]]] = defaultdict(dict)
    for line in lines:
        if WITHOUT in line and "new_item_bias" in line:
            setting = line["part"], line["retrieval"], line["generative_weight"], line["new_item_bias"]
            found[setting][line["seed"]] = line
    return [[*map(str, setting), *_cells([*seeds.values()])] for setting, seeds in sorted(found.items())]


def _cells(seeds: Sequence[Mapping[str, Any]]) -> list[str]:
    new, others, without = (
        np.array([[line[part][metric] for metric in METRICS] for line in seeds])
        for part in ("new items", "others", WITHOUT)
    )
    losses = 100 * (1 - others / without)
    shown = [(new, 4), (others, 4), (losses, 1)]
    return [str(len(seeds)), *(", ".join(spread(column, digits) for column in values.T) for values, digits in shown)]


def spread(values: np.ndarray, digits: int) -> str:
    """Return mean, deviation and interval of the mean of a value per seed [n]; a single one as it is."""
    mean = f"{values.mean():.{digits}f}"
    if len(values) == 1:
        return mean
    deviation = values.std(ddof=1)
    half = stats.t.ppf(0.975, len(values) - 1) * deviation / len(values) ** 0.5
    return f"{mean} ± {deviation:.{digits}f} [{values.mean() - half:.{digits}f}, {values.mean() + half:.{digits}f}]"


if __name__ == "__main__":
    main()
