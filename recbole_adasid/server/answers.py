"""The bodies of answers, for /docs and /openapi.json. Names of types are plain: pydantic evaluates them."""

from typing import Any, Union

from pydantic import BaseModel


class Item(BaseModel):
    """An item of the catalogue."""

    item: str
    title: str
    category: str
    semantic_id: list[int]
    added: bool


class FoundItems(BaseModel):
    """Items that match a query, best first, and how many match in all."""

    items: list[Item]
    total: int


class Recommended(BaseModel):
    """A recommended item; the score is the log-probability of its Semantic ID, or LIGER's dense score."""

    item: str
    title: str
    category: str
    score: float
    semantic_id: list[int]


class Recommendations(BaseModel):
    """A list for the history, or one for each of the histories."""

    recommendations: Union[list[Recommended], list[list[Recommended]]]


class Added(BaseModel):
    """Items added, now on disk; the others, by the reason why not."""

    items: list[Item]
    moved: list[str]
    known: list[str]
    refused: dict[str, str]
    ignored_fields: list[str]


class Removed(BaseModel):
    """Items removed; the others, with the reason why not."""

    items: list[str]
    refused: dict[str, str]


class About(BaseModel):
    """What is served."""

    version: str
    model: str
    dataset: str
    items: int
    added_items: int
    levels: list[int]
    items_can_be_added: bool
    settings: dict[str, Any]
    limits: dict[str, float]


class Health(BaseModel):
    """Live: the process answers. Ready: it decodes."""

    live: bool
    ready: bool


class Refusal(BaseModel):
    """Why a request was not answered, in a sentence."""

    detail: str
