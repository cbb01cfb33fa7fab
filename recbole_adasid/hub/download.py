"""Resolve a folder or a name on the hub to a local folder."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import NamedTuple

from recbole_adasid.hub.client import Unreachable, endpoint, hub_client, in_a_sentence, is_offline
from recbole_adasid.hub.layout import Layout
from recbole_adasid.settings.version import VERSION

logger = logging.getLogger(__name__)

_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")


class Located(NamedTuple):
    """A local folder of the expected kind."""

    folder: Path
    downloaded: bool
    """Whether it is in the hub's cache, which must not be changed."""


def locate(
    source: str | Path,
    layout: Layout,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
) -> Located:
    """Return a local folder as it is, or download a repository; a folder of that name takes precedence.

    Only the layout's files are downloaded and opened. Options and errors are those of
    :meth:`~recbole_adasid.hub.published.Published.from_pretrained`, but for those of reading the files.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise ValueError(f"{source} is a local folder, which has no revision {revision!r}: leave revision out")
        layout.check_folder(folder)
        return Located(folder, downloaded=False)
    if not isinstance(source, str) or not _NAME.fullmatch(source):
        raise FileNotFoundError(f"there is no folder {source}, and it is not a name on the hub such as user/model")
    hub = hub_client(f"there is no folder {source}, and loading {source!r} from the hub")
    local = local_files_only or is_offline()
    if not local:
        try:
            _check_repository(source, layout, revision, token)
        except Unreachable as error:
            logger.warning("%s. Looking for an earlier download of %s.", error, source)
            local = True
    with in_a_sentence(source, revision):
        found = hub.snapshot_download(
            source,
            revision=revision,
            token=token,
            cache_dir=cache_dir,
            local_files_only=local,
            allow_patterns=list(layout.read),  # exact names, so none can escape the folder
            endpoint=endpoint(),
            library_name="recbole-adasid",
            library_version=VERSION,
        )
    layout.check_folder(Path(found))
    return Located(Path(found), downloaded=True)


def _check_repository(name: str, layout: Layout, revision: str | None, token: str | bool | None) -> None:
    """Check a repository's file list before anything is downloaded."""
    from huggingface_hub import HfApi

    with in_a_sentence(name, revision):
        info = HfApi(endpoint=endpoint()).model_info(name, revision=revision, token=token)
    if not _COMMIT.fullmatch(str(info.sha)):  # it becomes a folder name
        raise ValueError(f"{endpoint()} gives {str(info.sha)[:60]!r} as the commit of {name}, which is not a hash")
    layout.check_names([file.rfilename for file in info.siblings or ()], f"{name} on {endpoint()}")
