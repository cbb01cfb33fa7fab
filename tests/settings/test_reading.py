from __future__ import annotations

import pytest

from recbole_adasid.settings.errors import SettingsError, check_types, refuse_unknown_keys, unknown_name
from recbole_adasid.settings.reading import parse_mapping, parse_value, read_settings_files, written_paths


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        (".5", 0.5),
        ("20", 20),
        ("010", 10),
        ("-2", -2),
        ("true", True),
        ("False", False),
        ("~", None),
        ("None", None),
        ("", None),
        ("no", "no"),
        ("12:30", "12:30"),
        ("2020-01-01", "2020-01-01"),
        ("1_000", "1_000"),
        ("a=b", "a=b"),
        ("[5,inf)", "[5,inf)"),
        ("[3, 5]", [3, 5]),
        ("{'max_norm': 1}", {"max_norm": 1}),
        ("'0'", "0"),
        ("NDCG@10", "NDCG@10"),
        ("__import__('os')", "__import__('os')"),
    ],
)
def test_a_value_is_read_as_one_would_expect(text, value):
    parsed = parse_value(text)
    assert parsed == value and type(parsed) is type(value)


def test_a_settings_file_has_to_hold_settings(tmp_path):
    with pytest.raises(SettingsError, match="must have lines"):
        parse_mapping("- a\n- b\n", source="list.yaml")
    with pytest.raises(SettingsError, match="not valid YAML"):
        parse_mapping("a: [1", source="broken.yaml")
    with pytest.raises(SettingsError, match="There is no settings file"):
        read_settings_files([tmp_path / "missing.yaml"])


def test_later_settings_files_win_and_empty_ones_do_no_harm(tmp_path):
    texts = {"a.yaml": "epochs: 1\nseed: 3\n", "b.yaml": "epochs: 2\n", "c.yaml": "# nothing\n"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_settings_files(tmp_path / name for name in texts) == {"epochs": 2, "seed": 3}


def test_an_unknown_key_is_refused_with_the_nearest_one():
    with pytest.raises(SettingsError, match="'learning_rat' in the file. did you mean learning_rate"):
        refuse_unknown_keys(["learning_rat"], ["learning_rate", "epochs"], source="the file")


def test_an_unknown_name_is_refused_with_all_valid_ones():
    message = str(unknown_name("tokenizer", "adasd", ["rqvae", "adasid"]))
    assert "did you mean adasid?" in message and "Valid are: adasid, rqvae." in message


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("epochs", "ten", "a whole number"),
        ("epochs", 1.5, "a whole number"),
        ("rate", "x", "a number"),
        ("on", 1, "true or"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(key, value, wanted):
    defaults = {"epochs": 20, "rate": 0.1, "on": True}
    with pytest.raises(SettingsError, match=f"{key}={value!r} has to be {wanted}"):
        check_types({key: value}, defaults)


def test_a_whole_number_serves_where_a_number_is_wanted():
    check_types({"rate": 1, "epochs": 3, "topk": 10, "anything": "x"}, {"rate": 0.1, "epochs": 20, "topk": [3, 5]})


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("", []),
        ("a.yaml b.yaml", ["a.yaml", "b.yaml"]),
        ("'my folder/a.yaml' b.yaml", ["my folder/a.yaml", "b.yaml"]),
        ('"my folder/a.yaml"  b.yaml', ["my folder/a.yaml", "b.yaml"]),
        ("[my folder/a.yaml, b.yaml]", ["my folder/a.yaml", "b.yaml"]),
        ("[x].yaml it's.yaml", ["[x].yaml", "it's.yaml"]),
        (r"C:\new\a.yaml b.yaml", [r"C:\new\a.yaml", "b.yaml"]),
        ("a.yaml " * 1000, ["a.yaml"] * 1000),
    ],
)
def test_paths_of_the_command_line_may_hold_spaces(text, paths):
    assert written_paths(text) == paths


def test_a_single_path_is_one_file_and_not_its_letters(tmp_path):
    path = tmp_path / "my settings.yaml"
    path.write_text("epochs: 7\n", encoding="utf-8")
    assert written_paths(str(path)) == [str(path)]
    for given in (path, str(path), [path], (str(path),), iter([path])):
        assert read_settings_files(given) == {"epochs": 7}
    with pytest.raises(SettingsError, match="no settings file fast.yaml"):
        read_settings_files("fast.yaml")


@pytest.mark.parametrize(
    ("key", "hint"),
    [("device", "use_gpu=false"), ("cuda", "gpu_id"), ("lr", "learning_rate"), ("batch_size", "train_batch_size")],
)
def test_what_other_programs_call_a_setting_is_told_by_our_name(key, hint):
    with pytest.raises(SettingsError, match=f"Unknown setting '{key}' in x: .*{hint}"):
        refuse_unknown_keys([key], ["devices", "epochs"], source="x")


def test_names_that_differ_in_case_alone_are_the_nearest():
    assert "did you mean SASRec?" in str(unknown_name("model", "sasrec", ["SASRec", "ssrec", "sasrecs"]))
