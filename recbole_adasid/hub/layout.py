"""The files of a model repository: only those listed here are downloaded, opened or published."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from recbole_adasid.io.links import check_inside

CARD, PICTURE = "README.md", "codes.svg"
FOR_PEOPLE = (CARD, PICTURE)
"""Published, never downloaded."""
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib")


@dataclass(frozen=True)
class Layout:
    """The files of one kind of repository, as relative paths with slashes."""

    kind: str
    """Its name, for messages."""
    needed: tuple[str, ...]
    optional: tuple[str, ...]
    written_later: tuple[str, ...] = ()
    """Files that using the folder creates next to the others; never published."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Other kinds of repository, by a file that identifies them."""

    @property
    def read(self) -> tuple[str, ...]:
        """Files that are downloaded."""
        return (*self.needed, *self.optional)

    @property
    def published(self) -> tuple[str, ...]:
        """Files that are uploaded if they exist."""
        return (*self.read, *FOR_PEOPLE)

    def check_names(self, names: Collection[str], source: str) -> None:
        """Check that a repository with these file ``names`` is of this kind.

        Raises:
            FileNotFoundError: naming the first file that is missing.
        """
        missing = [name for name in self.needed if name not in names]
        if not missing:
            return
        instead = next((f" It is {what}." for name, what in self.others.items() if name in names), "")
        pickled = sorted(name for name in names if name.lower().endswith(_PICKLED))
        if pickled and not instead:
            instead = f" Its {pickled[0]} would have to be unpickled, which could run any code."
        raise FileNotFoundError(f"{source} lacks {missing[0]}, so it is not a recbole-adasid {self.kind}.{instead}")

    def check_folder(self, folder: Path) -> None:
        """Check that a folder is of this kind, and that none of its files is a link that leads out of it.

        Raises:
            FileNotFoundError: naming the first file that is missing.
            ValueError: naming the first link.
        """
        self.check_names([name for name in self.read if (folder / name).is_file()], str(folder))
        check_inside(folder, (*self.read, *self.written_later))
