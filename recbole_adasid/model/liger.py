"""LIGER: generative and dense retrieval from one network (Yang et al. 2024, arXiv 2411.18814)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.dense.head import DenseHead, exact_scores, exact_scores_of_own, top_items
from recbole_adasid.model.dense.item_content import ItemContent
from recbole_adasid.model.dense.losses import Draws, Losses, full_softmax_loss, sampled_softmax_loss
from recbole_adasid.model.dense.repeats import Repeats
from recbole_adasid.model.network.stack import Memory
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.prefix_tree import PrefixTree
from recbole_adasid.model.search.exclusion import Excluded
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.settings.errors import check_name

_KEYS_AT_ONCE = 65_536
RETRIEVALS = ("generative", "dense", "hybrid")
HYBRID_SCORES = ("dense", "sum")


class LIGERModel(TIGERModel):
    """TIGER whose encoder also reads item features and whose last state is compared with all items.

    An item's vector, read by the encoder and compared with its state, maps its tokens, its features and, optionally, an
    embedding of its own. New items need features only.

    Args:
        network: with ``encoder_input`` "items".
        catalogue: all items.
        content: features and embeddings of the same items.
        head: turns states and vectors into scores.
        losses: their weights.
        weights: float [N + 1], sampling weights of items as candidates (item 0, padding, is never drawn); None: equal.
        retrieval: how to recommend. "generative": the beam; "dense": all items by their score; "hybrid": the beam's
            items and the best new ones by their dense score, or by the sum of log-probability and score.
        hybrid_score: "dense" or "sum".

    Raises:
        ValueError: network, catalogue and content do not match, or ``retrieval`` or ``hybrid_score`` is unknown.
    """

    weights: Tensor  # [N + 1]
    _candidates: Tensor  # int64 [C], ascending
    _draws: Draws | None

    def __init__(
        self,
        *,
        network: TIGERNetwork,
        catalogue: Catalogue,
        content: ItemContent,
        head: DenseHead,
        losses: Losses | None = None,
        weights: Tensor | None = None,
        retrieval: str = "dense",
        hybrid_score: str = "dense",
    ) -> None:
        super().__init__(network=network, catalogue=catalogue, trained=content.trained)
        if network.item_tokens is None:
            raise ValueError("LIGER's encoder reads items: build the network with encoder_input='items'")
        _check_items(catalogue, content)
        check_name("retrieval", retrieval, RETRIEVALS)
        check_name("hybrid_score", hybrid_score, HYBRID_SCORES)
        self.content, self.head = content, head
        self._own_content = (content,)  # of the training items; in a tuple, so it is registered once
        self.losses = losses or Losses()
        self.retrieval, self.hybrid_score = retrieval, hybrid_score
        self.register_buffer("weights", torch.ones(len(content.trained)) if weights is None else weights.float())
        self._choose_candidates()
        self.register_load_state_dict_post_hook(lambda model, _: model._choose_candidates())
        self._kept_keys: tuple[object, Tensor] | None = None

    def _choose_candidates(self) -> None:
        """Make the trained items the candidates of the dense loss."""
        self.register_buffer("_candidates", self.content.trained.nonzero().squeeze(1), persistent=False)
        many = len(self._candidates) > self.losses.full_softmax_items
        self._draws = Draws(self.weights[self._candidates]) if many else None

    def train(self, mode: bool = True) -> LIGERModel:
        """Switch between training and evaluation, and drop cached keys: fused optimisers do not mark weight changes."""
        self._kept_keys = None
        return super().train(mode)

    def adopt(self, catalogue: Catalogue, features: Tensor) -> None:
        """Recommend from a catalogue changed since training; see :meth:`TIGERModel.adopt`.

        Raises:
            ValueError: the features belong to other items.
        """
        content = self._own_content[0].with_items(features) if len(features) else self._own_content[0]
        _check_items(catalogue, content)
        self.catalogue, self.content = catalogue, content

    def training_loss(
        self, history_items: Tensor, lengths: Tensor, target_items: Tensor, users: Tensor | None = None
    ) -> Tensor:
        """Return the weighted sum of both losses of the next items ``target_items`` [B]."""
        with_id = self.content.drawn()
        memory = self._encode(history_items, lengths, users, with_id)
        dense = self._dense_loss(
            self._last_states(memory, lengths), target_items, with_id, self._repeats_of(history_items)
        )
        return self._weighed(lambda: self._target_loss(memory, target_items), dense)

    def sequence_loss(
        self, items: Tensor, lengths: Tensor, *, skipped: Tensor | None = None, users: Tensor | None = None
    ) -> Tensor:
        """Return the weighted sum of both losses of every item [B, n] given the items before it, in one pass."""
        with_id = self.content.drawn()
        tokens, extra = self.catalogue(items), self.content(items, with_id)
        memory, predicted = self.network.read_sequences(tokens, lengths, skipped=skipped, users=users, extra=extra)
        repeats = None if self.head.repeat is None else Repeats.of_sequences(items, predicted)
        dense = self._dense_loss(self._item_states(memory)[predicted], items[:, 1:][predicted], with_id, repeats)
        tree = self.training_tree
        return self._weighed(lambda: self.network.predicted_loss(memory, tokens[:, 1:], predicted, tree), dense)

    def _target_loss(self, memory: Memory, target_items: Tensor) -> Tensor:
        return self.network.target_loss(memory, self.catalogue(target_items), self.training_tree)

    def _weighed(self, generative: Callable[[], Tensor], dense: Tensor) -> Tensor:
        """Sum the weighted losses; a loss of weight 0 is not computed."""
        total = self.losses.dense * dense
        return total + self.losses.generative * generative() if self.losses.generative else total

    def encode(self, history_items: Tensor, lengths: Tensor, users: Tensor | None = None) -> Memory:
        """Encode histories of item ids [B, T]."""
        return self._encode(history_items, lengths, users, self.content.drawn())

    def _encode(self, items: Tensor, lengths: Tensor, users: Tensor | None, with_id: Tensor) -> Memory:
        return self._placed(self.network.encode(self.catalogue(items), lengths, users, self.content(items, with_id)))

    def _item_states(self, memory: Memory) -> Tensor:
        """Return the encoder's states of items, [B, T, D], without the user's."""
        return memory.states[:, 1:] if self.network.vocabulary.n_user_tokens else memory.states

    def _last_states(self, memory: Memory, lengths: Tensor) -> Tensor:
        last = lengths.clamp(min=1) - 1
        return self._item_states(memory)[torch.arange(len(last), device=last.device), last]

    def item_keys(self, items: Tensor, with_id: Tensor) -> Tensor:
        """Return the keys [R, D] of ``items`` [R]; ``with_id`` as from :meth:`ItemContent.drawn`."""
        assert self.network.item_tokens is not None
        tokens = self.network.item_tokens(self.network.vocabulary.token_ids(self.catalogue(items)))
        return self.head.keys(tokens + self.content(items, with_id))

    def _repeats_of(self, history_items: Tensor) -> Repeats | None:
        return None if self.head.repeat is None else Repeats.of_histories(history_items)

    def _dense_loss(self, states: Tensor, targets: Tensor, with_id: Tensor, repeats: Repeats | None) -> Tensor:
        """Return the cross-entropy of ``targets`` [E] among the trained items, from states [E, D]."""
        queries = self.head.queries(states)
        # Every target is a trained item, so it is among the candidates.
        place = torch.searchsorted(self._candidates, targets)
        smoothing = self.losses.label_smoothing
        if self._draws is None:
            bias = self.head.bias(repeats, self._candidates)
            return full_softmax_loss(queries, self.item_keys(self._candidates, with_id), place, smoothing, bias)
        drawn = self._draws(self.losses.sampled_items)
        return sampled_softmax_loss(
            queries,
            self.item_keys(targets, with_id),
            place,
            self.item_keys(self._candidates[drawn], with_id),
            drawn,
            self._draws.log_probability,
            smoothing,
            self.head.bias(repeats, self._candidates[drawn]),
            self.head.bias_of(repeats, targets[:, None])[:, 0],
        )

    @torch.no_grad()
    def recommend(
        self,
        history_items: Tensor,
        lengths: Tensor,
        *,
        k: int,
        beam_size: int,
        users: Tensor | None = None,
        tree: PrefixTree | None = None,
        excluded: Excluded | Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return the ``k`` best items by ``retrieval`` and their scores, [B, k] each; arguments as in TIGER.

        Scores are log-probabilities in generative retrieval, those of the dense head in dense retrieval.
        """
        some: dict[str, Any] = {"users": users, "tree": tree, "excluded": excluded}
        if self.retrieval == "generative":
            return super().recommend(history_items, lengths, k=k, beam_size=beam_size, **some)
        queries, repeats = self.queries(history_items, lengths, users), self._repeats_of(history_items)
        tree = self.catalogue.tree if tree is None else tree
        pairs = Excluded.of_table(excluded) if isinstance(excluded, Tensor) else excluded
        items = tree.leaf_items.long().sort().values
        bias = partial(self.head.bias, repeats, trained=self.content.trained)
        if self.retrieval == "dense":
            return top_items(queries, self.all_keys(), items, k, pairs, bias=bias)
        new = items[~self.content.trained[items]]
        return self._rerank(
            queries,
            repeats,
            super().recommend(history_items, lengths, k=beam_size, beam_size=beam_size, **some),
            top_items(queries, self.all_keys(), new, beam_size, pairs, bias=bias),
            k,
        )

    def queries(self, history_items: Tensor, lengths: Tensor, users: Tensor | None = None) -> Tensor:
        """Return the queries to compare with item keys, [B, D], for histories of item ids."""
        states = self._last_states(self.encode(history_items, lengths, users), lengths)
        with torch.autocast(states.device.type, enabled=False):
            return self.head.queries(states.float())

    def _rerank(
        self,
        queries: Tensor,
        repeats: Repeats | None,
        beam: tuple[Tensor, Tensor],
        new: tuple[Tensor, Tensor],
        k: int,
    ) -> tuple[Tensor, Tensor]:
        """Return the ``k`` best of the beam's items and new ones, each once, by dense score or by the sum.

        A new item that the beam missed has at most the log-probability of the last one found, and gets that.
        """
        items, scores = beam
        dense = exact_scores_of_own(queries, self.all_keys()[items])
        dense = dense + self.head.bias_of(repeats, items, self.content.trained)
        dense = dense.masked_fill(items == 0, -torch.inf)
        known = (new[0][:, :, None] == items[:, None, :]).any(2)
        fresh = new[1].masked_fill(known, -torch.inf)
        if self.hybrid_score == "sum":
            dense = dense + scores.masked_fill(items == 0, 0.0)
            fresh = fresh + scores.masked_fill(items == 0, torch.inf).amin(1, keepdim=True).clamp(max=0.0)
        both, ranked = torch.cat([items, new[0]], dim=1), torch.cat([dense, fresh], dim=1)
        best, chosen = ranked.topk(min(k, ranked.shape[1]))
        gap = (0, k - best.shape[1])
        found = both.gather(1, chosen).masked_fill(best == -torch.inf, 0)
        return nn.functional.pad(found, gap), nn.functional.pad(best, gap, value=-torch.inf)

    @torch.no_grad()
    def all_keys(self) -> Tensor:
        """Return the keys [N + 1, D] of all items, cached until training continues, or weights or items change."""
        state = (self.catalogue, self.content, *((p._version, p.data_ptr()) for p in self.parameters()))
        if self.training or self._kept_keys is None or self._kept_keys[0] != state:
            everything = torch.arange(self.catalogue.n_items + 1, device=self.content.trained.device)
            with torch.autocast(everything.device.type, enabled=False):  # kept ones must not depend on the first use
                keys = [self.item_keys(part, self.content.trained) for part in everything.split(_KEYS_AT_ONCE)]
            self._kept_keys = state, torch.cat(keys)
        return self._kept_keys[1]

    @torch.no_grad()
    def score_items(self, history_items: Tensor, lengths: Tensor, users: Tensor | None = None) -> Tensor:
        """Return a score of every item, [B, N + 1]; column 0 is −inf.

        Scores are log-probabilities in generative retrieval and dense ones otherwise, hybrid retrieval included.
        """
        if self.retrieval == "generative":
            return super().score_items(history_items, lengths, users)
        keys = self.all_keys()
        everything = torch.arange(len(keys), device=keys.device)
        bias = self.head.bias(self._repeats_of(history_items), everything, self.content.trained)
        scores = exact_scores(self.queries(history_items, lengths, users), keys, bias)
        scores[:, 0] = -torch.inf
        return scores

    @torch.no_grad()
    def score_targets(
        self, history_items: Tensor, lengths: Tensor, target_items: Tensor, users: Tensor | None = None
    ) -> Tensor:
        """Return the score [B] of ``target_items`` [B], one for each history, as in :meth:`score_items`."""
        if self.retrieval == "generative":
            return super().score_targets(history_items, lengths, target_items, users)
        queries, repeats = self.queries(history_items, lengths, users), self._repeats_of(history_items)
        scores = exact_scores_of_own(queries, self.all_keys()[target_items][:, None])[:, 0]
        return scores + self.head.bias_of(repeats, target_items[:, None], self.content.trained)[:, 0]


def _check_items(catalogue: Catalogue, content: ItemContent) -> None:
    if len(content.features) != catalogue.n_items + 1:
        raise ValueError(
            f"there are features of {len(content.features) - 1} items and {catalogue.n_items} items in the catalogue: "
            "give one row per item"
        )
