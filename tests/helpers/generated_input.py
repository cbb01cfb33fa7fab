"""Generated input: sound files with some bytes changed, and what counts as an answer to them."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

import recbole_adasid  # noqa: E402

PACKAGE = str(Path(recbole_adasid.__file__).parent)
ITEMS = [f"i{number}" for number in range(5)]


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
