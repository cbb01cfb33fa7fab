"""A page built from sections: one self-contained HTML file."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from recbole_adasid.report.content.left_out import LeftOut
from recbole_adasid.report.content.metrics import metric_title

logger = logging.getLogger(__name__)

HERE = Path(__file__).resolve().parents[1]
# Characters that HTML forbids, and lone surrogates, which UTF-8 cannot encode.
_IMPOSSIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
Content = TypeVar("Content")


@dataclass(frozen=True)
class Section(Generic[Content]):
    """A part of a page: the function that gathers its content, and the template that shows it."""

    name: str
    """Of the template, and of the anchor."""
    title: str
    menu: str
    """Short title."""
    gather: Callable[[Content], dict[str, Any]]


def render_page(title: str, subtitle: str, sections: Sequence[Section[Content]], content: Content) -> str:
    """Return a page; a section that fails shows the reason instead, and logs a warning.

    Args:
        title, subtitle: texts.
        sections: in their order.
        content: the source of every section.
    """
    parts = [(section, *_rendered(section, content)) for section in sections]
    script = (HERE / "assets" / "page.js").read_text(encoding="utf-8")
    page = (
        _environment()
        .get_template("page.html")
        .render(
            title=title,
            subtitle=subtitle,
            sections=parts,
            style=Markup((HERE / "assets" / "page.css").read_text(encoding="utf-8")),
            script=Markup(script),
            script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )
    return _IMPOSSIBLE.sub("\ufffd", page)


def shown_sections(page: str) -> list[str]:
    """Return the names of the sections that a page of :func:`render_page` has with their content, in order."""
    return [name for name, left_out in _SECTION.findall(page) if not left_out]


_SECTION = re.compile(
    r'^<section id="(\w+)"[^>]*>\s*<h2[^>]*>[^<]*</h2>\s*(<p class="left-out">Left out:)?', re.MULTILINE
)


def _rendered(section: Section[Content], content: Content) -> tuple[Markup, str]:
    """Return the section's HTML, or an empty text and the reason."""
    try:
        template = _environment().get_template(f"{section.name}.html")
        return Markup(template.render(**section.gather(content))), ""
    except LeftOut as why:
        return Markup(""), str(why)
    except Exception as error:  # a page with a gap beats no page
        reason = _in_words(error)
        logger.warning("The report has no section %r: %s", section.title, reason)
        return Markup(""), reason


def _in_words(error: Exception) -> str:
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"the folder has no {Path(error.filename).name}"
    return str(error) if isinstance(error, (ValueError, OSError)) else f"{type(error).__name__}: {error}"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates", encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"in_script": in_script, "metric_title": metric_title}
    return environment


def in_script(value: Any) -> Markup:
    """Return plain values as JSON that is safe in a script element, whatever texts they hold."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)
