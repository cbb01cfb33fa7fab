"""Generated input, stage by stage: each passes or raises an error of ours, never one from inside another package."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from recbole.data import create_dataset  # noqa: E402

import recbole_adasid  # noqa: E402
from recbole_adasid.data.atomic_text import AtomicText, Column, _count_if_regular  # noqa: E402
from recbole_adasid.data.convert.amazon import LAYOUTS  # noqa: E402
from recbole_adasid.data.convert.amazon_files import convert_amazon  # noqa: E402
from recbole_adasid.data.convert.cleaning import clean_text  # noqa: E402
from recbole_adasid.data.item_table import read_item_table  # noqa: E402
from recbole_adasid.features.item_text import render_texts  # noqa: E402
from recbole_adasid.features.vectors import load_feature_file  # noqa: E402
from recbole_adasid.model.catalogue import Catalogue  # noqa: E402
from recbole_adasid.plugin.config.building import build_config  # noqa: E402
from recbole_adasid.plugin.config.combinations import check_combinations  # noqa: E402
from recbole_adasid.plugin.config.constraints import RULES, check_values  # noqa: E402
from recbole_adasid.settings.presets import plugin_defaults, presets  # noqa: E402
from recbole_adasid.settings.reading import parse_mapping, parse_value  # noqa: E402
from recbole_adasid.tokenizer.quality import sid_quality  # noqa: E402

PACKAGE = str(Path(recbole_adasid.__file__).parent)
ROWS = [(f"u{user}", f"i{(user + step) % 5}", f"{1000 + step}") for user in range(4) for step in range(4)]
INTER = "user_id:token\titem_id:token\ttimestamp:float\n" + "".join("\t".join(row) + "\n" for row in ROWS)
ITEM = "item_id:token\ttitle:token\n" + "".join(f"i{number}\tthing {number}\n" for number in range(5))
ITEMS = [f"i{number}" for number in range(5)]
VECTORS = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


def cases(count: int) -> settings:
    """The same `count` cases each time."""
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=count, derandomize=True, deadline=None, database=None, suppress_health_check=checks)


def passes_or_says_why(stage: Callable[[], Any]) -> Any:
    """Return what a stage returns, or None after checking that it refused in one sentence of ours."""
    found, unkind = outcome(stage)
    assert not unkind, unkind
    return found


def outcome(stage: Callable[[], Any]) -> tuple[Any, str]:
    """Return what a stage returns, if it passes, and the traceback of a refusal that is no sentence of ours."""
    try:
        return stage(), ""
    except (ValueError, FileNotFoundError) as error:
        raised_by = traceback.extract_tb(error.__traceback__)[-1]
        is_sentence = len(str(error)) > 20 and "\n" not in str(error).strip()
        if raised_by.filename.startswith(PACKAGE) and is_sentence:
            return None, ""
        return None, "".join(traceback.format_exception(type(error), error, error.__traceback__))


@pytest.fixture(scope="module")
def folder() -> Path:
    """One folder for the files of all cases, each of which writes them anew."""
    path = Path(tempfile.mkdtemp())
    (path / "tiny").mkdir()
    yield path
    shutil.rmtree(path)


# --- atomic files ---

FRAGMENTS = st.sampled_from(
    [
        *(b"\t", b"\n", b"\r", b"\r\n", b"\0", b'"', b"'", b",", b" ", b":", b"", b"\xff", b"\xef\xbb\xbf", b"\xc3"),
        *(b"nan", b"inf", b"-1", b"1e999", b"1_0", b"NA", b"[PAD]", b"\xe2\x80\xa8", b"\x85", b"\\", b"#", b"0x1f"),
        *(b"token", b"float", b"token_seq", b"float_seq", b"user_id:token", b"timestamp:float", b"\t\t", b"\n\n"),
    ]
)


@st.composite
def mutated(draw: Any, original: bytes) -> bytes:
    """A sound file with some bytes replaced, inserted or cut."""
    data = original
    for _ in range(draw(st.sampled_from([1, 1, 2, 4]))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from([0, 0, 1, 2, 5, 40])))
        data = data[:start] + draw(FRAGMENTS | st.binary(max_size=3)) + data[end:]
    return data


@cases(450)
@given(data=mutated(INTER.encode()))
def test_interactions_are_read_or_refused(folder, data):
    (folder / "tiny" / "tiny.inter").write_bytes(data)
    config = build_once(folder)
    dataset = passes_or_says_why(lambda: create_dataset(config))
    if dataset is not None:
        lines = [line for line in data.split(b"\n") if line.strip(b"\r")]
        assert len(dataset.inter_feat) == len(lines) - 1, data  # nothing is dropped
        passes_or_says_why(dataset.build)


_CONFIG: list[Any] = []


def build_once(folder: Path) -> Any:
    if not _CONFIG:
        _CONFIG.append(build_config({"dataset": "tiny", "data_path": str(folder), "state": "critical"}))
    return _CONFIG[0]


@cases(450)
@given(data=mutated(ITEM.encode()), fields=st.lists(st.sampled_from(["title", "x"]), max_size=2))
def test_item_tables_are_read_or_refused(folder, data, fields):
    path = folder / "tiny" / "tiny.item"
    path.write_bytes(data)
    table = passes_or_says_why(lambda: read_item_table(AtomicText(path)))
    if table is not None:
        assert len({len(column) for column in table.values()}) == 1
        texts = passes_or_says_why(lambda: render_texts(table, ITEMS, fields))
        assert texts is None or len(texts) == len(ITEMS)


@cases(200)
@given(data=mutated(INTER.encode()), encoding=st.sampled_from(["utf-8", "latin-1", "utf-16", "gbk", "cp1252"]))
def test_files_of_any_encoding_are_checked_or_refused(folder, data, encoding):
    path = folder / "any.inter"
    path.write_bytes(data)
    user = Column("user_id", "USER_ID_FIELD", "token")
    types = passes_or_says_why(lambda: AtomicText(path, "\t", encoding).check([user]))
    assert types is None or types["user_id"] == "token"


@cases(200)
@given(lines=st.lists(st.lists(st.sampled_from(["", "a", "bc"]), min_size=1, max_size=4), min_size=1, max_size=6))
def test_the_fast_check_agrees_with_a_look_at_every_line(lines):
    block = "".join("\t".join(cells) + "\n" for cells in lines).encode()
    for n_columns, filled in ((1, [0]), (2, [0]), (3, [0, 2]), (3, [])):
        sound = all(len(cells) == n_columns and all(cells[place] for place in filled) for cells in lines)
        count = _count_if_regular(block, n_columns, filled, ord("\t"))
        if n_columns > 1:
            assert count == (len(lines) if sound else None)
        else:
            assert count is None or sound


# --- feature files ---

DTYPES = ["f2", "f4", "f8", ">f4", "i4", "u1", "?", "c8", "U3", "S3", "M8[s]", "V4", "O", "g"]
VALUES = st.sampled_from([0.0, 1.0, -1.0, 1e-40, 65504.0, -2.0, 1e13, 1e30, 1e300, np.nan, np.inf])


@st.composite
def embeddings(draw: Any) -> np.ndarray:
    sound, odd = st.just((5, 3)), st.sampled_from([(5, 1), (5, 0), (0, 3), (4, 3), (5,), (), (5, 3, 1), (6, 3)])
    shape = draw(sound if draw(st.integers(0, 3)) else odd)
    array = np.full(shape, 0.5)
    for place in draw(st.lists(st.integers(0, max(0, array.size - 1)), max_size=3)):
        if array.size:
            array.reshape(-1)[place] = draw(VALUES)
    with np.errstate(all="ignore"):
        dtype = draw(st.sampled_from(["f2", "f4", "f8"]) if draw(st.integers(0, 3)) else st.sampled_from(DTYPES))
        return np.zeros(shape, dtype) if dtype in ("M8[s]", "V4") else array.astype(dtype)


NAMES = st.one_of(
    st.permutations(ITEMS).map(np.array),
    st.permutations(ITEMS).map(np.array),
    st.lists(st.sampled_from([*ITEMS, "zz", ""]), min_size=4, max_size=6).map(np.array),
    st.sampled_from([np.arange(5), np.arange(5.0), np.array("i0"), np.array([ITEMS]), np.array([b"\xff"] * 5)]),
)


def stored(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


@cases(300)
@given(names=NAMES, embedding=embeddings(), width=st.sampled_from([None, None, 3, 4]))
def test_feature_arrays_are_taken_or_refused(folder, names, embedding, width):
    path = folder / "v.npz"
    path.write_bytes(stored(item_id=names, embedding=embedding))
    found = passes_or_says_why(lambda: load_feature_file(path, ITEMS, width=width))
    if found is not None:
        assert found.values.shape[0] == 5 and np.isfinite(found.values).all()
        assert np.isfinite((found.values.astype(np.float32) ** 2).sum())


@cases(200)
@given(data=mutated(stored(item_id=np.array(ITEMS), embedding=VECTORS)))
def test_damaged_archives_are_refused(folder, data):
    path = folder / "damaged.npz"
    path.write_bytes(data)
    found = passes_or_says_why(lambda: load_feature_file(path, ITEMS))
    assert found is None or (found.values.shape[0] == 5 and np.isfinite(found.values).all())


# --- settings ---

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.sampled_from([2**31, 2**64, 10**400, -(2**63)]),
    st.floats(width=32),
    st.sampled_from(
        [
            "",
            " ",
            "x",
            "..",
            "a/b",
            "none",
            "adaptive",
            "NDCG@10",
            "Recall",
            "[5,inf)",
            "[9,1]",
            "utf-8",
            "TO",
            "\t",
            "0",
        ]
    ),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["max_norm", "inter", "LS", "split", "order", "mode", "a"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
TOKENIZERS = presets("tokenizer")


def like(value: Any) -> st.SearchStrategy[Any]:
    """Values of the kind of a sound one, within and out of its range."""
    if isinstance(value, bool):
        return st.booleans()
    if isinstance(value, int):
        return st.integers(0, 2 * value + 2)
    if isinstance(value, float):
        return st.floats(0, 1.5, width=32)
    if isinstance(value, list) and value:
        return st.lists(like(value[0]), min_size=1, max_size=4)
    return st.just(value)


@st.composite
def changed_settings(draw: Any, tokenizer: str) -> dict[str, Any]:
    keys = draw(st.lists(st.sampled_from(sorted(RULES)), min_size=1, max_size=3, unique=True))
    defaults = defaults_of(tokenizer)
    return {key: draw(like(defaults.get(key)) if draw(st.integers(0, 3)) else ANYTHING) for key in keys}


def defaults_of(tokenizer: str) -> dict[str, Any]:
    """All settings of a run, as RecBole and this package resolve them."""
    if tokenizer not in _DEFAULTS:
        _DEFAULTS[tokenizer] = {**build_config({}).final_config_dict, **plugin_defaults({"tokenizer": tokenizer}, "x")}
        _DEFAULTS[tokenizer] |= {"tokenizer": tokenizer, "train_neg_sample_args": None, "load_col": {"inter": "*"}}
        del _DEFAULTS[tokenizer]["local_rank"]
    return _DEFAULTS[tokenizer]


_DEFAULTS: dict[str, dict[str, Any]] = {}


@cases(700)
@given(data=st.data(), tokenizer=st.sampled_from(TOKENIZERS))
def test_settings_are_accepted_or_refused(data, tokenizer):
    changes = data.draw(changed_settings(tokenizer))

    def check() -> None:
        defaults = defaults_of(tokenizer)
        check_values(changes, defaults)
        check_combinations({**defaults, **{key: value for key, value in changes.items() if key != "load_col"}})

    assert outcome(check) == (None, "")


@cases(120)
@given(changes=changed_settings("adasid"))
def test_a_config_is_built_or_refused(changes):
    config = passes_or_says_why(lambda: build_config(changes))
    assert config is None or set(changes) <= set(config.final_config_dict)


YAML = st.text(alphabet=st.sampled_from("ab:- \n\t[]{}!&*#|>'\"%@`,?0.e~<=\\\0é"), max_size=30)
TAGGED = st.sampled_from(
    ["!!bool ", "!!int ", "!!timestamp ", "!!binary ", "!!set ", "!!omap ", "!!python/name:os.", "&x ", "*x"]
)


@cases(250)
@given(text=YAML | st.builds(lambda tag, text: f"epochs: {tag}{text}", TAGGED, YAML))
def test_text_of_settings_is_parsed_or_refused(text):
    parse_value(text)  # any text is a value
    parsed = passes_or_says_why(lambda: parse_mapping(text, source="the settings file mine.yaml"))
    assert parsed is None or isinstance(parsed, dict)


# --- catalogues ---


@cases(130)
@given(
    codes=st.lists(st.lists(st.integers(0, 2) | st.integers(-1, 3), min_size=2, max_size=2), max_size=12),
    sizes=st.sampled_from([[3, 3], [4, 4], [3, 5]]) | st.lists(st.integers(0, 4), min_size=1, max_size=3),
    collision=st.sampled_from(["suffix", "shared", "suffix", "shared", "both"]),
)
def test_catalogues_are_built_or_refused(codes, sizes, collision):
    table = torch.tensor(codes, dtype=torch.int64).reshape(-1, 2)
    catalogue = passes_or_says_why(lambda: Catalogue(table, sizes, collision=collision))
    if catalogue is not None:
        assert catalogue.n_items == len(codes) and sid_quality(table.numpy(), sizes)
        leaves = catalogue.tree.find(catalogue.tokens[1:])
        assert all(item in catalogue.tree.items(int(leaf)) for item, leaf in enumerate(leaves, start=1))


# --- raw data ---

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([10**400, 10**9]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["large", "Brand"]), inner, max_size=2),
    max_leaves=6,
)
MARKUP = st.text("<>/!-&;#x0a1\t\r\n\0 b", max_size=60)


@cases(200)
@given(st.text(max_size=60) | MARKUP)
def test_fuzz_whatever_a_raw_text_is_it_fits_into_a_cell(raw: str) -> None:
    cell = clean_text(raw)
    assert cell.encode() is not None and cell == " ".join(cell.split()) and "\0" not in cell


@cases(80)
@given(st.sampled_from(list(LAYOUTS)), st.data())
def test_fuzz_raw_amazon_files(folder: Path, year: str, data: st.DataObject) -> None:
    """Whatever the values are, the files are converted into sound ones."""
    layout = LAYOUTS[year]
    keys = sorted({layout.item, *layout.marks, "title", "brand", "price"})
    good = {layout.user: "u", layout.item: "i", layout.time: 10**9 * layout.per_second}
    reviews = [
        good,
        data.draw(st.fixed_dictionaries({key: JSON_VALUES | st.just(value) for key, value in good.items()})),
    ]
    items = [data.draw(st.fixed_dictionaries(dict.fromkeys(keys, JSON_VALUES))) for _ in range(2)]
    write = data.draw(st.sampled_from([repr, json.dumps]))
    for name, records in (("reviews", reviews), ("meta", [{layout.item: "i"}, *items])):
        (folder / name).write_text("".join(write(record) + "\n" for record in records), encoding="utf-8")
    home = folder / "raw"
    convert_amazon(folder / "reviews", folder / "meta", home, progress=False, rating=True, overwrite=True)
    AtomicText(home / "raw.inter").check([Column("user_id", "", "token"), Column("timestamp", "", "float")])
    assert "i" in read_item_table(AtomicText(home / "raw.item"))["item_id"]
