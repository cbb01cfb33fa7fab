"""The model repository of a finished run: a publishable copy of its folder, with a model card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recbole_adasid.hub.card import LIBRARY
from recbole_adasid.hub.code_picture import code_picture
from recbole_adasid.hub.layout import CARD, PICTURE, Layout
from recbole_adasid.io.atomic import write_atomically
from recbole_adasid.io.checked_values import anything, list_of, mapping_of, optional, record, text, whole
from recbole_adasid.io.json_file import as_json, read_json
from recbole_adasid.io.links import check_inside
from recbole_adasid.io.tensor_file import DamagedFile, check_about
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.shared_copy import NEEDED, OPTIONAL, WRITTEN_LATER, write_shared_copy
from recbole_adasid.serving.live_catalogue import LiveCatalogue
from recbole_adasid.serving.run_card import run_card
from recbole_adasid.settings.shareable import without_places
from recbole_adasid.settings.version import VERSION

CONFIG, KIND, EDITION = "config.json", "recbole-adasid-recommender", 1
LAYOUT = Layout(
    kind="recommender",
    needed=NEEDED,
    optional=(CONFIG, *OPTIONAL),
    written_later=WRITTEN_LATER,
    others={"bundle.json": "a SID bundle: SIDBundle.from_pretrained loads it"},
)


def write_published_run(live: LiveCatalogue, folder: Path, *, name: str, license: str) -> None:
    """Write the repository of a recommender's run into an empty folder, with the current catalogue.

    Raises:
        ValueError: if the recommender has no run, or one of the run's files is a link out of its folder.
        InUse: if the run was trained again since the recommender was loaded.
        FileNotFoundError: if the run lacks a file that is needed.
    """
    run = live.folder
    if run is None:
        raise ValueError("this recommender has no run folder to publish: load it from one")
    check_inside(run.path, LAYOUT.read)  # a link could publish any file of this machine
    write_shared_copy(run, folder, live.changes, live.digest)
    config = _config(live, run)
    run.check_same_run(live.run_stamps, "publish it then")  # only now is everything read that a training replaces
    write_atomically(folder / CONFIG, as_json(config))
    codes = live.catalogue.semantic_ids[1:].cpu().numpy()
    write_atomically(folder / PICTURE, code_picture(codes, config["level_sizes"]))
    write_atomically(folder / CARD, run_card(RunFolder(folder), live, config, name=name, license=license))


def check_published(folder: Path) -> None:
    """Check that this version can read a repository's config.json; a plain run folder has none.

    Raises:
        DamagedFile: if not.
    """
    path = folder / CONFIG
    if not path.is_file():
        return
    config = read_json(path)
    if config.get("kind") != KIND:
        raise DamagedFile(f"{path} does not describe a {LIBRARY} recommender: it has kind={config.get('kind')!r}")
    if config.get("version") != EDITION:
        raise DamagedFile(
            f"{path} has version {str(config.get('version'))[:20]}, this package reads {EDITION}: install the "
            f"{LIBRARY} that wrote it, {str(config.get(LIBRARY))[:20]}"
        )


def _config(live: LiveCatalogue, run: RunFolder) -> dict[str, Any]:
    """Return the content of config.json."""
    settings, catalogue, about = live.run_settings, live.catalogue, _about(run.path)
    sizes = [int(size) for size in catalogue.level_sizes]
    return {
        "library_name": LIBRARY,
        LIBRARY: VERSION,
        "kind": KIND,
        "version": EDITION,
        "model_type": settings["model"].lower(),
        "tokenizer": Path(settings["sids_file"]).name if settings.get("sids_file") else settings.get("tokenizer"),
        "dataset": without_places(about.get("dataset") or {"name": settings["dataset"]}),
        "items": len(live.tokens),
        "items_added": len(live.changes.tokens),
        "items_removed": len(live.changes.removed),
        "level_sizes": sizes[:-1] if catalogue.collision == "suffix" else sizes,
        "collision": catalogue.collision,
        **{key: settings[key] for key in _NETWORK},
        "network_parameters": about.get("network_parameters"),
        "changed_settings": sorted(about.get("defaults_of_changed_settings") or about.get("changed_settings") or ()),
        "versions": about.get("versions"),
    }


def _about(folder: Path) -> dict[str, Any]:
    """Return a run's about.json, or the config.json of a repository that is published again.

    Raises:
        DamagedFile: if its content is not as expected.
    """
    path = next((folder / name for name in ("about.json", CONFIG) if (folder / name).is_file()), None)
    if path is None:
        return {}
    about = read_json(path)
    check_about(path, about, {}, _ABOUT)
    return about


_ABOUT = {
    "dataset": record({"name": text}, dict.fromkeys(("users", "items", "interactions"), whole())),
    "network_parameters": optional(whole()),
    "defaults_of_changed_settings": mapping_of(anything),
    "changed_settings": list_of(text),
    "versions": optional(mapping_of(text)),
}
_NETWORK = ("d_model", "d_head", "n_heads", "d_ff", "n_encoder_layers", "n_decoder_layers", "MAX_ITEM_LIST_LENGTH")
