"""Settings of the wrong kind, out of range or unknown are refused with one sentence, as are settings files."""

from __future__ import annotations

import re

import pytest

from bad_input import Spoil, refusal, settings, settings_file

REFUSED: dict[str, tuple[Spoil, str]] = {
    # --- settings of the wrong kind or out of range ---
    "epochs is text": (settings(epochs="many"), r"epochs='many' has to be a whole number of 1 or more \(default: 20\)"),
    "epochs is a list": (settings(epochs="[1, 2]"), r"epochs=\[1, 2\] has to be a whole number"),
    "epochs is a fraction": (settings(epochs="1.5"), r"epochs=1.5 has to be a whole number"),
    "epochs is a switch": (settings(epochs="true"), r"epochs=True has to be a whole number"),
    "epochs is null": (settings(epochs="~"), r"epochs=null has to be a whole number"),
    "epochs is zero": (settings(epochs="0"), r"epochs=0 has to be a whole number of 1 or more"),
    "bf16 is a number": (settings(bf16="1"), r"bf16=1 has to be true or false"),
    "seed is negative": (settings(seed="-1"), r"seed=-1 has to be a whole number from 0 to 4294967295"),
    "seed is too large": (settings(seed="4294967296"), r"seed=4294967296 has to be a whole number from 0"),
    "learning_rate is negative": (
        settings(learning_rate="-0.1"),
        r"learning_rate=-0.1 has to be a finite number above 0",
    ),
    "learning_rate is zero": (settings(learning_rate="0"), r"learning_rate=0 has to be a finite number above 0"),
    "learning_rate is NaN": (settings(learning_rate=".nan"), r"learning_rate=nan has to be a finite number above 0"),
    "learning_rate is infinite": (
        settings(learning_rate="inf"),
        r"learning_rate=inf has to be a finite number above 0",
    ),
    "dropout is one": (
        settings(dropout="1.0"),
        r"dropout=1.0 has to be a finite number of at least 0 and at most 0.49",
    ),
    "warmup_fraction above one": (settings(warmup_fraction="1.5"), r"warmup_fraction=1.5 has to be .* at most 1"),
    "weight_decay is negative": (
        settings(weight_decay="-1"),
        r"weight_decay=-1 has to be a finite number of at least 0",
    ),
    "train_batch_size is zero": (settings(train_batch_size="0"), r"train_batch_size=0 has to be a whole number of 1"),
    "eval_batch_size is zero": (settings(eval_batch_size="0"), r"eval_batch_size=0 has to be a whole number of 1"),
    "eval_step is negative": (settings(eval_step="-1"), r"eval_step=-1 has to be a whole number of 0 or more"),
    "stopping_step is negative": (settings(stopping_step="-1"), r"stopping_step=-1 has to be a whole number of 0"),
    "history of no item": (
        settings(MAX_ITEM_LIST_LENGTH="0"),
        r"MAX_ITEM_LIST_LENGTH=0 has to be a whole number from 1",
    ),
    "clip_grad_norm is text": (
        settings(clip_grad_norm="much"),
        r"clip_grad_norm='much' has to be a number of 0 or more",
    ),
    "clip_grad_norm of another key": (settings(clip_grad_norm="{norm: 1}"), r"such as \{max_norm: 1.0\}"),
    "n_heads is zero": (settings(n_heads="0"), r"n_heads=0 has to be a whole number from 1"),
    "d_model is negative": (settings(d_model="-1"), r"d_model=-1 has to be a whole number from 1"),
    "d_ff beyond memory": (
        settings(d_ff="100000000000"),
        r"d_ff=100000000000 has to be a whole number from 1 to 65536",
    ),
    "no decoder": (settings(n_decoder_layers="0"), r"n_decoder_layers=0 has to be a whole number from 1"),
    "sid_length of nine": (settings(sid_length="9"), r"sid_length=9 has to be a whole number from 1 to 8"),
    "codebook of one": (
        settings(codebook_size="1"),
        r"codebook_size=1 has to be a whole number from 2 to 65536, or a li",
    ),
    "codebook of fractions": (settings(codebook_size="[2.5, 4, 4]"), r"codebook_size=\[2.5, 4, 4\] has to be"),
    "tokenizer_steps is zero": (settings(tokenizer_steps="0"), r"tokenizer_steps=0 has to be a whole number of 1"),
    "encoder_hidden is a number": (settings(encoder_hidden="8"), r"encoder_hidden=8 has to be a list"),
    "encoder_hidden holds zero": (
        settings(encoder_hidden="[0]"),
        r"encoder_hidden=\[0\] has to be a list, each entry a",
    ),
    "temperature is zero": (settings(contrastive_temperature="0"), r"contrastive_temperature=0 has to be .* above 0"),
    "thresholds are text": (settings(relaxation_thresholds="[a]"), r"relaxation_thresholds=\['a'\] has to be"),
    "no thresholds": (settings(relaxation_thresholds="[]"), r"relaxation_thresholds=\[\] has to be"),
    "swing_alpha is zero": (settings(swing_alpha="0"), r"swing_alpha=0 has to be a finite number above 0"),
    "swing_top_k is zero": (settings(swing_top_k="0"), r"swing_top_k=0 has to be a whole number of 1 or more, or null"),
    "topk is empty": (settings(topk="[]"), r"topk=\[\] has to be a whole number from 1"),
    "topk is zero": (settings(topk="0"), r"topk=0 has to be"),
    "topk holds a negative": (settings(topk="[5, -1]"), r"topk=\[5, -1\] has to be"),
    "topk is null": (settings(topk="~"), r"topk=null has to be"),
    "no metric": (
        settings(metrics="[]"),
        r"metrics=\[\] has to be one of AveragePopularity, GiniIndex, Hit, ItemCoverage, MAP, MRR",
    ),
    "unknown metric": (
        settings(metrics="[Recal]"),
        r"metrics=\['Recal'\] has to be one of AveragePopularity, GiniIndex, Hit",
    ),
    "metric of scores": (
        settings(metrics="[AUC]"),
        r"metrics=\['AUC'\] has to be one of AveragePopularity, GiniIndex, Hit",
    ),
    "interval without brackets": (settings(user_inter_num_interval="5"), r"has to be an interval such as \[5,inf\)"),
    "interval the wrong way": (
        settings(item_inter_num_interval="[9,3]"),
        r"item_inter_num_interval=\[9, 3\] has to be an interval",
    ),
    "text_fields is text": (settings(text_fields="title"), r"text_fields='title' has to be a list"),
    "gpu_id is text": (settings(gpu_id="all"), r"gpu_id='all' has to be the numbers of GPUs"),
    "data_path is a folder that is not there": (
        settings(data_path="3"),
        r"There is no dataset 'tiny': .*/3/tiny/tiny.inter",
    ),
    "two characters between cells": (settings(field_separator="::"), r"field_separator=.* has to be a tab, a space"),
    "unknown encoding": (settings(encoding="utf-9"), r"encoding='utf-9' has to be an encoding of text"),
    "negatives": (
        settings(train_neg_sample_args="{distribution: uniform}"),
        r"has to be null: generation needs no sample",
    ),
    "columns to unload": (
        settings(unload_col="{inter: [x]}"),
        r"unload_col=.* has to be unset: TIGER does not use it",
    ),
    "files split beforehand": (settings(benchmark_filename="[train]"), r"benchmark_filename=.*pre-split files"),
    # --- names that there are not ---
    "unknown setting": (settings(epoch="3"), r"Unknown setting 'epoch' .* did you mean epochs"),
    "unknown tokenizer": (settings(tokenizer="rqva"), r"Unknown tokenizer 'rqva': did you mean rqvae"),
    "unknown dataset": (settings(dataset="tinny"), r"There is no dataset 'tinny'"),
    "unknown model size": (settings(model_size="[small]"), r"Unknown model_size '\[small\]'"),
    "unknown quantizer": (settings(quantizer="rotatoin"), r"Unknown quantizer 'rotatoin': did you mean rotation"),
    "unknown regulation": (
        settings(regulation="[a]"),
        r"Unknown regulation \['a'\].* Valid are: adaptive, hamming, none",
    ),
    "unknown collision": (settings(collision="sufix"), r"Unknown collision 'sufix': did you mean suffix"),
    "unknown encoder": (
        settings(text_encoder="bert"),
        r"Unknown text_encoder 'bert'.* Valid are: sentence-transformers",
    ),
    "unknown learner": (settings(learner="lion"), r"learner='lion' has to be one of adamw, adam"),
    "unknown level of logs": (settings(state="loud"), r"state='loud' has to be one of debug, info"),
    # --- settings files and arguments ---
    "file: none": (settings(config_files="none.yaml"), r"no settings file none.yaml: give --config_files existing"),
    "file: no YAML": (settings_file("epochs: [1"), r"mine.yaml is not valid YAML"),
    "file: a list": (settings_file("- epochs\n"), r"mine.yaml must have lines of the form"),
    "file: not UTF-8": (settings_file(b"epochs: \xff"), r"mine.yaml is not UTF-8 .*: save the settings file as UTF-8"),
    "file: a key twice": (settings_file("epochs: 1\nepochs: 2\n"), r"not valid YAML: 'epochs' occurs twice .*line 2"),
    "file: Python objects": (settings_file("epochs: !!python/object:os.system x"), r"mine.yaml is not valid YAML"),
    "file: too deep": (settings_file("epochs: " + "[" * 3000), r"mine.yaml is not valid YAML"),
    "file: no boolean": (settings_file("epochs: !!bool maybe"), r"mine.yaml is not valid YAML"),
    "file: unknown setting": (settings_file("epoch: 1\n"), r"Unknown setting 'epoch' in the settings files"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_settings_are_refused_in_one_sentence(name, tmp_path, capfd):
    spoil, message = REFUSED[name]
    said = refusal(spoil, tmp_path, capfd)
    assert said.startswith("error: ") and re.search(message, said), said
