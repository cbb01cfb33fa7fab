"""A run as a model repository: saved, published and loaded by name."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from recbole_adasid.bundle import SIDBundle
from recbole_adasid.io.locks import InUse
from recbole_adasid.serving.recommender import Recommender
from recbole_adasid.settings.arguments import parse_arguments

NAME = "me/tiny"
HISTORY = ["i3", "i4", "i5"]
NEW = {"item_id": ["new"], "title": ["the red thing number i31"]}


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_from_the_folder_and_by_name_it_recommends_what_the_run_does(hub: Any, finished: Path, published: Path) -> None:
    expected = Recommender.load(finished).recommend(HISTORY)
    for source in (published, str(published), NAME):
        assert Recommender.from_pretrained(source).recommend(HISTORY) == expected
    assert Recommender.load(published).recommend(HISTORY) == expected
    assert not any(name.endswith((".md", ".svg")) for name in hub.downloaded)


def test_items_can_be_added_as_to_the_run(hub: Any, finished: Path, published: Path) -> None:
    expected = Recommender.load(finished).add_items(["new"], table=NEW)
    for source in (published, NAME):
        recommender = Recommender.from_pretrained(source)
        assert recommender.add_items(["new"], table=NEW) == expected
        assert "new" in [one.item for one in recommender.recommend(HISTORY, 30, new_share=0.1)]


def test_what_was_loaded_by_name_is_saved_elsewhere_with_its_new_items(hub: Any, tmp_path: Path) -> None:
    recommender = Recommender.from_pretrained(NAME)
    recommender.add_items(["new"], table=NEW)
    recommender.remove_items(["i7"])
    cached = files(tmp_path / "hub-cache")
    for one in (recommender, recommender.copy()):
        with pytest.raises(ValueError, match=r"loaded from the hub, whose cache .* with save_pretrained\(folder\)"):
            one.save()
    mine = recommender.save_pretrained(tmp_path / "mine")
    again = Recommender.load(mine)
    assert again.recommend(HISTORY, 30) == recommender.recommend(HISTORY, 30)
    assert again.semantic_ids(["new"]) == recommender.semantic_ids(["new"]) and again.n_recommended == 20
    again.add_items(["newer"], table={**NEW, "item_id": ["newer"]})
    assert again.save().parent == mine and files(tmp_path / "hub-cache") == cached
    assert "secret" not in (mine / "README.md").read_text() and "--text_width=8" in (mine / "README.md").read_text()


def test_pushed_it_is_loaded_by_name_and_by_revision(loopback_hub: Any, finished: Path) -> None:
    recommender = Recommender.load(finished)
    recommender.push_to_hub(NAME, private=True, license="mit", message="First")
    first = loopback_hub.repositories[NAME].refs["main"]
    recommender.add_items(["new"], table=NEW)
    recommender.push_to_hub(NAME)
    assert Recommender.from_pretrained(NAME).tokens[-1] == "new"
    assert "new" not in Recommender.from_pretrained(NAME, revision=first).tokens
    assert loopback_hub.repositories[NAME].private and loopback_hub.repositories[NAME].messages[1] == "First"
    Recommender.load(finished).push_to_hub(NAME)  # without the new item: its file goes
    assert "new" not in Recommender.from_pretrained(NAME).tokens


def test_nothing_about_users_and_no_place_is_published(finished: Path, published: Path, base: Path) -> None:
    secrets = (b"secret-user", str(base).encode(), str(Path.home()).encode(), b"secret-place")
    assert any(str(base).encode() in blob for blob in files(finished).values())
    for name, blob in files(published).items():
        assert not any(secret in blob for secret in secrets), name
    assert not {"examples.json", "test_ranks.npz", "report.html", "run.log", "evaluation.json"} & set(files(published))


def test_the_card_says_what_it_is_and_the_hub_can_read_it(finished: Path, published: Path) -> None:
    card = (published / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(card.split("---\n")[1])
    metrics = json.loads((finished / "metrics.json").read_text())
    assert (front["library_name"], front["license"], front["datasets"]) == ("recbole-adasid", "mit", ["tiny"])
    assert {"liger", "rqkmeans", "semantic-ids"} <= set(front["tags"]) and front["metrics"] == ["recall", "ndcg"]
    (model,) = front["model-index"]
    found = {one["type"]: one["value"] for one in model["results"][0]["metrics"]}
    assert found == metrics["test"] and model["name"] == "published"
    low, high = metrics["test_intervals"]["recall@10"]
    assert f"| recall@10 | {metrics['test']['recall@10']:.4f} | {low:.4f} to {high:.4f} |" in card
    assert "](codes.svg)" in card and (published / "codes.svg").read_text().startswith("<svg")
    assert "30 users, 20 items, 180 interactions" in card and "| `i0` | the blue thing number i0 |" in card


def test_the_card_says_that_the_test_was_on_sampled_items(finished: Path, published: Path, tmp_path: Path) -> None:
    recommender = Recommender.load(finished)
    recommender.run_settings["eval_args"]["mode"] = {"valid": "uni50", "test": "uni50"}
    card = (recommender.save_pretrained(tmp_path / "sampled") / "README.md").read_text(encoding="utf-8")
    assert "ranked among itself and a few sampled items (uni50), so values are higher" in card
    (model,) = yaml.safe_load(card.split("---\n")[1])["model-index"]
    names = [one["name"] for one in model["results"][0]["metrics"]]
    assert names[0] == "test recall@3 among itself and a few sampled items (uni50)"
    assert "ranked among all items. Unless" in (published / "README.md").read_text(encoding="utf-8")


def test_the_command_of_the_card_has_the_settings_of_the_run(finished: Path, published: Path) -> None:
    card = (published / "README.md").read_text(encoding="utf-8")
    lines = re.search(r"recbole-adasid train \\\n(.*?)\n```", card, re.DOTALL)
    assert lines is not None
    given, _ = parse_arguments(shlex.split(lines[1].replace("\\\n", " ")))
    config = yaml.safe_load((finished / "config.yaml").read_text())
    assert {"model", "tokenizer", "dataset", "codebook_size", "text_fields", "text_width"} <= set(given)
    assert given == {key: config[key] for key in given} and "cache_dir" not in given


def test_the_lines_that_load_it_work_as_they_stand(hub: Any, finished: Path, tmp_path: Path) -> None:
    Recommender.load(finished).push_to_hub(NAME)
    card = hub.repositories[NAME].files()["README.md"].decode()
    code = card.split("```python\n")[1].split("```")[0]
    assert len(code.splitlines()) <= 10
    known: dict[str, Any] = {}
    exec(code, known)  # our own card
    assert known["recommender"].tokens[:3] == ["i0", "i1", "i2"]


def test_a_published_folder_makes_a_bundle_and_a_report(repository: Path, finished: Path) -> None:
    from recbole_adasid.report.run_report import write_run_report

    bundle = SIDBundle.from_run(repository)
    assert (bundle.codes == SIDBundle.from_run(finished).codes).all() and bundle.about["dataset"]["name"] == "tiny"
    assert "Left out" in write_run_report(repository).read_text()


def test_nothing_is_overwritten_and_half_a_folder_never_appears(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recommender = Recommender.load(finished)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    with pytest.raises(FileExistsError, match="mine exists and is not an empty folder"):
        recommender.save_pretrained(tmp_path / "mine")
    with pytest.raises(ValueError, match="license='MIT' is not a licence identifier"):
        recommender.save_pretrained(tmp_path / "other", license="MIT")
    monkeypatch.setattr("recbole_adasid.serving.published_run.run_card", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        recommender.save_pretrained(tmp_path / "other")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_run_that_was_trained_again_is_not_published_with_the_items_of_before(finished: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "run"))
    stale = Recommender.load(run)
    again = shutil.copy(run / "model.safetensors", tmp_path / "again")
    os.replace(again, run / "model.safetensors")
    with pytest.raises(
        InUse, match="has been retrained since this recommender was loaded: load it again and publish it"
    ):
        stale.save_pretrained(tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_a_recommender_without_a_run_cannot_be_published(finished: Path, tmp_path: Path) -> None:
    loaded = Recommender.load(finished)
    bare = Recommender(loaded.model, loaded.tokens, max_history=4, beam_size=10)
    with pytest.raises(ValueError, match="has no run folder to publish: load it from one"):
        bare.save_pretrained(tmp_path / "mine")


def test_a_bundle_is_told_from_a_recommender(finished: Path, loopback_hub: Any, tmp_path: Path) -> None:
    SIDBundle.from_run(finished).push_to_hub(NAME)
    with pytest.raises(FileNotFoundError, match="It is a SID bundle: SIDBundle.from_pretrained loads it"):
        Recommender.from_pretrained(NAME)
    Recommender.load(finished).push_to_hub("me/other")
    with pytest.raises(FileNotFoundError, match="It is a recommender: Recommender.from_pretrained loads it"):
        SIDBundle.from_pretrained("me/other")


def test_options_of_load_are_passed_on(published: Path) -> None:
    assert Recommender.from_pretrained(published, retrieval="generative").run_settings["retrieval"] == "generative"
    with pytest.raises(TypeError, match="devize"):
        Recommender.from_pretrained(published, devize="cpu")


def test_the_place_of_given_semantic_ids_is_not_told(finished: Path, tmp_path: Path, resigned: Any) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "run"))
    resigned(folder, sids_file="clients/acme/Ab")
    out = Recommender.load(folder).save_pretrained(tmp_path / "out")
    assert json.loads((out / "config.json").read_text(encoding="utf-8"))["tokenizer"] == "Ab"
    assert not any(b"acme" in content for content in files(out).values())
