"""Request bodies. Annotations stay evaluated and old-style, as pydantic reads them on Python 3.9, too."""

from typing import Annotated, Any, Optional

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def writable(text: str) -> str:
    """Refuse lone surrogates and NUL, which JSON can express but files of items cannot."""
    if "\0" in text:
        raise ValueError("it contains a NUL character: remove it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it contains half a character (a lone surrogate): send valid Unicode") from None
    return text


def _token(text: str) -> str:
    """Refuse what files of items cannot hold as a token."""
    if not text.isprintable() or text != text.strip() or not text:
        raise ValueError("a token has to be one line of printable characters, without leading or trailing blanks")
    return text


Text = Annotated[str, AfterValidator(writable)]


class RecommendRequest(BaseModel):
    """One history or several, and filters on the recommendations."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"history": ["50", "181"], "k": 10}]}
    )

    history: Optional[list[str]] = Field(None, description="item tokens, oldest first")
    histories: Optional[list[list[str]]] = Field(None, description="several histories, instead of one")
    k: int = Field(10, description="number of items to recommend")
    allow: Optional[list[str]] = Field(None, description="recommend only these items")
    deny: list[str] = Field([], description="never recommend these items")
    category: Optional[str] = Field(
        None, description="recommend only items whose category contains it as whole words, ignoring case"
    )
    exclude_seen: bool = Field(True, description="leave out items of the history")
    new_share: float = Field(0.0, description="share of places for items added after training, from 0 to 1")


class NewItem(BaseModel):
    """A new item. Every other key is a column of the run's item table, such as its title, with any JSON value."""

    model_config = ConfigDict(extra="allow", strict=True)
    __pydantic_extra__: dict[str, Any]

    item: Annotated[Text, AfterValidator(_token)] = Field(description="token of the item")


class AddRequest(BaseModel):
    """Items to add."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"items": [{"item": "new", "title": "A title"}]}]}
    )

    items: list[NewItem]
    features: Optional[list[list[float]]] = Field(
        None, description="vectors of the kind that the tokenizer was trained on, one per item, instead of texts"
    )
    bad_items: str = Field("refuse", description="if an item cannot be added: refuse all, or skip it")


class RemoveRequest(BaseModel):
    """Items to remove."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [{"items": ["new"]}]})

    items: list[Text] = Field(description="tokens of the items")
    bad_items: str = Field("refuse", description="if an item is unknown: refuse all, or skip it")


class ExplainRequest(BaseModel):
    """A history, and the item to explain."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"history": ["50", "181"], "item": "172"}]}
    )

    history: list[str] = Field(description="item tokens, oldest first")
    item: str = Field(description="token of the item to explain")
