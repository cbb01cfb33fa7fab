"""`save_pretrained`, `push_to_hub` and `from_pretrained`, for everything that has a model repository."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from recbole_adasid.hub.card import UNKNOWN, check_license
from recbole_adasid.hub.client import hub_client
from recbole_adasid.hub.download import locate
from recbole_adasid.hub.layout import Layout
from recbole_adasid.hub.upload import upload
from recbole_adasid.io.whole_folder import new_folder

Own = TypeVar("Own", bound="Published")


class Published(ABC):
    """Something that can be published as a model repository and loaded from one."""

    LAYOUT: ClassVar[Layout]

    @abstractmethod
    def _write_repository(self, folder: Path, *, name: str, license: str) -> None:
        """Write the files of the layout into an empty folder; ``name`` is for the card."""

    @classmethod
    @abstractmethod
    def _read_repository(cls: type[Own], folder: Path, *, downloaded: bool, **options: Any) -> Own:
        """Load a checked folder; a downloaded one must not be changed."""

    def save_pretrained(self, folder: str | Path, *, license: str = UNKNOWN) -> Path:
        """Write a model repository into a new folder, completely or not at all, and return the folder.

        It contains no interactions, nothing about users and no local paths.

        Args:
            folder: new or empty.
            license: the hub's identifier of its licence, such as mit.

        Raises:
            FileExistsError: if the folder is not empty.
            ValueError: for an invalid licence identifier.
            CannotWrite: if the disk is full.
        """
        check_license(license)
        target = Path(folder)
        with new_folder(target, last=self.LAYOUT.needed[0]) as waiting:
            self._write_repository(waiting, name=target.absolute().name, license=license)
        return target

    def push_to_hub(
        self,
        name: str,
        *,
        revision: str | None = None,
        private: bool | None = None,
        token: str | bool | None = None,
        message: str | None = None,
        license: str = UNKNOWN,
    ) -> str:
        """Publish what :meth:`save_pretrained` writes on the hub, in one commit; return the commit's URL.

        Args:
            name: repository name such as user/model; created if needed.
            revision: branch, created if needed; None: main.
            private: whether a new repository is private; None: the account's default.
            token: token with write access; None: the one from `hf auth login` or HF_TOKEN.
            message: commit message.
            license: the hub's identifier of its licence, such as mit.

        Raises:
            PermissionError: if the token is missing or may not write.
            ValueError: for an invalid name or licence, or if ``private`` is true and the repository is public.
            ConnectionError: if the hub cannot be reached.
            ImportError: without the extra `hub`.
        """
        check_license(license)
        hub_client(f"publishing {name!r} on the hub")
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            self._write_repository(folder, name=name, license=license)
            how: dict[str, Any] = {"revision": revision, "private": private, "token": token, "message": message}
            return upload(folder, name, self.LAYOUT, **how)

    @classmethod
    def from_pretrained(
        cls: type[Own],
        source: str | Path,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        **options: Any,
    ) -> Own:
        """Load from a folder, or by name from the hub; nothing is unpickled or executed.

        Only the layout's files are downloaded (into the hub's cache) and opened.

        Args:
            source: folder, or repository name such as user/model; a folder of that name takes precedence.
            revision: branch, tag or commit; None: main. Only a commit never changes.
            token: for private repositories; None: the one from `hf auth login` or HF_TOKEN; False: none.
            cache_dir: where downloads are kept; None: the hub's cache.
            local_files_only: use an earlier download without contacting the hub, like HF_HUB_OFFLINE.
            options: passed on to :meth:`load`.

        Raises:
            FileNotFoundError: if there is no such folder, repository, revision or download, or it is of another kind.
            PermissionError: if the repository needs a token, or one with more permissions.
            DamagedFile: if a file is damaged, or belongs to something else.
            ValueError: if a revision is given for a folder, or a link leads out of the folder.
            ConnectionError: if the hub cannot be reached and there is no earlier download.
            ImportError: without the extra `hub`.
        """
        where: dict[str, Any] = {"revision": revision, "token": token, "cache_dir": cache_dir}
        found = locate(source, cls.LAYOUT, local_files_only=local_files_only, **where)
        return cls._read_repository(found.folder, downloaded=found.downloaded, **options)
