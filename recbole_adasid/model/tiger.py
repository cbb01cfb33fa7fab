"""TIGER: the network and its catalogue, in terms of item ids."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.network.stack import Memory
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.network.tree_places import Places
from recbole_adasid.model.prefix_tree import PrefixTree
from recbole_adasid.model.search.beam_search import beam_search
from recbole_adasid.model.search.exclusion import Excluded, Exclusion
from recbole_adasid.model.search.exhaustive import score_all_items, score_targets

USERS_AT_ONCE = {"cpu": 32, "cuda": 512}
"""Users decoded together by kind of device: enough for full speed, few enough to bound memory and padding."""

_WIDE = 256  # beams; for wider ones fewer users are decoded together


class TIGERModel(nn.Module):
    """Generative recommender (Rajput et al. 2023, arXiv 2305.05065) with an item-id interface.

    Histories are item ids [B, T], oldest first, padded on the right with 0, of ``lengths`` [B]. ``users`` [B] are
    needed only when the network has user tokens.

    Args:
        network: with the catalogue's level sizes.
        catalogue: all items.
        trained: bool [N + 1], items that training predicts; a softmax over the tree is over these while training, so
            that the others are not pushed away before they can be recommended. None: all.

    Raises:
        ValueError: network and catalogue differ in their level sizes.
    """

    trained: Tensor  # bool [N + 1], with a softmax over the tree

    def __init__(self, *, network: TIGERNetwork, catalogue: Catalogue, trained: Tensor | None = None) -> None:
        super().__init__()
        if network.vocabulary.level_sizes != catalogue.level_sizes:
            raise ValueError(
                f"the network has level sizes {network.vocabulary.level_sizes}, the catalogue"
                f" {catalogue.level_sizes}: build the network with level_sizes=catalogue.level_sizes"
            )
        self.network = network
        self.catalogue = catalogue
        self._trees: tuple[PrefixTree, PrefixTree, PrefixTree | None] | None = None
        self.register_load_state_dict_post_hook(lambda model, _: setattr(model, "_trees", None))
        if network.softmax.over_tree:
            everything = torch.arange(catalogue.n_items + 1) > 0
            self.register_buffer("trained", everything if trained is None else trained.clone())

    @property
    def training_tree(self) -> PrefixTree | None:
        """Prefix tree of the items that training predicts; None if the softmax is not over the tree."""
        return self._trees_of_softmax()[0] if self.network.softmax.over_tree else None

    @property
    def root(self) -> Places | None:
        """Place of the empty prefix among trained and all items; None if the softmax is not over the tree."""
        return Places.root(*self._trees_of_softmax()) if self.network.softmax.over_tree else None

    def _trees_of_softmax(self) -> tuple[PrefixTree, PrefixTree | None]:
        """Return the prefix tree of the trained items and, if there are others, that of all, removed ones included."""
        catalogue, known = self.catalogue, self._trees
        moved = known is not None and known[1].leaf_items.device != catalogue.tokens.device
        if known is None or moved or known[0] is not catalogue.tree:
            ids = torch.arange(1, catalogue.n_items + 1, device=catalogue.tokens.device)
            of_trained = self.trained.nonzero()[:, 0]
            whole = catalogue.tree if catalogue.tree.n_items == len(ids) else catalogue.tree_of(ids)
            if known is not None and not moved:
                trained = known[1]  # other items were added or removed
            else:
                trained = whole if len(of_trained) == len(ids) else catalogue.tree_of(of_trained)
            self._trees = known = catalogue.tree, trained, None if len(of_trained) == len(ids) else whole
        return known[1:]

    def adopt(self, catalogue: Catalogue, features: Tensor) -> None:
        """Recommend from a catalogue changed since training.

        Args:
            catalogue: the training items followed by further ones.
            features: float [A, d] of the further ones, if the model reads any.
        """
        self.catalogue = catalogue

    def sharing_weights(self) -> TIGERModel:
        """Return a model with the same weights that can :meth:`adopt` another catalogue."""
        other = copy(self)
        other._modules = dict(self._modules)
        return other

    def encode(self, history_items: Tensor, lengths: Tensor, users: Tensor | None = None) -> Memory:
        """Encode histories of item ids [B, T]."""
        return self._placed(self.network.encode(self.catalogue(history_items), lengths, users))

    def _placed(self, memory: Memory) -> Memory:
        """Give decoding the catalogue's Semantic IDs, for a softmax over their tree."""
        return replace(memory, standing=memory.standing._replace(places=self.root))

    def training_loss(
        self, history_items: Tensor, lengths: Tensor, target_items: Tensor, users: Tensor | None = None
    ) -> Tensor:
        """Return the mean cross-entropy of the targets' tokens (``target_items`` [B])."""
        memory = self.network.encode(self.catalogue(history_items), lengths, users)
        return self.network.target_loss(memory, self.catalogue(target_items), self.training_tree)

    def sequence_loss(
        self, items: Tensor, lengths: Tensor, *, skipped: Tensor | None = None, users: Tensor | None = None
    ) -> Tensor:
        """Return the mean cross-entropy of the tokens of every item [B, n] given the items before it, in one pass.

        Arguments are those of :meth:`~recbole_adasid.model.network.tiger_network.TIGERNetwork.read_sequences`.
        """
        tokens = self.catalogue(items)
        memory, predicted = self.network.read_sequences(tokens, lengths, skipped=skipped, users=users)
        return self.network.predicted_loss(memory, tokens[:, 1:], predicted, self.training_tree)

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
        """Return the ``k`` best items by beam search and their log-probabilities, [B, k] each.

        ``tree`` restricts the items for all users; ``excluded`` excludes items per user, as pairs or as a table int64
        [B, X] padded with 0; see :func:`~recbole_adasid.model.search.beam_search.beam_search`.

        If the beam finds fewer, the rest is item 0 with score −inf. Users of similar history lengths are decoded
        together, so that a short history does not pay for the longest one's padding.
        """
        tree = self.catalogue.tree if tree is None else tree
        pairs = Excluded.of_table(excluded) if isinstance(excluded, Tensor) else excluded
        exclusion = None if pairs is None else Exclusion(tree, pairs)
        order = lengths.argsort(stable=True)
        at_once = USERS_AT_ONCE.get(lengths.device.type, len(lengths))
        found = [
            beam_search(
                self.network,
                tree,
                self.encode(
                    history_items[rows, : max(1, int(lengths[rows[-1]]))],
                    lengths[rows],
                    None if users is None else users[rows],
                ),
                beam_size=beam_size,
                k=k,
                exclusion=None if exclusion is None else exclusion.of(rows),
            )
            for rows in order.split(max(1, at_once * _WIDE // max(_WIDE, min(beam_size, tree.n_nodes[-1]))))
        ]
        items, scores = (torch.cat(parts) for parts in zip(*found))
        back = order.argsort()
        return items[back], scores[back]

    @torch.no_grad()
    def score_items(self, history_items: Tensor, lengths: Tensor, users: Tensor | None = None) -> Tensor:
        """Return the exact log-probability of every item, [B, N + 1]; column 0 is −inf. For small catalogues."""
        memory = self.encode(history_items, lengths, users)
        return score_all_items(self.network, self.catalogue, memory)

    @torch.no_grad()
    def score_targets(
        self, history_items: Tensor, lengths: Tensor, target_items: Tensor, users: Tensor | None = None
    ) -> Tensor:
        """Return the exact log-probability [B] of ``target_items`` [B], one for each history."""
        memory = self.encode(history_items, lengths, users)
        return score_targets(self.network, memory, self.catalogue(target_items))
