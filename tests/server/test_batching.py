"""Micro-batching: what is decoded together, and that everyone gets their own result."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

pytest.importorskip("fastapi")

from recbole_adasid.server.batching import Batcher, Histories, Options  # noqa: E402
from recbole_adasid.server.errors import Busy  # noqa: E402


class Decoder:
    """Returns each history with k as its result, and blocks while held."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, Options]] = []
        self.free, self.begun = threading.Event(), threading.Event()

    def __call__(self, histories: Histories, options: Options) -> list[Any]:
        self.begun.set()
        assert self.free.wait(20)
        self.calls.append((len(histories), options))
        if options.k == 13:
            raise ValueError("thirteen")
        return [(list(history), options.k) for history in histories]


@pytest.fixture
def decoder() -> Decoder:
    return Decoder()


def batcher_of(decoder: Decoder, **options: Any) -> Batcher:
    return Batcher(decoder, **{"max_batch": 4, "max_wait": 0.0, "queue": 100, **options})


def occupied(decoder: Decoder, **options: Any) -> Batcher:
    """Return a batcher whose thread is busy with one history until the decoder is released."""
    batcher = batcher_of(decoder, **options)
    batcher.submit([["first"]], Options())
    assert decoder.begun.wait(20)
    return batcher


def test_what_waits_is_decoded_together_up_to_a_number(decoder: Decoder) -> None:
    batcher = occupied(decoder)
    answers = [batcher.submit([[f"i{number}"]], Options()) for number in range(6)]
    assert batcher.waiting == 6
    decoder.free.set()
    assert [answer.result(20) for answer in answers] == [[([f"i{number}"], 10)] for number in range(6)]
    batcher.close()
    assert [size for size, _ in decoder.calls] == [1, 4, 2] and batcher.waiting == 0


def test_a_batch_of_one_decodes_one_by_one_and_a_request_is_never_divided(decoder: Decoder) -> None:
    batcher = occupied(decoder, max_batch=1)
    batcher.submit([["a"]], Options())
    whole = batcher.submit([["b"], ["c"], ["d"]], Options())
    decoder.free.set()
    assert whole.result(20) == [(["b"], 10), (["c"], 10), (["d"], 10)]
    batcher.close()
    assert [size for size, _ in decoder.calls] == [1, 1, 3]


def test_requests_with_the_same_options_are_decoded_in_one_call(decoder: Decoder) -> None:
    batcher, other = occupied(decoder), Options(k=5, deny=("x",))
    answers = [batcher.submit([[str(number)]], other if number % 2 else Options()) for number in range(4)]
    decoder.free.set()
    assert [answer.result(20) for answer in answers] == [
        [([str(number)], 5 if number % 2 else 10)] for number in range(4)
    ]
    batcher.close()
    assert decoder.calls[1:] == [(2, Options()), (2, other)]


def test_the_first_waits_for_others(decoder: Decoder) -> None:
    decoder.free.set()
    batcher = batcher_of(decoder, max_wait=20.0, max_batch=3)
    answers = [batcher.submit([[str(number)]], Options()) for number in range(3)]
    assert [answer.result(10)[0][0] for answer in answers] == [["0"], ["1"], ["2"]]  # sooner than the wait
    batcher.close()
    assert [size for size, _ in decoder.calls] == [3]


def test_an_error_reaches_those_who_asked_for_it_alone(decoder: Decoder) -> None:
    batcher = occupied(decoder)
    bad, good = batcher.submit([["a"]], Options(k=13)), batcher.submit([["b"]], Options())
    decoder.free.set()
    with pytest.raises(ValueError, match="thirteen"):
        bad.result(20)
    assert good.result(20) == [(["b"], 10)] and batcher.alive
    batcher.close()


def test_a_full_queue_refuses_and_what_was_given_up_is_not_decoded(decoder: Decoder) -> None:
    batcher = occupied(decoder, queue=3)
    given_up = batcher.submit([["a"], ["b"]], Options())
    with pytest.raises(Busy, match="^the queue is full, 2 of 3 histories are waiting: retry later$"):
        batcher.submit([["c"], ["d"]], Options())
    kept = batcher.submit([["c"]], Options())
    assert given_up.cancel()
    decoder.free.set()
    assert kept.result(20) == [(["c"], 10)]
    batcher.close()
    assert [size for size, _ in decoder.calls] == [1, 1]


def test_requests_without_histories_fill_the_queue_and_batches_too(decoder: Decoder) -> None:
    batcher = occupied(decoder, queue=2, max_batch=1)
    answers = [batcher.submit([], Options()) for _ in range(2)]
    with pytest.raises(Busy, match="^the queue is full, 2 of 2 histories are waiting: retry later$"):
        batcher.submit([], Options())
    decoder.free.set()
    assert [answer.result(20) for answer in answers] == [[], []]
    batcher.close()
    assert [size for size, _ in decoder.calls] == [1, 0, 0] and batcher.waiting == 0


def test_what_is_given_up_while_others_of_its_batch_are_decoded_is_not_decoded() -> None:
    decoded: list[int] = []
    waiting: list[Future[list[Any]]] = []

    def decode(histories: Histories, options: Options) -> list[Any]:
        decoded.append(options.k)
        if options.k == 1:
            assert waiting[1].cancel()
        return list(histories)

    batcher = Batcher(decode, max_batch=3, max_wait=20.0, queue=10)
    waiting += [batcher.submit([["a"]], Options(k=k)) for k in (1, 2)]
    waiting.append(batcher.submit([["a"]], Options(k=3)))
    assert waiting[2].result(20) == [["a"]]
    batcher.close()
    assert decoded == [1, 3]


def test_closing_answers_what_waits_and_refuses_what_comes(decoder: Decoder) -> None:
    batcher = occupied(decoder)
    waiting = [batcher.submit([[str(number)]], Options()) for number in range(9)]
    closing = threading.Thread(target=batcher.close)
    closing.start()
    while batcher.alive:
        pass
    with pytest.raises(Busy, match="shutting down"):
        batcher.submit([["late"]], Options())
    decoder.free.set()
    closing.join(20)
    assert [answer.result(0)[0][0] for answer in waiting] == [[str(number)] for number in range(9)]


def test_nothing_is_lost_or_mixed_up_among_64_clients(decoder: Decoder) -> None:
    decoder.free.set()
    told: list[int] = []
    batcher = batcher_of(decoder, max_batch=16, max_wait=0.001, queue=1000, told=lambda size, _: told.append(size))

    def ask(number: int) -> bool:
        histories = [[f"{number}-{one}"] for one in range(number % 3)] or [[str(number)]]
        k = number % 4 + 1
        return batcher.submit(histories, Options(k=k)).result(20) == [(history, k) for history in histories]

    with ThreadPoolExecutor(64) as clients:
        assert all(clients.map(ask, range(640)))
    batcher.close()
    assert sum(told) == sum(max(1, number % 3) for number in range(640)) and len(told) < 640
