"""Settings that do not go together are refused with one sentence."""

from __future__ import annotations

import re

import pytest

from bad_input import Spoil, adasid, refusal, settings

REFUSED: dict[str, tuple[Spoil, str]] = {
    # --- settings that do not go together ---
    "beam below k": (settings(beam_size="5"), r"beam_size=5 cannot fill topk=\[3, 5, 10\]: raise it"),
    "valid_metric of another k": (settings(valid_metric="NDCG@7"), r"valid_metric=NDCG@7 is not computed .*NDCG@10"),
    "valid_metric not computed": (settings(valid_metric="MRR@10"), r"valid_metric=MRR@10 is not computed"),
    "thresholds that decrease": (
        adasid(relaxation_thresholds="[0.9, 0.5]"),
        r"thresholds must not decrease with depth",
    ),
    "T_end at T_start": (adasid(rebalancing_start="1.0"), r"rebalancing_end must exceed rebalancing_start"),
    "T_end beyond training": (adasid(rebalancing_end="2.0"), r"rebalancing_end is a fraction .* cannot exceed 1"),
    "f_min above f_max": (adasid(load_f_min="5"), r"0 <= load_f_min <= load_f_max, got 5 and 3.0"),
    "a size too few": (settings(codebook_size="[4, 4]"), r"codebook_size lists 2 sizes for sid_length 3: give one per"),
    "radius of all levels": (
        settings(tokenizer="quasid", hamming_radius="3"),
        r"hamming_radius must lie between 0 and 2",
    ),
    "lookup wider than codes": (
        settings(tokenizer="vqgan", lookup_dim="9"),
        r"lookup_dim must lie between 1 and code_dim, 4",
    ),
    "more groups than columns": (
        settings(tokenizer="grvq", quantizer_groups="9"),
        r"quantizer_groups must lie between 1",
    ),
    "more groups than levels": (
        settings(tokenizer="grvq", quantizer_groups="4"),
        r"quantizer_groups must lie between 1 and sid_length, 3",
    ),
    "rebalancing after training": (
        adasid(rebalancing_unit="steps", rebalancing_start="10000", rebalancing_end="200000"),
        r"rebalancing_start=10000 and rebalancing_end=200000 .*tokenizer_steps=.*rebalancing_unit=fraction",
    ),
    "no level for k-means": (
        settings(tokenizer="rqopq", opq_subspaces="3"),
        r"opq_subspaces must lie between 1 and .* 2",
    ),
    "rqopq with one level": (
        settings(tokenizer="rqopq", sid_length="1", codebook_size="4"),
        r"rqopq needs a sid_length of at least 2, got 1: raise it or choose another tokenizer",
    ),
    "template: unknown column": (settings(text_template="Title: {titel}"), r"text_template .*did you mean 'title'"),
    "template: half a brace": (settings(text_template="Title: {title"), r"text_template='Title: {title'"),
    "modalities: none": (settings(modalities="[]"), r"modalities=.* a list, each entry a mapping"),
    "modalities: unknown setting": (settings(modalities="[{text_field: [title]}]"), r"'text_field': did you mean text"),
    "modalities: no source": (settings(modalities="[{weight: 2}]"), r"modality 1 names no source: name one of"),
    "modalities: two sources": (
        settings(modalities="[{text_fields: [title], item_features_file: v.npz}]"),
        r"modality 1 names item_features_file and text_fields: name one of",
    ),
    "modalities: weight": (settings(modalities="[{text_fields: [title], weight: 0}]"), r"weight 0 of modality 1"),
    "modalities: width": (settings(modalities="[{text_fields: [title], width: 0}]"), r"width 0 of modality 1"),
    "modalities: dataset_features": (
        settings(modalities="[{dataset_features: no}]"),
        r"dataset_features .* of modality 1 has to be true",
    ),
    "modalities: behaviour": (
        settings(modalities="[{behaviour: [a]}]"),
        r"behaviour \['a'\] of modality 1 .* a path",
    ),
    "modalities: no such vectors": (
        settings(modalities="[{behaviour: coocurrence}]"),
        r"no file of item vectors .*coocurrence: name an .npz .* or 'cooccurrence'",
    ),
    "modalities: behaviour and a text": (
        settings(modalities="[{behaviour: cooccurrence, text_fields: [title]}]"),
        r"modality 1 names text_fields and behaviour: name one of",
    ),
    "modalities: nothing beyond chance": (
        settings(modalities="[{behaviour: cooccurrence}]", behaviour_negatives="100000"),
        r"no two items co-occur more often than chance .*: lower behaviour_negatives",
    ),
    "modalities: the dataset has none": (
        settings(modalities="[{dataset_features: true}]", text_fields="[]"),
        r"modality 1 uses the dataset's own features, but there are none: set item_features_file or text_fields",
    ),
    "modalities: value": (settings(modalities="[{text_fields: [title], text_width: 0}]"), r"text_width=0 has to be"),
    "modalities: no column": (settings(modalities="[{text_fields: [titel]}]"), r"did you mean 'title'"),
    "modalities: mean of two widths": (
        settings(modalities="[{text_fields: [title]}, {text_fields: [title], text_width: 2}]", fusion="mean"),
        r"fusion=mean needs modalities of equal width",
    ),
    "pairs: no file named": (adasid(pair_source="file"), r"pair_source=file needs pair_file"),
    "pairs: file not read": (adasid(pair_file="p.tsv"), r"unused with pair_source=swing: set pair_source=file"),
    "pairs: no such file": (adasid(pair_source="file", pair_file="p.tsv"), r"no file of item pairs .*p.tsv"),
    "pairs: unknown source": (adasid(pair_source="item2vek"), r"'item2vek': did you mean item2vec"),
    "neither texts nor vectors": (settings(text_fields="[]"), r"neither item_features_file nor text_fields is set"),
    "two fields of one name": (settings(TIME_FIELD="user_id"), r"USER_ID_FIELD and TIME_FIELD are both 'user_id'"),
    "load_col without times": (
        settings(load_col="{inter: [user_id, item_id]}"),
        r"leaves out timestamp of inter: add it",
    ),
    "filter by an unloaded column": (
        settings(val_interval="{rating: '[4,5]'}"),
        r"val_interval names the column 'rating'",
    ),
    "random order": (
        settings(eval_args="{split: {LS: test_only}, order: RO}"),
        r"order is 'RO', but sequences need .* TO",
    ),
    "unknown split": (
        settings(eval_args="{split: {XS: 1}, order: TO}"),
        r"split is \{'XS': 1\}; write \{LS: valid_and",
    ),
    "unknown way to leave out": (
        settings(eval_args="{split: {LS: last}, order: TO}"),
        r"LS is 'last'; valid: valid_and_t",
    ),
    "ratios of nothing": (
        settings(eval_args="{split: {RS: [1, 0, 0]}, order: TO}"),
        r"RS is .*give three ratios above 0",
    ),
    "unknown mode": (
        settings(eval_args="{split: {LS: test_only}, order: TO, mode: uni}"),
        r"mode is 'uni'; valid: full",
    ),
    "eval_args of another key": (settings(eval_args="{folds: 5}"), r"eval_args has no entry 'folds'; valid: split"),
    "one process of several": (settings(local_rank="0"), r"local_rank is set without nproc, world_size"),
    "an extra that is missing": (
        settings(text_encoder="sentence-transformers", text_encoder_model="/nowhere"),
        r"pip install 'recbole-adasid\[text\]'|text_encoder_model '/nowhere' cannot be loaded",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_settings_that_do_not_go_together_are_refused_in_one_sentence(name, tmp_path, capfd):
    spoil, message = REFUSED[name]
    said = refusal(spoil, tmp_path, capfd)
    assert said.startswith("error: ") and re.search(message, said), said
