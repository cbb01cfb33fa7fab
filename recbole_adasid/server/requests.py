"""The bodies of requests. Names of types are plain here: pydantic evaluates them, on Python 3.9 too."""

from typing import Optional

from pydantic import BaseModel, ConfigDict, Field


class RecommendRequest(BaseModel):
    """One history or several, and what may be recommended after them."""

    model_config = ConfigDict(extra="forbid", strict=True)

    history: Optional[list[str]] = Field(None, description="item tokens, oldest first", examples=[["50", "181"]])
    histories: Optional[list[list[str]]] = Field(None, description="or several histories")
    k: int = Field(10, description="number of items to recommend")
    allow: Optional[list[str]] = Field(None, description="recommend only these items")
    deny: list[str] = Field([], description="never recommend these items")
    category: Optional[str] = Field(
        None, description="recommend only items whose category contains it as whole words, ignoring case"
    )
    exclude_seen: bool = Field(True, description="leave out items of the history")
    new_share: float = Field(0.0, description="share of places for items added after training, from 0 to 1")


class ExplainRequest(BaseModel):
    """A history, and the item whose path through the prefix tree is asked for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    history: list[str] = Field(..., description="item tokens, oldest first", examples=[["50", "181"]])
    item: str = Field(..., description="token of the item to explain", examples=["172"])
