"""Raw files of each crawl, awkward lines included, give exactly these atomic files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from recbole_adasid.data.atomic_text import AtomicText, Column
from recbole_adasid.data.convert.amazon_files import convert_amazon, told_layout
from recbole_adasid.data.convert.conversion import Report
from recbole_adasid.data.item_table import read_item_table
from recbole_adasid.features.item_text import render_texts

TAB, HEADER = "\t", "user_id:token\titem_id:token\ttimestamp:float\n"
ITEM_HEADER = "item_id:token\ttitle:token\tbrand:token\tcategories:token\tprice:float\timage_url:token\n"


def write(path: Path, *lines: object) -> Path:
    """Write lines: records as JSON, text and bytes as they are; gzip by the name."""
    content = b"".join(
        (line if isinstance(line, bytes) else (line if isinstance(line, str) else json.dumps(line)).encode()) + b"\n"
        for line in lines
    )
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def converted(folder: Path, reviews: list[object], metadata: list[object] | None = None, **options: bool) -> Report:
    """Convert into the dataset `toys` of a folder."""
    given = write(folder / "reviews.json.gz", *reviews)
    described = None if metadata is None else write(folder / "meta.json.gz", *metadata)
    return convert_amazon(given, described, folder / "toys", progress=False, **options)


def inter(folder: Path) -> str:
    return (folder / "toys" / "toys.inter").read_bytes().decode()


def items(folder: Path) -> str:
    return (folder / "toys" / "toys.item").read_bytes().decode()


def review(user: object, item: object, time: object = 1318896000, **more: object) -> dict[str, object]:
    return {"reviewerID": user, "asin": item, "unixReviewTime": time, "overall": 5.0, **more}


REVIEWS_2014 = [
    review("A2", "B2", reviewText='tab\t, "quotes" and \n'),
    review("A1", "B1", 1370217600),
    '{"reviewerID": "A3", "asin": "B1", "unixRev',  # half a line
    "",
    review("A2", "B2"),  # once more
    review(None, "B1"),
    review("A3", ""),
    review("A3", "B\t1"),
    review("A3", "B1", "yesterday"),
    review("A3", "B1", True),
    review("A3", "B1", -1),
    b'{"reviewerID": "\xff"}',
    "[1, 2]",
    "{'reviewerID': 'Ä3', 'asin': 'B9', 'unixReviewTime': 1318896001}",
    review("A4", "B3", "1318896002"),
]
METADATA_2014 = [
    r"""{'asin': 'B1', 'title': 'Tom &amp;amp; Jerry\'s <b>"Big"</b>\tBox\n 日本', 'price': 12.5, 'brand': None,""",
    r"""{'asin': 'B1', 'title': 'Tom &amp;amp; Jerry\'s <b>"Big"</b>\tBox\n 日本 \ud800', 'price': 12.5,"""
    r""" 'imUrl': 'http://ecx.images-amazon.com/images/I/1.jpg', 'brand': ' Acme&reg; ',"""
    r""" 'categories': [['Toys & Games', 'Cats | Mice'], ['Toys & Games', 'Cats | Mice'], [],"""
    r""" ['Film', None]]}""",
    "{'asin': 'B0', 'title': 'never reviewed', 'categories': [['Toys & Games']]}",
    "{'asin': 'B1', 'title': 'once more'}",
    "{'title': 'nameless'}",
    "__import__('os').system('touch executed')",
    "{'asin': 'B3', 'title': ['no', 'text'], 'price': 'free', 'categories': 'Puzzles', 'imUrl': 'x.jpg'}",
    "{'asin': 'B2', 'title': 'I <3 1 < 2 &lt;i&gt;games&lt;/i&gt;<style>.a{color:red}</style><br/>now', 'price': 0}",
]
TOLD_OF_2014 = (
    "14 lines read, 9 left out: 2 with a time that cannot be read (lines 9, 10), first 'yesterday'; "
    "1 with a time outside the years 1970 to 5138 (line 11), first -1; "
    r"1 with an unprintable item (line 8), first 'B\t1'; ",
    "1 with bytes that are not UTF-8 (line 12)",
    "1 with neither JSON nor a Python literal (line 3)",
    "1 with no item (line 7); 1 with no user (line 6); 1 with something other than a record (line 13)",
    "8 lines read, 3 left out: 2 with neither JSON nor a Python literal (lines 1, 6); 1 with no item (line 5)",
    "left empty, as their values cannot be used: 1 of title, first ['no', 'text'] on line 7; "
    "2 of price, first 'free' on line 7; 1 of image_url, first ['x.jpg'] on line 7",
    "1 repeat an earlier one with the same user and item",
    "4 written; with title 2, brand 1, categories 2, price 1, image_url 1",
    "1 without metadata, 1 without interactions, 1 repeated lines",
)


@pytest.fixture
def report_2014(tmp_path: Path) -> Report:
    return converted(tmp_path, REVIEWS_2014, METADATA_2014)


def test_2014_gives_exactly_these_interactions(report_2014, tmp_path):
    assert inter(tmp_path) == (
        HEADER + "A2\tB2\t1318896000\nA1\tB1\t1370217600\nA2\tB2\t1318896000\nÄ3\tB9\t1318896001\nA4\tB3\t1318896002\n"
    )


def test_2014_gives_exactly_these_items(report_2014, tmp_path):
    assert items(tmp_path) == (
        ITEM_HEADER
        + 'B1\tTom & Jerry\'s "Big" Box 日本\tAcme®\tToys & Games > Cats / Mice | Film\t12.50\t'
        + "http://ecx.images-amazon.com/images/I/1.jpg\n"
        + "B3\t\t\tPuzzles\t\t\n"
        + "B2\tI <3 1 < 2 games now\t\t\t\t\n"
        + "B9\t\t\t\t\t\n"
    )
    assert not Path("executed").exists()


@pytest.mark.parametrize("part", TOLD_OF_2014)
def test_what_was_left_out_of_2014_is_told(part, report_2014):
    assert part in report_2014.text()


def test_what_2014_gives_is_read_as_any_other_dataset(report_2014, tmp_path):
    home = tmp_path / "toys"
    assert AtomicText(home / "toys.inter").check([Column("user_id", "USER_ID_FIELD", "token")])["timestamp"] == "float"
    table = read_item_table(AtomicText(home / "toys.item"))
    assert render_texts(table, ["B1", "B9"], ["title", "brand", "categories", "price"]) == [
        'Title: Tom & Jerry\'s "Big" Box 日本; Brand: Acme®; Categories: Toys & Games > Cats / Mice; Price: 12.50;',
        "",
    ]


def test_2018_gives_exactly_these_files(tmp_path):
    report = converted(
        tmp_path,
        [
            review("A1", "B1", vote="3"),
            review("A1", "B2", 1450000000),
            review("A2", "B3", 1450000001, overall="4.5"),
            review("A2", "B4", 1450000002, overall=None),
        ],
        [
            {
                "asin": "B1",
                "title": "Blocks&nbsp;&#34;XL&#34;",
                "brand": "Acme",
                "category": ["Toys &amp; Games", "", "Building</span></span></span>", "Blocks"],
                "price": "$1,012.99",
                "imageURL": ["https://images.example/1._US40_.jpg"],
                "imageURLHighRes": ["https://images.example/1.jpg"],
                "feature": ["wood"],
            },
            {
                "asin": "B2",
                "title": "<span>Doll</span>",
                "brand": "",
                "category": [],
                "price": ".a-box-inner{background-color:#fff}#alohaBuyBoxWidget .selected{border: 1px $5}",
                "imageURL": ["https://images.example/2._US40_.jpg"],
                "imageURLHighRes": [],
            },
            {"asin": "B3", "title": "Puzzle", "price": "$3.50 - $9", "category": ["Toys & Games"], "imageURL": []},
            {"asin": "B4", "title": "var aPageStart = (new Date()).getTime();\nvar ue_t0=1;", "brand": "Acme"},
        ],
        rating=True,
    )
    assert inter(tmp_path) == (
        HEADER.strip() + "\trating:float\nA1\tB1\t1318896000\t5\nA1\tB2\t1450000000\t5\nA2\tB3\t1450000001\t4.5\n"
        "A2\tB4\t1450000002\t\n"
    )
    assert items(tmp_path) == (
        ITEM_HEADER
        + 'B1\tBlocks "XL"\tAcme\tToys & Games > Building > Blocks\t1012.99\thttps://images.example/1.jpg\n'
        + "B2\tDoll\t\t\t\thttps://images.example/2._US40_.jpg\n"
        + "B3\tPuzzle\t\tToys & Games\t3.50\t\n"
        + "B4\t\tAcme\t\t\t\n"
    )
    assert "4 lines read, all used" in report.text()


def review_2023(user: str, item: object, time: object, **more: object) -> dict[str, object]:
    return {"user_id": user, "parent_asin": item, "asin": "VARIANT", "timestamp": time, "rating": 4.0, **more}


def test_2023_gives_exactly_these_files(tmp_path):
    picture = {"thumb": "https://images.example/t.jpg", "large": "https://images.example/l.jpg", "hi_res": None}
    hugging_face = {"large": [None], "hi_res": ["https://images.example/h.jpg"], "thumb": ["https://t.example/"]}
    report = converted(
        tmp_path,
        [
            review_2023("AE1", "B1", 1588687728923),
            review_2023("AE1", "B2", 1588687728000),
            review_2023("AE2", None, 1588687728000),
            review_2023("AE2", "B3", 1588687728920.0),
            review_2023("AE2", "B4", float("nan")),
            review_2023("AE2", "B5", 10**400),
        ],
        [
            {
                "parent_asin": "B1",
                "title": "Kite",
                "store": "Shop",
                "details": {"Brand": "Acme &amp; Co"},
                "main_category": "Toys & Games",
                "categories": ["Toys & Games", "Kites"],
                "price": 19.9,
                "images": [picture, {"large": "https://images.example/second.jpg"}],
            },
            {"parent_asin": "B2", "title": None, "store": "Shop", "main_category": "All Beauty", "categories": [],
             "price": "None", "images": hugging_face, "details": json.dumps({"Brand": 3})},
            {"parent_asin": "B3", "title": "Top", "store": None, "price": "—", "images": [], "details": "{half"},
        ],
    )  # fmt: skip
    assert inter(tmp_path) == HEADER + "AE1\tB1\t1588687728.923\nAE1\tB2\t1588687728\nAE2\tB3\t1588687728.92\n"
    assert items(tmp_path) == (
        ITEM_HEADER
        + "B1\tKite\tAcme & Co\tToys & Games > Kites\t19.90\thttps://images.example/l.jpg\n"
        + "B2\t\tShop\tAll Beauty\t\thttps://images.example/h.jpg\n"
        + "B3\tTop\t\t\t\t\n"
    )
    assert "1 with a time outside the years" in report.text()
    assert "1 with no item (line 3); 1 with no time (line 5)" in report.text()


def test_items_without_interactions_are_kept_when_asked(tmp_path):
    metadata = [{"asin": name, "title": name.lower(), "imUrl": ""} for name in ("B2", "B1", "B2")]
    converted(tmp_path, [review("A1", "B1")], metadata, all_items=True)
    assert items(tmp_path) == ITEM_HEADER + "B2\tb2\t\t\t\t\nB1\tb1\t\t\t\t\n"


def test_without_metadata_there_is_no_item_file(tmp_path):
    report = converted(tmp_path, [review("A1", "B1")])
    assert report.items is None
    assert sorted(path.name for path in (tmp_path / "toys").iterdir()) == ["toys.inter"]


def test_the_same_raw_files_give_the_same_bytes_compressed_or_not(tmp_path):
    reviews = [review(f"A{number % 7}", f"B{number % 11}", 10**9 + number) for number in range(500)]
    metadata = [{"asin": f"B{number}", "title": f"no. {number}", "imUrl": ""} for number in range(9)]
    converted(tmp_path, reviews, metadata)
    first = inter(tmp_path), items(tmp_path)
    plain = write(tmp_path / "reviews.json", *reviews), write(tmp_path / "meta.json", *metadata)
    report = convert_amazon(*plain, tmp_path / "toys", progress=False, overwrite=True)
    assert (inter(tmp_path), items(tmp_path)) == first
    assert (report.everything.users, report.everything.items, report.items.bare) == (7, 11, 2)


def test_the_crawl_is_told_by_the_keys(tmp_path):
    old, new = write(tmp_path / "a", review("A1", "B1")), write(tmp_path / "b", review_2023("A1", "B1", 10**12))
    of = {
        "2014": write(tmp_path / "c", "{'asin': 'B1', 'imUrl': ''}"),
        "2018": write(tmp_path / "d", "nonsense", {"asin": "B1", "category": [], "feature": []}),
        "2023": write(tmp_path / "e", {"parent_asin": "B1", "categories": []}),
    }
    assert told_layout(old) == told_layout(old, of["2014"]) == "2014"
    assert told_layout(old, of["2018"]) == "2018"
    assert told_layout(new) == told_layout(new, of["2023"]) == "2023"
    with pytest.raises(ValueError, match=r"a is of 2014 or 2018 and .*e of 2023: take both from the same crawl"):
        told_layout(old, of["2023"])
    with pytest.raises(
        ValueError, match=r"d holds no Amazon reviews: .* reviewerID, asin, unixReviewTime \(2014, 2018"
    ):
        told_layout(of["2018"])
    with pytest.raises(ValueError, match="holds no Amazon metadata"):
        told_layout(old, write(tmp_path / "f", {"title": "x"}))
