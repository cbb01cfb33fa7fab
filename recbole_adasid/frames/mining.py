"""Item pairs from a table in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recbole_adasid.data.interactions import InteractionArrays
from recbole_adasid.data.log.user_log import for_training
from recbole_adasid.frames.interactions import ITEM, read_interactions
from recbole_adasid.io.frames import Frame, ids_like, made_like
from recbole_adasid.pairs.settings import PAIRS
from recbole_adasid.pairs.sources import MINERS
from recbole_adasid.settings.errors import SettingsError, unknown_name
from recbole_adasid.settings.presets import read_props


def mine_pairs(
    interactions: Any,
    *,
    columns: Mapping[str, str] | None = None,
    time_unit: str = "s",
    held_out: int = 2,
    progress: bool = False,
    **settings: Any,
) -> Any:
    """Return the item pairs that the main job mines from the same interactions, as a table of the same library.

    Args:
        interactions: a pandas, Polars or Arrow table with a user, an item and a time per row.
        columns: its column names for `user_id`, `item_id` and `timestamp`, where they differ.
        time_unit: unit of numeric times: s, ms, us or ns.
        held_out: number of each user's last interactions to leave out; 0 for a table of training interactions.
        progress: show a progress bar.
        **settings: `pair_source` and the settings of that miner, such as `swing_top_k`.

    Returns:
        Columns trigger, target and weight, by trigger, then weight (descending). Items are integers if the given
        column is, otherwise strings.

    Raises:
        SettingsError: for a missing column or an invalid setting.
        ValueError: if ``interactions`` is not a table, or no row has a usable interaction.
        ImportError: if narwhals is not installed.
    """
    config = {**read_props("tokenizers.yaml"), **settings}
    _check(config, settings, held_out)
    frame, names = Frame(interactions, "interactions"), columns or {}
    read = read_interactions(frame, names, time_unit=time_unit)
    if not len(read.users):
        raise ValueError(f"No row has a usable interaction. {read.lines.summary()}.")
    training = for_training(read.users, held_out)
    miner = MINERS[config["pair_source"]]
    arguments = {argument: config[key] for argument, key in miner.settings.items()}
    chosen = InteractionArrays(read.users[training], read.items[training])
    found = miner.mine(chosen, len(read.item_tokens), **arguments, **miner.extras(config, None, progress))
    table = frame.select([names.get(ITEM, ITEM)])
    tokens = ids_like(table, names.get(ITEM, ITEM), read.item_tokens)
    pairs = {"trigger": tokens[found.trigger], "target": tokens[found.target], "weight": found.weight}
    return made_like(table, pairs)


def _check(config: Mapping[str, Any], given: Mapping[str, Any], held_out: int) -> None:
    for key in given:
        if key not in PAIRS or key == "pair_file":
            raise unknown_name("setting of pairs", key, PAIRS.keys() - {"pair_file"})
    for key, value in given.items():
        if not PAIRS[key].fits(value):
            raise SettingsError(f"{key}={value!r} has to be {PAIRS[key].wanted}.")
    if config["pair_source"] not in MINERS:
        raise unknown_name("pair_source", config["pair_source"], MINERS)
    if not isinstance(held_out, int) or held_out < 0:
        raise SettingsError(f"held_out={held_out!r} has to be a whole number of 0 or more.")
