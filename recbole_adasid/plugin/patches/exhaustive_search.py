"""RecBole 1.2.1's tuner fails in an exhaustive search on hyperopt 0.2.7 and later.

It passes a `RandomState`, which has no `integers`, and draws grid points at random until it finds no new one for a
while.
"""

from __future__ import annotations

from itertools import product
from types import ModuleType
from typing import Any


def try_each_point_once(module: ModuleType) -> None:
    """Replace RecBole's function by :func:`exhaustive_search`."""
    module.exhaustive_search = exhaustive_search  # type: ignore[attr-defined]


def exhaustive_search(new_ids: list[int], domain: Any, trials: Any, seed: int, **_: Any) -> list[Any]:
    """Return the next grid points for hyperopt, ordered by name; none once all were tried."""
    names = sorted(domain.params)
    sizes = [domain.params[name].pos_args[0].obj for name in names]
    points = list(product(*map(range, sizes)))[len(trials.trials) :]
    found = []
    for new_id, point in zip(new_ids, points):
        values = {name: [place] for name, place in zip(names, point)}
        misc = {"tid": new_id, "cmd": domain.cmd, "workdir": domain.workdir}
        misc |= {"vals": values, "idxs": {name: [new_id] for name in names}}
        found += trials.new_trial_docs([new_id], [None], [domain.new_result()], [misc])
    return found
