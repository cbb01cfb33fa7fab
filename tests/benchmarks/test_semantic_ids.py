"""The page about choices of tokenizer training, and what is measured for it."""

from __future__ import annotations

from benchmarks.semantic_ids import PARTS, wanted
from benchmarks.semantic_ids_page import HEADINGS, page

FIGURES = {"perplexity": [200.4, 100.0, 99.6], "alone": [0, 1, 2], "unique_sids": 0.9, "collision_rate": 0.1}
FIGURES |= {"largest_collision_group": 7.0, "reconstruction": 0.5, "cpu_s": 90}


def test_every_part_has_cases_that_differ_and_a_heading():
    for part in PARTS:
        cases = list(wanted([part], [0, 1], "after"))
        assert len(cases) > 1 and all(cases.count(case) == 1 for case in cases)
    assert list(HEADINGS) == list(PARTS)


def test_the_page_has_a_table_of_each_part_that_was_measured():
    case = {"tokenizer": "adasid", "changes": {"pair_draw_power": 0.5}, "seed": 3, "label": "after", "steps": 30}
    early = {**FIGURES, "perplexity": [9.0, 8.0, 7.0]}
    written = page(
        [
            {**case, **FIGURES, "part": "start", "after_20_steps": early},
            {
                **case,
                **FIGURES,
                "part": "collisions",
                "weight_share_of_depth_1": 0.25,
                "proxy_ndcg@10": 0.0123,
                "proxy_examples": 9000,
            },
            {**FIGURES, "part": "kmeans", "tokenizer": "faiss", "changes": {}, "seed": 0, "label": "after"},
        ]
    )
    assert "## Where trainable tokenizers start" in written and "RQ-OPQ at three" not in written
    assert "| adasid | pair_draw_power 0.5 | 3 | 30 | 9 / 8 / 7 | 0.9000 | 200 / 100 / 100 | 0 / 1 / 2 |" in written
    assert "| 0.250 /  /  |" in written and "| 0.0123 | 9,000 |" in written
    assert "took 4 core minutes" in written
