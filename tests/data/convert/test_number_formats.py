"""Prices and numbers as people write them, and what could be read in two ways."""

from __future__ import annotations

import time

import pytest

from recbole_adasid.data.convert.number_formats import amount, decimal


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12.99", 12.99),
        ("12,99", 12.99),
        ("12,99 €", 12.99),
        ("12,99\u00a0€", 12.99),
        ("€ 5,99", 5.99),
        ("&euro; 5,99", 5.99),
        ("5.99 EUR", 5.99),
        ("EUR5.99", 5.99),
        ("5,99 eur", 5.99),
        ("US$5.50", 5.5),
        ("R$ 5,90", 5.9),
        ("£1,234", 1234),
        ("1 299,50", 1299.5),
        ("1\u00a0299,50 zł", 1299.5),
        ("1\u202f299 Kč", 1299),
        ("12 345 678", 12345678),
        ("1.299,50", 1299.5),
        ("1.299.500", 1299500),
        ("1,299.50", 1299.5),
        ("1,299,500", 1299500),
        ("1,299", 1299),
        ("CHF 1'299.50", 1299.5),
        ("1\u2019299.\u2014", 1299),
        ("Rs. 1,29,999.00", 129999),
        ("5,- €", 5),
        ("5.\u2013", 5),
        (".99", 0.99),
        ("0,999", 0.999),
        ("0.125", 0.125),
        ("1234,567", 1234.567),
        ("1.299", 1.299),
        ("$3.50 - $9.99", 3.5),
        ("12,99 € \u2013 19,99 €", 12.99),
        ("from 4,50", 4.5),
        ("ab 4,50 €", 4.5),
    ],
)
def test_what_can_mean_one_thing_is_read(text: str, number: float) -> None:
    assert amount(text) == pytest.approx(number, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "call us",
            "free",
            "$",
            ",",
            "5.99 6.99",
            "12 99",
            "1.2.3",
            "1,2,3",
            "12,99,",
            "-5",
            "1e3",
            "5 PCS",
            "99¢",
        ),
        *("1.299 €", "$1.299", "5,5,-", "1,299,-", "1 299 50", "\u0661\u0662", "5.99 €/kg", ".a{border:1px} $5"),
        *("9" * 13, "$" + "9" * 400),
    ],
)
def test_what_is_no_price_or_could_be_two_is_none(text: str) -> None:
    assert amount(text) is None


def test_reading_takes_no_longer_for_what_almost_fits() -> None:
    started = time.perf_counter()
    for text in ("1 " * 100, "1," * 100, "1'000" * 40, "€" * 200, "from " * 40, "5 - " * 50):
        for _ in range(200):
            amount(text)
    assert time.perf_counter() - started < 10


def test_decimals_have_a_point_or_a_comma() -> None:
    read = {"4,5": 4.5, "4.5": 4.5, "-2,25": -2.25, "+3": 3, ".5": 0.5, "0,125": 0.125, "4.125": 4.125, "12": 12}
    assert {text: decimal(text) for text in read} == read
    assert {decimal(text) for text in ("4,125", "-1,234", "x", "4/5", "1 2", "4.", "", "\u0663", "1e3")} == {None}
