"""Response bodies, for /docs and /openapi.json. Annotations stay evaluated, as pydantic reads them."""

from typing import Any, Optional, Union

from pydantic import BaseModel


class Item(BaseModel):
    """An item of the catalogue."""

    item: str
    title: str
    category: str
    semantic_id: list[int]
    added: bool
    removed: bool


class FoundItems(BaseModel):
    """Items that match a query, best first, and the total number of matches."""

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
    """One list for `history`, or one per history for `histories`."""

    recommendations: Union[list[Recommended], list[list[Recommended]]]


class Added(BaseModel):
    """Items that were added and saved, and why others, or further rows of the same, were not."""

    items: list[Item]
    moved: list[str]
    known: list[str]
    refused: dict[str, str]
    ignored_fields: list[str]


class Removed(BaseModel):
    """Items that were removed, and why others were not."""

    items: list[str]
    refused: dict[str, str]


class Option(BaseModel):
    """A token that the tree allows, and its probability among all allowed tokens."""

    token: int
    probability: float


class Step(BaseModel):
    """One token of a Semantic ID: its probability and rank among the `n_options` tokens that the tree allows, its
    log-probability as the beam scores it, the number of catalogue and history items that share the prefix, and the most
    probable options.
    """

    level: int
    token: int
    probability: float
    log_probability: float
    rank: int
    n_options: int
    prefix_items: int
    history_items: int
    options: list[Option]


class Explained(BaseModel):
    """The path to an item; its log-probability is the sum over the steps. Without a decoder there is no path."""

    item: str
    path: list[Step]
    log_probability: Optional[float]
    retrieval: str
    note: str


class Example(BaseModel):
    """An item below a prefix."""

    item: str
    title: str


class CodeMeaning(BaseModel):
    """The number of items below a prefix, their distinctive words, categories with item counts, and examples."""

    prefix: list[int]
    items: int
    words: list[str]
    categories: list[list[Union[str, int]]]
    examples: list[Example]


class About(BaseModel):
    """What is served; `item_fields` are the fields of new items that the run reads."""

    version: str
    model: str
    dataset: str
    items: int
    added_items: int
    levels: list[int]
    items_can_be_added: bool
    item_fields: list[str]
    settings: dict[str, Any]
    limits: dict[str, float]


class Health(BaseModel):
    """Live: the process answers. Ready: it decodes."""

    live: bool
    ready: bool


class Refusal(BaseModel):
    """Why a request was refused."""

    detail: str
