from __future__ import annotations

from pathlib import Path

import pytest

from recbole_adasid.scorecard.competitors import Competitor, competitor, competitors, refuse_undoing
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.presets import presets


def test_tokenizers_and_variants_are_known_by_name() -> None:
    assert competitor("rqvae") == Competitor("rqvae", "RQ-VAE", {"tokenizer": "rqvae"})
    variant = competitor("adasid-no-collision")
    assert variant.settings == {"tokenizer": "adasid", "collision_weight": 0.0}
    titles = [competitor(name).title for kind in ("tokenizer", "variant") for name in presets(kind)]
    assert len(set(titles)) == len(titles) and all(titles)


def test_a_settings_file_is_called_by_its_first_comment_or_its_name(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("# Mine at last\ntokenizer: rqvae\ncommitment: 0.5\n")
    assert competitor(str(mine)) == Competitor("mine", "Mine at last", {"tokenizer": "rqvae", "commitment": 0.5})
    mine.write_text("load_f_max: 2.0\n")
    assert competitor(str(mine)) == Competitor("mine", "mine", {"tokenizer": "adasid", "load_f_max": 2.0})


@pytest.mark.parametrize("name", ["adsid", "nowhere.yaml"])
def test_what_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(SettingsError):
        competitor(name)


def test_all_tokenizers_compete_unless_some_are_named() -> None:
    assert [one.name for one in competitors(None)] == list(presets("tokenizer"))
    assert [one.name for one in competitors("rqvae, adasid, rqvae")] == ["rqvae", "adasid"]


def test_two_files_of_one_name_are_refused_because_they_would_share_a_row(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.yaml").write_text("tokenizer: rqvae\n")
    one, other = (str(tmp_path / folder / "mine.yaml") for folder in ("a", "b"))
    with pytest.raises(SettingsError, match=rf"{one} and {other} would share the row mine: rename"):
        competitors(f"{one},{other}")


def test_a_file_that_chooses_parts_names_the_tokenizer_that_they_belong_to(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("quantizer: rotation\nregulation: none\n")
    with pytest.raises(SettingsError, match="sets quantizer, regulation but not the tokenizer .*`tokenizer: rqvae`"):
        competitor(str(mine))


@pytest.mark.parametrize(
    ("name", "common", "refused"),
    [
        ("adasid-no-sear", {"semantic_relaxation": True}, True),
        ("adasid-no-sear", {"semantic_relaxation": False, "collision_weight": 0.5}, False),
        ("adasid-no-collision", {"collision_weight": 0.5}, True),
        ("adasid-behaviour", {"modalities": [{"text_fields": ["title"]}]}, True),
        ("rqvae-infonce", {"collaborative_weight": 0.0}, True),
        ("rqvae-infonce", {"collaborative_weight": 0.1}, False),
        ("adasid-tuned", {"collaborative_weight": 0.1, "tokenizer_steps": 5, "load_region": "codes"}, False),
        ("adasid", {"semantic_relaxation": False, "regulation": "none"}, False),
    ],
)
def test_common_settings_leave_a_variant_the_method_that_it_is(
    name: str, common: dict[str, object], refused: bool
) -> None:
    if refused:
        (key,) = common
        with pytest.raises(SettingsError, match=f"{key} makes {name} what it is .*leave --{key} out, or leave {name}"):
            refuse_undoing(competitor(name), common)
    else:
        refuse_undoing(competitor(name), common)


def test_common_settings_leave_a_file_s_parts_and_bundle(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("tokenizer: rqvae\nquantizer: straight_through\nregulation: hamming\nreport: false\n")
    refuse_undoing(competitor(str(mine)), {"quantizer": "rotation", "report": True})  # the file only repeats the preset
    with pytest.raises(SettingsError, match="regulation makes mine what it is"):
        refuse_undoing(competitor(str(mine)), {"regulation": "none"})
    mine.write_text("sids_file: here\n")
    with pytest.raises(SettingsError, match="sids_file makes mine what it is"):
        refuse_undoing(competitor(str(mine)), {"sids_file": "there"})
