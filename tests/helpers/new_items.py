"""New items for a run, and what to compare in recommenders that take them."""

from __future__ import annotations

from recbole_adasid.serving.new_item_encoder import NewItemEncoder
from recbole_adasid.serving.recommender import Recommender


def table(*titles: str) -> dict[str, list[str]]:
    return {"item_id": [f"new{number}" for number in range(len(titles))], "title": list(titles)}


def encoder_of(recommender: Recommender) -> NewItemEncoder:
    encoder = recommender._live._encoder
    assert encoder is not None
    return encoder


def items(found: list) -> list[str]:
    return [one.item for one in found]
