"""A hook of mkdocs: brings files outside docs/ into the site, where pages link to them.

Pages are written for the repository, where `../results/grid/README.md` leads somewhere. In the site that file gets the
address `results/grid/`; a link to a folder, which has no page, becomes plain text.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).resolve().parents[1]
PAGES = ["CONTRIBUTING.md", "CHANGELOG.md"]  # of the navigation
LINK = re.compile(r"\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add `PAGES`, and what pages link to, and what that links to."""
    waiting = [*PAGES, *(f"docs/{file.src_uri}" for file in files.documentation_pages())]
    seen = set(waiting)
    while waiting:
        path = waiting.pop()
        if not path.startswith("docs/"):
            level = InclusionLevel.INCLUDED if path in PAGES else InclusionLevel.NOT_IN_NAV
            files.append(File.generated(config, path, abs_src_path=str(ROOT / path), inclusion=level))
        if path.endswith(".md"):
            targets = (_target(path, link[2]) for link in LINK.finditer((ROOT / path).read_text(encoding="utf-8")))
            found = {target for target in targets if target and (ROOT / target).is_file()} - seen
            waiting += sorted(target for target in found if not target.startswith("docs/"))
            seen |= found
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Let the links of a page lead to where their targets are in the site."""
    at = page.file.src_uri
    home = f"docs/{at}" if (ROOT / "docs" / at).is_file() else at

    def moved(link: re.Match[str]) -> str:
        text, target = link[1], _target(home, link[2])
        if target is None or not (ROOT / target).exists():
            return link[0]
        if (ROOT / target).is_dir():
            return f"`{text.strip('`')}`"
        to = target[len("docs/") :] if target.startswith("docs/") else target
        return f"[{text}]({relpath(to, str(PurePosixPath(at).parent))}{link[3] or ''})"

    return LINK.sub(moved, markdown)


def _target(page: str, link: str) -> str | None:
    """Return the path in the repository that a link of a page means; None if it leads out of it."""
    path = normpath(PurePosixPath(page).parent / link)
    return None if "://" in link or path.startswith("..") else path
