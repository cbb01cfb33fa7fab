"""Screenshots of a report's sections on a laptop (light) and a phone (dark), for the documentation.

    python -m benchmarks.report_pictures --page=runs/…/report.html --out=docs/images --name=run --sections=verdict,tree

Each is a file NAME-SECTION-desktop.png or NAME-SECTION-phone.png. Needs chromium and chromedriver.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.browser import Browser

SCREENS = {"desktop": (1280, 800, False), "phone": (390, 844, True)}
# The second code of the first one that is open shows items.
OPEN_TREE = """
const first = document.querySelector('#tree-list > li:nth-child(2) > details');
if (first) { first.openNode(); first.querySelector('details')?.openNode(); }
"""
SHOW = """
const section = document.getElementById(arguments[0]);
if (section.matches('section:first-of-type')) { window.scrollTo(0, 0); } else { section.scrollIntoView(); }
"""


def main() -> None:
    """Take the pictures and print their paths."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--sections", default="verdict", help="ids, separated by commas")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for screen, (width, height, dark) in SCREENS.items():
        with Browser(width=width, height=height, dark=dark) as browser:
            browser.open(arguments.page)
            browser.run(OPEN_TREE)
            for section in arguments.sections.split(","):
                browser.run(SHOW, section)
                path = arguments.out / f"{arguments.name}-{section}-{screen}.png"
                browser.picture(path)
                print(path)


if __name__ == "__main__":
    main()
