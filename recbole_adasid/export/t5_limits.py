"""What T5 cannot express, and what to do about it."""

from __future__ import annotations

from recbole_adasid.model.liger import LIGERModel
from recbole_adasid.model.tiger import TIGERModel

_OTHERWISE = "or export it with --to=torch"


def check_t5_can(model: TIGERModel) -> None:
    """Check that a T5 can compute the same as a model.

    Raises:
        ValueError: naming the setting that T5 cannot express.
    """
    network = model.network
    if isinstance(model, LIGERModel) and not model.losses.generative:
        raise ValueError(
            "generative_weight=0 trained no decoder, so nothing can be generated: export it with --to=torch, or train "
            "with generative_weight above 0"
        )
    if isinstance(model, LIGERModel) and model.retrieval != "generative":
        raise ValueError(
            f"retrieval={model.retrieval} compares the history with all items, which T5 has no head for: export "
            f"the decoder with --retrieval=generative, {_OTHERWISE}"
        )
    if network.causal and network.item_tokens is None:
        raise ValueError(
            "encoder_attention=causal with encoder_input=tokens lets a token see all tokens of its own item, which T5 "
            f"cannot express: train with --model_size=paper, or with encoder_input=items, {_OTHERWISE}"
        )
    if not len(network.encoder.layers):
        raise ValueError(f"n_encoder_layers=0 leaves T5 without an encoder: train with 1 or more, {_OTHERWISE}")
