"""Checks of a search space before anything is trained: each option suits some others, and has an effect."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from recbole_adasid.scorecard.competitors import PARTS
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.presets import tokenizer_keys
from recbole_adasid.tokenizer.registry import RULES, tokenizer_settings
from recbole_adasid.tokenizer.settings import AROUND
from recbole_adasid.tune.space import Places, Settings, Space

FEW = 128
"""Points of a space that are all checked, in some seconds."""
_TRIES = 32


def check_options(space: Space, build: Callable[[Settings], Any]) -> Any:
    """Return a Config of a point after checking that each option is valid with some of the others.

    Points that are refused will be left out of the search; how many is printed for a small space.

    Args:
        space: the search space.
        build: returns the Config of a point's settings, or refuses them.

    Raises:
        ValueError: as ``build`` for a point of the first option that no other option suits.
    """
    few = space.size is not None and space.size <= FEW
    missing = {(name, place) for name, count in space.counts.items() for place in range(count)}
    refused: list[tuple[Places, ValueError]] = []
    config = None
    for places in _examples(space, few, missing):
        try:
            config = build(space.at(places))
            missing.difference_update(places.items())
        except ValueError as error:
            refused.append((places, error))
    for places, why in refused:
        if missing & set(places.items()):
            raise why
    if few and refused:
        count = f"{len(refused)} of {space.size} points"
        print(f"{count} will be left out, as their settings contradict each other: {refused[0][1]}", flush=True)
    return config


def _examples(space: Space, few: bool, missing: set[tuple[str, int]]) -> Iterator[Places]:
    """Yield all points of a small space; of others some that cover every option, then more with those still missing."""
    names, counts = list(space.counts), list(space.counts.values())
    if few:
        yield from (dict(zip(names, places)) for places in product(*map(range, counts)))
        return
    for place in range(max(counts)):
        yield {name: min(place, count - 1) for name, count in space.counts.items()}
    draw = random.Random(0)
    for name, place in sorted(missing):
        for _ in range(_TRIES):
            if (name, place) not in missing:
                break
            yield {**{one: draw.randrange(count) for one, count in space.counts.items()}, name: place}


def refuse_what_the_tokenizer_ignores(space: Space, config: Any) -> None:
    """Check that a space of a single tokenizer has no settings of others, and one with a `sids_file` no tokenizer's.

    Args:
        config: the resolved settings of any of its points.

    Raises:
        SettingsError: naming the first one.
    """
    if config["sids_file"]:
        for key in sorted(space.keys & (tokenizer_keys() - AROUND.keys())):
            raise SettingsError(
                f"{key} has no effect with sids_file, as no tokenizer is trained: leave one of them out."
            )
    if space.keys & {"tokenizer", *PARTS}:
        return
    of_others = RULES.keys() - AROUND.keys() - tokenizer_settings(config).keys()
    for key in sorted(space.keys & of_others):
        raise SettingsError(
            f"The tokenizer {config['tokenizer']} does not depend on {key}: remove {key} from the space, or choose "
            f"another tokenizer, {' or '.join(PARTS)}."
        )


def refuse_what_the_proxy_ignores(space: Space, known: set[str]) -> None:
    """Check that a space only has settings that Semantic IDs depend on.

    Args:
        known: tokenizer keys.

    Raises:
        SettingsError: naming the first other setting.
    """
    for key in sorted(space.keys - known):
        raise SettingsError(
            f"The proxy does not depend on {key}: it scores Semantic IDs with a recommender of its own. Use "
            f"--objective=valid, or search settings of tokenizers: {', '.join(sorted(known))}."
        )
