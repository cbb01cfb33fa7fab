"""The tracker runs of an unfinished training, kept in its folder so that it continues them when it resumes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

from recbole_adasid.io.atomic import write_atomically
from recbole_adasid.io.json_file import as_json, read_json
from recbole_adasid.run_folder.folder import RunFolder

_ID = re.compile(r"[A-Za-z0-9][\w-]{0,127}", re.ASCII)


class KeptRuns:
    """The ids of the tracker runs in a run folder, by the setting that switches the tracker on.

    Args:
        folder: run folder.
        training: fingerprint of the settings of its training; the runs of another are ignored.
    """

    def __init__(self, folder: RunFolder, training: str) -> None:
        self._path, self._training = folder.path / "tracking.json", training
        self.known = self._read() if folder.training_path.is_file() else {}

    def _read(self) -> dict[str, str]:
        try:
            found = read_json(self._path)
        except (OSError, ValueError):  # without it, new runs are started
            return {}
        runs = found.get("runs")
        if found.get("training") != self._training or not isinstance(runs, dict):
            return {}
        return {key: run for key, run in runs.items() if isinstance(run, str) and _ID.fullmatch(run)}

    def keep(self, runs: Mapping[str, str]) -> None:
        """Keep the ids of the runs that were started or continued."""
        if runs:
            write_atomically(self._path, as_json({"training": self._training, "runs": dict(runs)}))

    def forget(self) -> None:
        """Let the next training in the folder start runs of its own."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
