from __future__ import annotations

from recbole_adasid.report.content.curves import network_curves, tokenizer_curves


def history(**tokenizer: list[float | None]) -> dict[str, dict[str, list]]:
    columns = {"step": [0, 5], **tokenizer}
    return {
        "tokenizer": columns,
        "training": {"epoch": [0, 1], "loss": [2.0, 1.0]},
        "validation": {"epoch": [1], "recall@5": [0.1], "recall@10": [0.2], "ndcg@10": [0.15]},
    }


def test_columns_are_drawn_with_those_they_belong_to_and_none_is_lost() -> None:
    columns = {
        **{"loss": [3.0, 2.0], "lambda_col": [1.0, 0.5], "lambda_cf": [0.0, 0.2], "repelled_share": [None, 0.1]},
        **{"batch_perplexity_1": [4.0, 5.0], "batch_perplexity_2": [6.0, 7.0], "my_number": [1.0, 1.0]},
        "similarity": [None, None],
    }
    drawn, others = tokenizer_curves(history(**columns))
    assert {curves.title: list(curves.values) for curves in drawn} == {
        "Objective": ["loss"],
        "Weights of the terms": ["λ_col", "λ_cf"],
        "Fate of overlapping pairs": ["repelled"],
        "Perplexity": ["level 1", "level 2"],
    }
    assert drawn[1].values == {"λ_col": [1.0, 0.5], "λ_cf": [0.0, 0.2]} and drawn[1].at == [0, 5]
    assert [curves.title for curves in others] == ["my_number"]


def test_validation_metrics_of_a_kind_share_a_picture() -> None:
    found = {curves.title: list(curves.values) for curves in network_curves(history())}
    assert found == {
        "Training loss": ["recommender"],
        "Validation Recall": ["Recall@5", "Recall@10"],
        "Validation NDCG": ["NDCG@10"],
    }


def test_a_tokenizer_without_steps_has_no_curves() -> None:
    empty = history()
    empty["tokenizer"] = {"step": []}
    assert tokenizer_curves(empty) == ([], [])
