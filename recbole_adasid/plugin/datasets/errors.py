"""The errors for a missing dataset, and for one without items to rank held-out ones among."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.presets import presets, read_props


def require_dataset(name: str, folder: Path, url: str | None = None) -> None:
    """Check that a dataset's interactions exist.

    Args:
        name: dataset name.
        folder: where its files belong.
        url: download address of its raw data, if known.

    Raises:
        SettingsError: if not; it says which files belong where, and which dataset needs none.
    """
    wanted = (folder / f"{name}.inter").resolve()
    if wanted.is_file():
        return
    others = sorted(path.parent.name for path in folder.parent.glob("*/*.inter") if path.stem == path.parent.name)
    found = f" {folder.parent.resolve()} holds: {', '.join(others)}." if others else ""
    offer = (
        f"Add --download=true to the command to download it from {_host(url)} and convert it, or put" if url else "Put"
    )
    raise SettingsError(
        f"There is no dataset {name!r}: {wanted} does not exist.{found} {offer} {_files(name)} into {wanted.parent}, "
        f"or pass --data_path=FOLDER so that FOLDER/{name}/{name}.inter exists, or pass --dataset=ml-100k, which needs "
        f"no download. Presets: {', '.join(presets('dataset'))}."
    )


def require_rivals(name: str, n_items: int, modes: Iterable[str]) -> None:
    """Check that there are items to sample besides a held-out one: RecBole would look for them forever.

    Args:
        name: dataset name.
        n_items: in the catalogue.
        modes: what validation and test rank, of `eval_args`.

    Raises:
        SettingsError: if there is no other item.
    """
    sampled = next((mode for mode in modes if mode != "full"), None)
    if sampled and n_items < 2:
        raise SettingsError(
            f"eval_args: mode is {sampled}, but the dataset {name!r} has {n_items} item, so there is no other one to "
            "sample: set mode to full, loosen item_inter_num_interval, or provide more items."
        )


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _files(name: str) -> str:
    settings = read_props(f"dataset/{name}.yaml")
    files = [f"{name}.inter (tab-separated, first line user_id:token item_id:token timestamp:float)"]
    columns = ", ".join(settings.get("text_fields", ["title", "..."]))
    files.append(f"{name}.item (item_id:token and text columns: {columns})")
    if settings.get("item_features_file"):
        files.append(f"{settings['item_features_file']} (arrays item_id and embedding; may be left out)")
    return ", ".join(files)
