"""The command line of SID bundles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from recbole_adasid.cli import parse_arguments, run_command
from recbole_adasid.host.settings import SettingsError, refuse_unknown_keys

if TYPE_CHECKING:
    from recbole_adasid.bundle.bundle import SIDBundle

USAGE = """\
usage: python -m recbole_adasid.bundle make --run_folder=runs/... --out=FOLDER
       python -m recbole_adasid.bundle show --bundle=FOLDER [--item=TOKEN] [--k=10]
       python -m recbole_adasid.bundle export --bundle=FOLDER --format=NAME --out=FILE [...]
       python -m recbole_adasid.bundle import --format=NAME --input=FILE --out=FOLDER [...]

A SID bundle is one folder with the Semantic IDs of a catalogue, what learnt them and what is known of both.

make: the bundle of a finished run, with the items that were added to its catalogue since
show: what a bundle holds; with --item the Semantic ID of an item and the items closest to it

export: write the Semantic IDs for other programs, and beside the file what its integers mean
  --format=letter         NAME.index.json of LETTER, LC-Rec and MiniOneRec, and NAME.item2id
  --format=recbole3       item_sids.json of RecBole 3, and item_sids.item2id
  --format=csv, parquet   a table with one column a level
  --format=item           a RecBole .item file with one token column a level and a prefix
  --item2id=FILE          letter, recbole3: the numbers of items (lines of token, tab, number; default: rows from 0)
  --suffix=false          letter, recbole3: leave out the number that tells items of equal codes apart
  --offset=VALUE          letter, recbole3: true: codes count on over the levels (default: false; recbole3: true)
  --extra_columns_from=FILE  item: an .item file whose lines and columns come along
  --item_field=NAME       item: the column of item tokens (default: item_id)
  --vector=true           item: the quantised embedding as a column sid_vector; needs the tokenizer

import: make a bundle of Semantic IDs that others published, to score them or to train TIGER on (sids_file)
  --format=NAME           letter or recbole3
  --item2id=FILE          the numbers of items (default: NAME.item2id beside the file); tokens: keys are item tokens
  --offset=VALUE          true: codes count on over the levels. recbole3 needs to be told, letter: false
  --suffix=VALUE          true: the last integer only tells items of equal codes apart. recbole3 needs to be told
  --first_code=1          levels count from 1 (default: 0)
  --level_sizes=SIZES     codewords of each level, such as "[256, 256, 256]"
"""
_AS_WRITTEN = ("run_folder", "bundle", "input", "out", "item2id", "format", "item", "extra_columns_from", "item_field")
_SWITCHES = ("suffix", "offset", "vector")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say and return the exit status: 0, or what :mod:`recbole_adasid.ending` says."""
    kept = "a folder without its bundle.json is not whole: remove it, and run the same command again"
    return run_command(arguments, USAGE, _run, kept=kept)


def _run(given: Sequence[str]) -> None:
    if given[0] not in COMMANDS:
        raise SettingsError(f"The first argument is {given[0]!r}; valid: {', '.join(COMMANDS)}; see --help.")
    run, needed, optional = COMMANDS[given[0]]
    run(_settings(given[0], given[1:], needed, optional))


def _settings(command: str, arguments: Sequence[str], needed: Sequence[str], optional: Sequence[str]) -> dict[str, Any]:
    settings, _ = parse_arguments(arguments, as_written=_AS_WRITTEN)
    refuse_unknown_keys(settings, (*needed, *optional), source=f"the command line of {command}")
    for key in needed:
        if key not in settings:
            raise SettingsError(f"{command} needs --{key}=VALUE; see --help.")
    for key in _SWITCHES:
        if not isinstance(settings.get(key, True), bool):
            raise SettingsError(f"{key}={settings[key]!r} has to be true or false.")
    return settings


def _bundle() -> type[SIDBundle]:
    """Return the class; loading it, and torch with it, takes longer than printing the help."""
    from recbole_adasid.bundle.bundle import SIDBundle

    return SIDBundle


def _make(settings: dict[str, Any]) -> None:
    bundle = _bundle().from_run(settings["run_folder"])
    bundle.save(settings["out"])
    print(f"{_in_words(bundle)}: {settings['out']}")


def _show(settings: dict[str, Any]) -> None:
    k = settings.get("k", 10)
    if not isinstance(k, int) or isinstance(k, bool):
        raise SettingsError(f"k={k!r} has to be a whole number.")
    bundle = _bundle().load(settings["bundle"])
    if "item" in settings:
        print("\n".join(_about_item(bundle, settings["item"], k)))
        return
    print(_in_words(bundle))
    for name in ("source", "dataset", "settings", "fingerprints", "quality"):
        for key, value in (bundle.about.get(name) or {}).items():
            print(f"{name:<13} {key:<26} {value}")


def _about_item(bundle: SIDBundle, item: str, k: int) -> list[str]:
    codes = bundle.codes_of([item])[0]
    lines = [f"{item}: {codes.tolist()} {_title(bundle, item)}".rstrip()]
    for one in bundle.nearest(item, k):
        away = "" if one.distance is None else f"{one.distance:.4f}"
        codes = bundle.codes_of([one.item])[0]
        lines.append(
            f"{one.shared_levels}  {away:>8}  {one.item}: {codes.tolist()} {_title(bundle, one.item)}".rstrip()
        )
    return lines


def _export(settings: dict[str, Any]) -> None:
    options = {key: value for key, value in settings.items() if key not in ("bundle", "format", "out")}
    bundle = _bundle().load(settings["bundle"])
    print(f"{_in_words(bundle)}: {bundle.export(settings['format'], settings['out'], **options)}")


def _import(settings: dict[str, Any]) -> None:
    options = {key: value for key, value in settings.items() if key not in ("format", "input", "out")}
    bundle = _bundle().imported(settings["format"], settings["input"], **options)
    bundle.save(settings["out"])
    print(f"{_in_words(bundle)}: {settings['out']}")


def _in_words(bundle: SIDBundle) -> str:
    sids = bundle.sids
    return (
        f"{len(sids.tokens)} items on {len(sids.level_sizes)} levels of {list(sids.level_sizes)} codewords, collision "
        f"{sids.collision}, {'with' if bundle.tokenizer else 'without a'} tokenizer"
    )


def _title(bundle: SIDBundle, item: str) -> str:
    return bundle.labels[item].title if item in bundle.labels else ""


EXPORT_OPTIONS = ("item2id", "suffix", "offset", "extra_columns_from", "item_field", "vector")
IMPORT_OPTIONS = ("item2id", "suffix", "offset", "first_code", "level_sizes")
"""What some format of `exchange.py` takes."""
COMMANDS: dict[str, tuple[Callable[[dict[str, Any]], None], tuple[str, ...], tuple[str, ...]]] = {
    "make": (_make, ("run_folder", "out"), ()),
    "show": (_show, ("bundle",), ("item", "k")),
    "export": (_export, ("bundle", "format", "out"), EXPORT_OPTIONS),
    "import": (_import, ("format", "input", "out"), IMPORT_OPTIONS),
}
"""What each command does, the settings it needs, and those it can have."""
KEYS = ("run_folder", "bundle", "format", "input", "out", "item", "k", *EXPORT_OPTIONS, *IMPORT_OPTIONS)
"""Every setting of the commands."""
