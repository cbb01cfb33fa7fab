"""Requests that change the items of a served run."""

from __future__ import annotations

import json
from typing import Any

NEW = {"item": "new", "title": "the red thing, renewed", "price": 3}


def add(client: Any, *items: dict[str, Any], **more: Any) -> Any:
    content = json.dumps({"items": list(items), **more})
    return client.post("/items", content=content, headers={"Content-Type": "application/json"})


def remove(client: Any, *items: str, **more: Any) -> Any:
    return client.request("DELETE", "/items", json={"items": list(items), **more})


def total(client: Any) -> int:
    return client.get("/items").json()["total"]
