"""The chart of codeword usage."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter

import numpy as np

from recbole_adasid.hub.code_picture import code_picture

SVG = "{http://www.w3.org/2000/svg}"


def heights(path: str) -> list[float]:
    """Return the step heights of a drawn panel, as shares of its height."""
    return [1 - float(value) / 110 for value in re.findall(r"V([\d.]+)H", path)]


def test_each_level_is_drawn_as_its_literal_counts() -> None:
    codes = np.random.default_rng(0).integers([6, 9], size=(500, 2))
    codes[:, 0] = np.minimum(codes[:, 0], 3)
    picture = ElementTree.fromstring(code_picture(codes, [6, 9]))
    panels = picture.findall(f"{SVG}g")
    assert len(panels) == 2
    for level, (panel, size) in enumerate(zip(panels, (6, 9))):
        counts = Counter(codes[:, level].tolist())
        loads = np.array(sorted((counts[code] for code in range(size)), reverse=True))
        drawn = panel.find(f"{SVG}path")
        assert drawn is not None
        assert np.allclose(heights(drawn.attrib["d"]), loads / loads[0], atol=1e-3)
        texts = [element.text for element in panel.findall(f"{SVG}text")]
        assert texts[0] == f"Level {level + 1}: {size} codewords" and texts[2] == f"at most {loads[0]} items"
        assert f", {sum(loads == 0)} unused" in str(texts[1])


def test_many_codewords_are_drawn_as_some_and_many_levels_in_rows() -> None:
    codes = np.random.default_rng(0).integers(0, 60_000, size=(3000, 6))
    text = code_picture(codes, [65_536] * 6)
    picture = ElementTree.fromstring(text)
    places = {
        tuple(map(float, re.findall(r"[\d.]+", panel.attrib["transform"]))) for panel in picture.findall(f"{SVG}g")
    }
    assert len(text) < 30_000 and len(places) == 6 and len({top for _, top in places}) == 2
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "") and "<script" not in text
