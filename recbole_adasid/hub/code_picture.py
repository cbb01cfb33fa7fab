"""Codeword usage as a self-contained SVG, for model cards."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from recbole_adasid.tokenizer.usage import LevelUsage, code_usage

_ACROSS = 4
_WIDTH, _HEIGHT, _GAP, _TEXT = 220, 110, 28, 40
_MOST_POINTS = 200
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#24292f}.small{font-size:11px;fill:#57606a}"
    ".load{fill:#4f6bd8}.even{stroke:#c2410c;stroke-dasharray:4 3}.floor{stroke:#8c959f}"
)


def code_picture(codes: NDArray[np.int64], level_sizes: Sequence[int]) -> str:
    """Return an SVG with a panel per level: items per codeword in descending order, and uniform use as a line.

    Args:
        codes: [N, L], counted from 0 on every level.
        level_sizes: K of each of the L levels.
    """
    levels = code_usage(codes, level_sizes)
    columns = min(_ACROSS, len(levels))
    rows = -(-len(levels) // columns)
    width, height = columns * (_WIDTH + _GAP) + _GAP, rows * (_HEIGHT + _TEXT + _GAP) + _GAP
    panels = [
        _panel(level, _GAP + place % columns * (_WIDTH + _GAP), _GAP + place // columns * (_HEIGHT + _TEXT + _GAP))
        for place, level in enumerate(levels)
    ]
    picture = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" '
        'aria-label="Items per codeword in descending order, on {n} levels"><style>{style}</style>'
        '<rect width="{w}" height="{h}" fill="#fff"/>{panels}</svg>\n'
    )
    return str(picture.format(w=width, h=height, n=len(levels), style=Markup(_STYLE), panels=Markup("").join(panels)))


def _panel(level: LevelUsage, left: int, top: int) -> Markup:
    """Return a level's panel: a step per codeword, or per evenly spaced codeword if there are many."""
    shown = np.unique(np.linspace(0, level.size - 1, min(level.size, _MOST_POINTS)).round().astype(int))
    step, most = _WIDTH / len(shown), int(level.loads[0])
    heights = (_HEIGHT * (1 - level.loads[shown] / most)).round(1).tolist()
    path = f"M0 {_HEIGHT}" + "".join(f"V{height:g}H{(place + 1) * step:.1f}" for place, height in enumerate(heights))
    even = round(_HEIGHT * (1 - level.loads.sum() / level.size / most), 1)
    return Markup(
        '<g transform="translate({left} {top})"><path class="load" d="{path}V{h}Z"/>'
        '<line class="even" x2="{w}" y1="{even}" y2="{even}"/><line class="floor" x2="{w}" y1="{h}" y2="{h}"/>'
        '<text y="{first}">Level {level}: {size:,} codewords</text>'
        '<text class="small" y="{second}">perplexity {perplexity:.1f}, {dead:,} unused</text>'
        '<text class="small" x="{w}" y="10" text-anchor="end">at most {most:,} items</text></g>'
    ).format(
        left=left, top=top, path=path, h=_HEIGHT, w=_WIDTH, even=even, first=_HEIGHT + 18, second=_HEIGHT + 34,
        level=level.level, size=level.size, perplexity=level.perplexity, dead=level.dead, most=most,
    )  # fmt: skip
