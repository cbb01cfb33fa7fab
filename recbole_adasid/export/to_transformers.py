"""`--to=transformers`: the network as a Hugging Face T5 whose `generate` recommends."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from recbole_adasid.export import folder as common
from recbole_adasid.export.item_vectors import item_vectors
from recbole_adasid.export.readme import transformers_readme
from recbole_adasid.export.sample import Sample, check_close
from recbole_adasid.export.t5_limits import check_t5_can
from recbole_adasid.export.t5_weights import item_embeddings, t5_config, t5_weights
from recbole_adasid.io.extras import imports_for
from recbole_adasid.io.json_file import as_json
from recbole_adasid.serving.recommender import Recommender


def write_transformers(recommender: Recommender, folder: Path) -> str:
    """Write the folder, and return a description of what was written.

    Raises:
        ImportError: without transformers.
        ValueError: if T5 cannot express the network, or its results differ.
    """
    check_t5_can(recommender.model)
    transformers = _transformers()
    network = recommender.model.network
    common.write_scored(recommender, folder)
    common.copy_standalone("recommend_transformers.py", folder, "recommend.py")
    reads = "tokens" if network.item_tokens is None else "items"
    if reads == "items":
        vectors = item_embeddings(network, item_vectors(recommender.model))
        np.save(folder / "item_vectors.npy", vectors.numpy(), allow_pickle=False)
    t5 = transformers.T5Config(**t5_config(network, recommender.run_settings["dropout"]))
    _write_model(transformers, t5, network, _generation(recommender), folder)
    describe = partial(common.write_description, recommender, folder, "transformers")
    more, readme = {"encoder_input": reads}, transformers_readme(recommender, reads)
    describe(more, readme)  # the check reads the folder
    apart = _difference(transformers, recommender, folder)
    describe({**more, "largest_difference": apart}, readme)
    return f"a T5 that matches the run to within {apart:.0e}"


def _transformers() -> Any:
    with imports_for("--to=transformers", "transformers"):
        import transformers
        from transformers import T5ForConditionalGeneration  # noqa: F401 (transformers imports its models on access)

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _generation(recommender: Recommender) -> dict[str, Any]:
    """Return the arguments that make `generate` our beam search: one sequence per beam, no length penalty."""
    beams = max(2, recommender.beam_size)  # with one, transformers searches greedily and gives no scores
    return {
        "max_new_tokens": len(recommender.model.catalogue.level_sizes),
        "num_beams": beams,
        "num_return_sequences": beams,
        "length_penalty": 0.0,
        "do_sample": False,
        "return_dict_in_generate": True,
        "output_scores": True,
        "pad_token_id": 0,
        "decoder_start_token_id": 0,
        "eos_token_id": None,
    }


def _write_model(transformers: Any, config: Any, network: Any, generation: dict[str, Any], folder: Path) -> None:
    model = transformers.T5ForConditionalGeneration(config).eval()
    # transformers 5 ties head and embedding whatever the configuration says, unless the file has both.
    model.lm_head.weight = nn.Parameter(torch.empty_like(model.lm_head.weight))
    model.load_state_dict(t5_weights(network))
    model.generation_config = transformers.GenerationConfig(**generation)
    model.save_pretrained(folder, safe_serialization=True)
    path = folder / "config.json"
    written = json.loads(path.read_text(encoding="utf-8"))
    written.pop("scale_decoder_outputs", None)  # written by transformers 5, which derives it from the next entry
    path.write_text(as_json({**written, "tie_word_embeddings": False}), encoding="utf-8")
    shutil.copymode(path, folder / "model.safetensors")  # safetensors lets only the owner read what it writes


@torch.no_grad()
def _difference(transformers: Any, recommender: Recommender, folder: Path) -> float:
    """Return the largest difference of the written model's log-probabilities from the run's on some histories."""
    model, sample = recommender.model, Sample.drawn(recommender)
    t5 = transformers.T5ForConditionalGeneration.from_pretrained(folder).eval()
    prefixes = sample.prefixes(model)
    found = t5(**_inputs(model, sample, folder), decoder_input_ids=prefixes[:, :-1]).logits.log_softmax(-1)
    return check_close(sample.path_scores(folder, found.unbind(1)), sample.scores(model), "log-probabilities")


def _inputs(model: Any, sample: Sample, folder: Path) -> dict[str, Tensor]:
    valid = sample.items > 0
    if model.network.item_tokens is not None:
        vectors = torch.from_numpy(np.load(folder / "item_vectors.npy", allow_pickle=False))
        return {"inputs_embeds": vectors[sample.items], "attention_mask": valid.long()}
    tokens = model.network.vocabulary.token_ids(model.catalogue(sample.items)) * valid[..., None]
    mask = valid.repeat_interleave(tokens.shape[2], dim=1).long()
    return {"input_ids": tokens.flatten(1), "attention_mask": mask}
