"""Screenshots of the page of `recbole-adasid serve` on a laptop (light) and a narrow phone (dark), for the docs.

    python -m benchmarks.page_pictures --run_folder=runs/… --history="50 181 172" --rank=2 --out=docs/images

Serves the run on a free port and opens the recommendation at that rank. Writes page-desktop.png and page-phone.png.
Needs chromium, chromedriver and the extra `serve`.
"""

from __future__ import annotations

import argparse
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.browser import Browser
from recbole_adasid.serving.recommender import Recommender

SCREENS = {"desktop": (1280, 940, False, "body"), "phone": (360, 780, True, ".results")}
EXPLAINED = "return document.querySelectorAll('.panel:not([hidden]) .means p').length > 0 && document.fonts.ready"
SHOW = "document.querySelector(arguments[0]).scrollIntoView()"


@contextmanager
def served(recommender: Recommender) -> Iterator[str]:
    """Serve a recommender on a free port; yield the address."""
    import uvicorn

    from recbole_adasid.server.application import create_application

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(create_application(recommender), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def main() -> None:
    """Take the pictures and print their paths."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run_folder", type=Path, required=True)
    parser.add_argument("--history", required=True, help="item tokens, separated by blanks")
    parser.add_argument("--rank", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    recommender, history = Recommender.load(arguments.run_folder), arguments.history.split()
    opened = recommender.recommend(history, arguments.rank)[-1].item
    state = urlencode([*(("h", token) for token in history), ("open", opened)])
    with served(recommender) as address:
        for screen, (width, height, dark, shown) in SCREENS.items():
            with Browser(width=width, height=height, dark=dark) as browser:
                browser.open(f"{address}/#{state}")
                browser.wait_for(EXPLAINED)
                browser.run(SHOW, shown)
                path = arguments.out / f"page-{screen}.png"
                browser.picture(path)
                print(path)


if __name__ == "__main__":
    main()
