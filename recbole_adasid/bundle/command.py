"""Implementation of `recbole-adasid bundle`."""

from __future__ import annotations

from typing import Any

from recbole_adasid.bundle.bundle import SIDBundle
from recbole_adasid.bundle.content import ABOUT


def make(run_folder: str, out: str) -> None:
    """Write the bundle of a finished run."""
    bundle = SIDBundle.from_run(run_folder)
    bundle.save(out)
    print(f"{_in_words(bundle)}: {out}")
    if removed := bundle.about["source"]["items_removed"]:
        print(
            f"{removed} of them were removed from the run. A run on this bundle will recommend them again if its data "
            "has them: remove them from that run, too."
        )


def show(path: str, item: str | None, k: int) -> None:
    """Print a summary of a bundle or of one of its items."""
    bundle = SIDBundle.load(path)
    if item is not None:
        print("\n".join(_about_item(bundle, item, k)))
        return
    print(_in_words(bundle))
    for name in ABOUT:
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


def export(path: str, form: str, out: str, options: dict[str, Any]) -> None:
    """Write a bundle's Semantic IDs in another program's format, with the format's options."""
    bundle = SIDBundle.load(path)
    print(f"{_in_words(bundle)}: {bundle.export(form, out, **options)}")


def import_published(form: str, path: str, out: str, options: dict[str, Any]) -> None:
    """Write a bundle of published Semantic IDs, with their format's options."""
    bundle = SIDBundle.imported(form, path, **options)
    bundle.save(out)
    print(f"{_in_words(bundle)}: {out}")


def _in_words(bundle: SIDBundle) -> str:
    sids = bundle.sids
    tokenizer = "without a tokenizer"
    if bundle.tokenizer:
        known = bundle.about.get("feature_kind")
        tokenizer = "with tokenizer" + (" and feature encoders" if known else ", without feature encoders")
    return (
        f"{len(sids.tokens)} items on {len(sids.level_sizes)} levels of {list(sids.level_sizes)} codewords, collision "
        f"{sids.collision}, {tokenizer}"
    )


def _title(bundle: SIDBundle, item: str) -> str:
    return bundle.labels[item].title if item in bundle.labels else ""
