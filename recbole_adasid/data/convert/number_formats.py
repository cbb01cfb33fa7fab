"""Numbers and prices as people write them, if unambiguous."""

from __future__ import annotations

import html
import re
from decimal import Decimal
from numbers import Real
from typing import Any

# Currency signs, except for cents, which would need a division.
_SIGNS = "$£¤¥֏؋৳฿៛₠-₿﷼＄￡￥￦"  # noqa: RUF001, these signs are meant
_CODES = (
    "AED|ARS|AUD|BDT|BGN|BHD|BRL|BYN|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|GBP|GEL|GHS|HKD|HRK|HUF|IDR|ILS|"
    "INR|ISK|JOD|JPY|KES|KRW|KWD|KZT|LKR|MAD|MXN|MYR|NGN|NOK|NPR|NZD|OMR|PEN|PHP|PKR|PLN|QAR|RMB|RON|RSD|"
    "RUB|SAR|SEK|SGD|THB|TL|TND|TRY|TWD|UAH|USD|UYU|VND|ZAR"
)
_SHORT = "kr|zł|Kč|Ft|lei|лв|руб|грн|Rs|SFr|Fr|Euros?"
_MARK = rf"(?:[A-Z]{{0,2}}[{_SIGNS}]|(?:{_CODES}|{_SHORT})\.?)"
_SPACE = "[ \u00a0\u2009\u202f'\u2019]"  # between thousands: spaces of all widths and the Swiss apostrophe
_DIGITS = rf"[0-9.,]+(?:{_SPACE}[0-9][0-9.,]*)*"
_AMOUNT = rf"(?P<before>{_MARK})?\s*(?P<number>{_DIGITS})(?P<even>[.,][-\u2013\u2014]{{1,2}})?\s*(?P<after>{_MARK})?"
_UNNAMED = re.sub(r"\?P<\w+>", "?:", _AMOUNT)
_PRICE = re.compile(rf"(?:(?:from|ab)\s*)?{_AMOUNT}(?:\s*[-\u2013\u2014]\s*{_UNNAMED})?", re.IGNORECASE)

_FORMS = {
    # Groups of thousands end before a decimal separator of another kind.
    "spaces": re.compile(rf"[0-9]{{1,3}}(?P<s>{_SPACE})[0-9]{{3}}(?:(?P=s)[0-9]{{3}})*(?:[.,][0-9]{{1,12}})?"),
    "commas": re.compile(r"[1-9][0-9]{0,2}(?:(?:,[0-9]{3}){1,4}|(?:,[0-9][0-9]){1,4},[0-9]{3})(?:\.[0-9]{1,12})?"),
    "points": re.compile(r"[1-9][0-9]{0,2}(?:(?:\.[0-9]{3}){2,4}|(?:\.[0-9]{3}){1,4},[0-9]{1,12})"),
}
_PLAIN = re.compile(r"[0-9]{0,12}[.,][0-9]{1,12}|[0-9]{1,12}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{0,30}[.,][0-9]{1,30}|[0-9]{1,30})")
_THOUSAND_OR_THREE_DECIMALS = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
_LONGEST = 200


def amount(text: str) -> float | None:
    """Return the amount of a price such as `$1,234.50`, `1.234,50 €`, `CHF 1'234.50`, `5,-`; the lower end of a range.

    None if it is not a price or ambiguous: next to a currency, `1.299` may be thousands or thousandths. A lone `1.299`
    is a number as programs write it, and `1,299` is always one thousand and more.
    """
    if len(text) > _LONGEST:
        return None
    found = _PRICE.fullmatch(html.unescape(text).strip())
    if not found:
        return None
    number, marked = found["number"], found["before"] or found["after"]
    if marked and "." in number and _THOUSAND_OR_THREE_DECIMALS.fullmatch(number):
        return None
    if found["even"] and _PLAIN.fullmatch(number) and not number.isdigit():
        return None  # two decimal separators
    return _value(number)


def decimal(text: str) -> float | None:
    """Return the number in a text with a decimal point or comma, or None; `1,299` is ambiguous."""
    if not _DECIMAL.fullmatch(text) or "," in text and _THOUSAND_OR_THREE_DECIMALS.fullmatch(text.lstrip("+-")):
        return None
    return float(text.replace(",", "."))


def plain_number(value: Any) -> Any:
    """Return numbers as Python numbers; integers stay exact, whatever their size. Decimals without a value are None."""
    if isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Decimal):
        if not value.is_finite():
            return None
        return int(value) if value == value.to_integral_value() else float(value)
    return float(value) if isinstance(value, Real) else value


def _value(number: str) -> float | None:
    for name, form in _FORMS.items():
        if form.fullmatch(number):
            thousands = {"spaces": _SPACE, "commas": ",", "points": r"\."}[name]
            return float(re.sub(thousands, "", number).replace(",", "."))
    return float(number.replace(",", ".")) if _PLAIN.fullmatch(number) else None
