"""The content of a run's folder, read on demand."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from recbole_adasid.bundle import SIDBundle
from recbole_adasid.data.item_categories import Categories
from recbole_adasid.evaluation.candidates import sampled_mode
from recbole_adasid.io.json_file import read_json
from recbole_adasid.model.names import LIGER
from recbole_adasid.report.content.text import titles_of
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.history import Columns, read_history
from recbole_adasid.settings.reading import read_settings_files


def _json(name: str) -> cached_property[dict[str, Any]]:
    """Return a property that reads a JSON file of the run."""
    return cached_property(lambda self: read_json(self.folder.path / name))


class FinishedRun:
    """A finished run, without its dataset.

    Every property raises FileNotFoundError for a missing file, and ValueError for a damaged one.

    Raises:
        FileNotFoundError: if there is no such folder, or it is not a run's.
    """

    about = _json("about.json")
    """Versions, machine, figures of the dataset, defaults of changed settings."""
    metrics = _json("metrics.json")
    """Metrics of validation and test, and the quality of the Semantic IDs."""
    evaluation = _json("evaluation.json")
    """Where hits come from."""
    examples = _json("examples.json")
    """Items with their nearest items, users with their history."""

    def __init__(self, run_folder: str | Path) -> None:
        self.folder = RunFolder.existing(run_folder)
        if not (self.folder.path / "config.yaml").is_file():
            raise FileNotFoundError(f"{run_folder} has no config.yaml: give the folder of a finished run")

    @cached_property
    def settings(self) -> dict[str, Any]:
        """All settings, as resolved."""
        return read_settings_files([self.folder.path / "config.yaml"])

    @cached_property
    def history(self) -> dict[str, Columns]:
        """How the run went over time."""
        return read_history(self.folder.history_path)

    @cached_property
    def bundle(self) -> SIDBundle:
        """Semantic IDs, labels, tokenizer."""
        return SIDBundle.from_run(self.folder.path, reserved=False)

    @cached_property
    def titles(self) -> list[str]:
        """Titles of the items, in row order; tokens of those that have none."""
        return titles_of(self.bundle.tokens, self.bundle.labels)

    @cached_property
    def title_of(self) -> dict[str, str]:
        """Titles by token."""
        return dict(zip(self.bundle.tokens, self.titles))

    @cached_property
    def categories(self) -> Categories:
        """Categories of the items, in row order."""
        labels = self.bundle.labels
        return Categories([labels[token].category if token in labels else "" for token in self.bundle.tokens])

    @property
    def searches(self) -> bool:
        """Whether lists come from a search for Semantic IDs, whose scores are log-probabilities."""
        return self.settings.get("model") != LIGER or self.settings.get("retrieval") == "generative"

    @property
    def sampled(self) -> str:
        """The mode if the test ranked held-out items among sampled ones; else empty."""
        return sampled_mode(self.settings)

    @property
    def name(self) -> str:
        """Name of the Semantic IDs: that of the tokenizer, or of the bundle they were taken from."""
        given = self.settings.get("sids_file")
        return Path(str(given)).name if given else str(self.settings.get("tokenizer", "unknown"))

    @property
    def dataset(self) -> str:
        """The dataset's name."""
        return str(self.settings.get("dataset", "unknown"))
