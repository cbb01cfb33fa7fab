"""The model repository of a bundle: its folder, with a model card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from recbole_adasid.bundle.content import BundleContent
from recbole_adasid.bundle.folder import ALWAYS, DESCRIPTION, OPTIONAL, write_content
from recbole_adasid.hub.card import cell, code, codes_section, license_section, model_card, section
from recbole_adasid.hub.code_picture import code_picture
from recbole_adasid.hub.layout import CARD, PICTURE, Layout
from recbole_adasid.io.atomic import write_atomically
from recbole_adasid.io.markdown import table
from recbole_adasid.settings.shareable import without_places

LAYOUT = Layout(
    kind="SID bundle",
    needed=(DESCRIPTION, *ALWAYS),
    optional=OPTIONAL,
    others={"model.safetensors": "a recommender: Recommender.from_pretrained loads it"},
)
_FIGURES = {
    "sid_entropy": "entropy of the Semantic IDs (nats)",
    "mean_perplexity": "perplexity of the codewords, mean over levels",
    "unique_sids": "distinct Semantic IDs per item, without suffix",
    "collision_rate": "share of items with the same codes as another",
    "largest_collision_group": "largest group of items with the same codes",
    "embedding_agreement": "agreement with neighbours by features",
    "swing_agreement": "agreement with neighbours by interactions",
}


def write_published_bundle(content: BundleContent, folder: Path, *, name: str, license: str) -> None:
    """Write the repository of a bundle into an empty folder.

    Raises:
        CannotWrite: if the disk is full.
    """
    shared = replace(content, about=without_places(content.about))
    write_content(shared, folder)
    sids = shared.sids
    write_atomically(folder / PICTURE, code_picture(sids.codes, sids.level_sizes))
    write_atomically(folder / CARD, _card(shared, name, license))


def _card(content: BundleContent, name: str, license: str) -> str:
    about, sids = content.about, content.sids
    dataset = str((about.get("dataset") or {}).get("name") or "an unnamed dataset")
    shown = list(sids.tokens[:5])
    return model_card(
        f"Semantic IDs for {dataset}",
        [
            f"Semantic IDs for {len(sids.tokens):,} items, {'with' if content.tokenizer else 'without'} the encoder "
            "and codebooks for new items. Contains no interactions and nothing about users.",
            _loading(content, name),
            section("Quality", _quality(about.get("quality") or {})),
            section("Tokenizer", _settings(about)),
            codes_section(shown, sids.sequences[: len(shown)].tolist(), content.labels, _levels(content)),
            license_section(license),
        ],
        license=license,
        dataset=dataset,
        tags=["recommendation", "generative-recommendation", "semantic-ids", "recbole"],
    )


def _loading(content: BundleContent, name: str) -> str:
    sids = content.sids
    lines = [
        "# pip install 'recbole-adasid[hub]'",
        "from recbole_adasid.bundle import SIDBundle",
        "",
        f"bundle = SIDBundle.from_pretrained({json.dumps(name)})  # or the path of this folder",
        f"bundle.codes_of({json.dumps(list(sids.tokens[:1]), ensure_ascii=False)})",
        f"bundle.items({sids.codes[0, :1].tolist()})  # items that begin with this code",
        *(["bundle.encode(features)  # codes for new items"] if content.tokenizer else []),
    ]
    return section("Use", code("\n".join(lines), "python"), "Loading runs no code from this repository.")


def _quality(quality: Mapping[str, Any]) -> str:
    rows = [
        [what, f"{quality[key]:.4g}"] for key, what in _FIGURES.items() if isinstance(quality.get(key), (int, float))
    ]
    return table(["figure", "value"], rows) if rows else ""


def _settings(about: Mapping[str, Any]) -> str:
    settings = about.get("settings") or {}
    return table(
        ["setting", "value"],
        [[f"`{key}`" if key.isidentifier() else cell(key), cell(json.dumps(value))] for key, value in settings.items()],
    )


def _levels(content: BundleContent) -> str:
    sizes = ", ".join(f"{size:,}" for size in content.sids.level_sizes)
    suffix = "; the last number tells items with the same codes apart" if content.sids.suffix is not None else ""
    return f"Each item has one code on each of {len(content.sids.level_sizes)} levels of {sizes} codewords{suffix}."
