"""Links that lead out of a folder: whoever packed it chose the target, so they are neither read nor written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def check_inside(folder: Path, names: Iterable[str]) -> None:
    """Check that none of a folder's files is a link that leads out of it.

    Links within the hub's cache, from snapshots/COMMIT/ to blobs/, are allowed.

    Args:
        folder: the folder.
        names: relative paths with slashes; the files need not exist.

    Raises:
        ValueError: naming the first link.
    """
    top = Path(os.path.realpath(folder))
    inside = [top, *([top.parents[1] / "blobs"] if len(top.parents) > 1 and top.parent.name == "snapshots" else [])]
    for name in names:
        target = Path(os.path.realpath(folder / name))  # Path.resolve fails on loops
        if not any(place in (target, *target.parents) for place in inside):
            raise ValueError(
                f"{folder / name} is a link to {target}, outside its folder: replace the link with the file"
            )
