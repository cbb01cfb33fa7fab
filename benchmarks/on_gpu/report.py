"""Lines of results, written as they come, and attempts that may fail or run late without ending the others."""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

FILE = "results.jsonl"
BROKEN = 3
"""Exit status of a process whose GPU answers no more."""


class OutOfTime(BaseException):
    """An attempt's time is over. No `Exception`, so that nothing on the way takes it for a failure of its own."""


class Report:
    """Writes the results of one part, each as a line of JSON.

    Args:
        folder: of the file of results, to which lines are added.
        part: name of the part.
        started: when all parts began, in seconds since the epoch.
        ends: when this part is to end.
    """

    def __init__(self, folder: Path, part: str, started: float, ends: float) -> None:
        self.path, self.part, self.started, self.ends = folder / FILE, part, started, ends

    @property
    def left(self) -> float:
        """Seconds that are left to the part."""
        return self.ends - time.time()

    def line(self, what: str, **values: Any) -> None:
        """Write a result; NaN and infinities become text, as JSON has none."""
        values = {key: _plain(value) for key, value in values.items()}
        record = {"part": self.part, "what": what, **values, "at": round(time.time() - self.started, 1)}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        print(row(record), flush=True)

    def attempt(self, what: str, work: Callable[[], object], seconds: float = math.inf) -> None:
        """Do ``work``; where it fails, or is ended after so many ``seconds`` or with the part, that is a line as well.

        Raises:
            SystemExit: the GPU answers no more, so that this process is of no use.
        """
        seconds = min(seconds, self.left)
        if seconds <= 0:
            self.line(what, error="not begun: the part's time was used up")
            return
        before = signal.signal(signal.SIGALRM, _out_of_time)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            work()
        except OutOfTime:
            self.line(what, error=f"ended after {seconds:.0f} s: its time was over")
        except Exception as error:
            self.line(what, error=f"{type(error).__name__}: {_first_lines(error)}")
            _check_gpu()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def read(folder: Path) -> list[dict[str, Any]]:
    """Return the lines written so far, oldest first; an unfinished last one is left out."""
    path = folder / FILE
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]


def table(records: list[dict[str, Any]]) -> str:
    """Return results as a table; what began and ended is left out."""
    head = ["| part | what | result | against the peer | peak GiB | |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *(row(record) for record in records if "state" not in record)])


def row(record: dict[str, Any]) -> str:
    """Return one line of the table."""
    result = f"{_number(record.get('value'))} {record.get('unit', '')}".strip()
    if "ok" in record:
        result = f"{'right' if record['ok'] else '**wrong**'} {result}".strip()
    ratio = f"{_number(record['ratio'])} ×" if "ratio" in record else ""
    detail = record.get("error") or record.get("detail") or record.get("state", "")
    cells = [record["part"], record["what"], result, ratio, _number(record.get("peak_gib")), detail]
    return f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |"


def _number(value: Any) -> str:
    if isinstance(value, (int, float)):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return "" if value is None else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _first_lines(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _out_of_time(*_: Any) -> None:
    raise OutOfTime


def _check_gpu() -> None:
    if not torch.cuda.is_available():
        return
    try:
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
    except Exception:
        raise SystemExit(BROKEN) from None
