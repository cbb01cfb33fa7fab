"""Converting raw Amazon reviews and metadata to atomic files: time, and whether memory grows with the reviews.

    python -m benchmarks.raw_conversion

Reviews are JSON lines of a few hundred characters, metadata Python literals, both gzipped as in the 2014 crawl.
Each conversion runs in a separate process, so that memory can be measured.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import Measurement, peak_memory

ITEMS = 60_000
REVIEWS_A_USER = 9
WORDS = [f"word{number}" for number in range(997)]


def write_raw(folder: Path, n_reviews: int) -> None:
    """Write reviews.json.gz and meta.json.gz: nine reviews a user on average, as in the 5-core of Toys."""
    chance = random.Random(0)
    with gzip.open(folder / "reviews.json.gz", "wt", compresslevel=1) as file:
        for _ in range(n_reviews):
            review = {
                "reviewerID": f"A{chance.randrange(n_reviews // REVIEWS_A_USER):013d}",
                "asin": f"B{chance.randrange(ITEMS):09d}",
                "reviewText": " ".join(chance.choices(WORDS, k=60)),
                "overall": 5.0,
                "summary": "It is what it says",
                "unixReviewTime": chance.randrange(1_300_000_000, 1_400_000_000, 86_400),
            }
            file.write(json.dumps(review) + "\n")
    with gzip.open(folder / "meta.json.gz", "wt", compresslevel=1) as file:
        for number in range(ITEMS):
            item = {
                "asin": f"B{number:09d}",
                "title": "Train &amp; Track, " + " ".join(chance.choices(WORDS, k=8)),
                "description": " ".join(chance.choices(WORDS, k=60)),
                "price": 12.99,
                "imUrl": f"http://ecx.images-amazon.com/images/I/{number}.jpg",
                "related": {"also_bought": [f"B{chance.randrange(ITEMS):09d}" for _ in range(30)]},
                "categories": [["Toys & Games", "Trains", "Tracks"]],
            }
            file.write(repr(item) + "\n")


def convert(folder: Path) -> dict[str, float]:
    """Convert what :func:`write_raw` wrote; return seconds and the peak of memory in MiB."""
    from recbole_adasid.data.convert.amazon_files import convert_amazon

    started = time.perf_counter()
    convert_amazon(folder / "reviews.json.gz", folder / "meta.json.gz", folder / "raw-log", progress=False)
    return {"seconds": time.perf_counter() - started, "peak": peak_memory()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reviews", type=int, default=1_000_000, help="of the larger of two conversions")
    parser.add_argument("--child", type=Path, default=None, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(convert(arguments.child)))
        return
    quarter, whole = (measured(number) for number in (arguments.reviews // 4, arguments.reviews))
    detail = f"{arguments.reviews:,} reviews, {ITEMS:,} items; {arguments.reviews // 4:,} reviews"
    Measurement(
        "raw reviews to atomic files",
        "a minute",
        whole["seconds"],
        60,
        False,
        " s",
        f"{detail} {quarter['seconds']:.1f} s",
    ).print()
    Measurement(
        "its peak of memory",
        "a quarter of the reviews",
        whole["peak"] / quarter["peak"],
        1.25,
        False,
        " ×",
        f"{whole['peak']:.0f} MiB; {quarter['peak']:.0f} MiB",
    ).print()


def measured(n_reviews: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        write_raw(Path(name), n_reviews)
        command = [sys.executable, "-m", "benchmarks.raw_conversion", f"--child={name}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


if __name__ == "__main__":
    main()
