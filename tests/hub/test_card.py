"""Model cards."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.hub.card import (
    cell,
    check_license,
    code,
    codes_section,
    license_section,
    model_card,
    section,
)


def front(card: str) -> dict[str, Any]:
    return yaml.safe_load(card.split("---\n")[1])


def test_a_card_begins_with_what_the_hub_reads() -> None:
    card = model_card("A model", ["## One\n\ntext", ""], license="mit", dataset="ml-100k", tags=["recbole"], metrics=[])
    told = {"library_name": "recbole-adasid", "license": "mit", "datasets": ["ml-100k"], "tags": ["recbole"]}
    assert card.startswith("---\n") and front(card) == told
    assert "\n# A model\n\n## One\n\ntext\n" in card


@pytest.mark.parametrize("dataset", ["my data", "../up", "x/y/z", "naïve", ""])
def test_names_of_datasets_that_the_hub_refuses_are_left_out(dataset: str) -> None:
    assert "datasets" not in front(model_card("m", [], license="mit", dataset=dataset))


@pytest.mark.parametrize("license", ["mit", "apache-2.0", "cc-by-nc-sa-4.0", "unknown", "c-uda"])
def test_identifiers_of_licences_pass(license: str) -> None:
    check_license(license)


@pytest.mark.parametrize("license", ["", "MIT", "all rights reserved", "a\nb: c", "x" * 61, None, 3])
def test_what_is_no_identifier_of_a_licence_is_refused(license: Any) -> None:
    with pytest.raises(ValueError, match=r"license=.* is not a licence identifier such as mit"):
        check_license(license)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", r"a\|b"),
        ("two\nlines\t here", "two lines here"),
        ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
        ("[x](http://y)", r"\[x\](http://y)"),
        ("`x` *y* _z_", r"\`x\` \*y\* \_z\_"),
        ("é" * 90, "é" * 79 + "…"),
    ],
)
def test_somebody_s_text_has_no_effects(text: str, shown: str) -> None:
    assert cell(text) == shown


def test_sections_and_tables() -> None:
    assert section("H", "", "text") == "## H\n\ntext" and section("H", "") == ""


def test_the_codes_of_some_items_are_shown() -> None:
    labels = {"i1": ItemLabel("A | B")}
    shown = codes_section(["i1", "x y`"], [[1, 2], [3, 4]], labels, "Two levels.")
    assert "| `i1` | A \\| B | [1, 2] |" in shown and "| x y\\` |  | [3, 4] |" in shown and "](codes.svg)" in shown


def test_an_unstated_licence_is_said_to_be_so() -> None:
    assert "has not stated a licence" in license_section("unknown") and "This repository: mit." in license_section(
        "mit"
    )


@pytest.mark.parametrize(
    ("text", "fence"), [("a\nb", "```"), ("a `b`", "```"), ("```\n# mine", "````"), ("`````", "`" * 6)]
)
def test_nothing_in_a_block_of_code_ends_it(text: str, fence: str) -> None:
    assert code(text, "bash") == f"{fence}bash\n{text}\n{fence}"
