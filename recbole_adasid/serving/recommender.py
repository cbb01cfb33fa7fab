"""Recommend from a finished run: item tokens in, recommended items out. Needs neither RecBole nor the dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import ArrayLike

from recbole_adasid.data.item_labels import ItemLabel, read_labels
from recbole_adasid.hub.published import Published
from recbole_adasid.io.checked_input import history_lists, number_of_items, share_of_places, switch, token_list
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.model_file import read_model
from recbole_adasid.run_folder.run_items import items_of
from recbole_adasid.serving.batch_search import Search, report_unknown
from recbole_adasid.serving.catalogue_changes import Arrival, Departure
from recbole_adasid.serving.item_filters import chosen_items, item_numbers
from recbole_adasid.serving.live_catalogue import LiveCatalogue
from recbole_adasid.serving.new_item_encoder import NewItemEncoder
from recbole_adasid.serving.published_run import LAYOUT, check_published, write_published_run
from recbole_adasid.serving.trained_model import served_settings, trained_model


class Recommendation(NamedTuple):
    """A recommended item."""

    item: str
    score: float
    """Log-probability of the item's Semantic ID after the history, or LIGER's dense score of the item."""
    title: str = ""
    category: str = ""


class Recommender(Published):
    """A trained TIGER and the tokens of its items.

    Args:
        model: in evaluation mode.
        tokens: of the N items, in the order of the model's catalogue.
        max_history: number of last history items that the model reads.
        beam_size: prefixes kept by the search.
        live: the items; None: the model's own, without titles and immutable.
    """

    LAYOUT = LAYOUT
    _downloaded = False

    def __init__(
        self,
        model: TIGERModel,
        tokens: Sequence[str],
        *,
        max_history: int,
        beam_size: int,
        live: LiveCatalogue | None = None,
    ) -> None:
        self.model, self.max_history, self.beam_size = model, max_history, beam_size
        self._live = live or LiveCatalogue(model.catalogue, tokens, labels={})
        self.model.adopt(self._live.catalogue, self._live.features)

    @property
    def live(self) -> LiveCatalogue:
        """The items; to change them, use :meth:`add_items` and :meth:`remove_items`."""
        return self._live

    @property
    def tokens(self) -> list[str]:
        """Tokens of all present and removed items, in catalogue order."""
        return self._live.tokens

    @property
    def labels(self) -> Mapping[str, ItemLabel]:
        """Known titles and categories by item token."""
        return self._live.labels

    @classmethod
    def load(
        cls,
        run_folder: str | Path,
        *,
        device: str = "cpu",
        trusted: bool = False,
        retrieval: str | None = None,
        new_item_bias: float | None = None,
    ) -> Recommender:
        """Load the recommender of a finished run.

        Args:
            run_folder: run folder.
            device: torch device.
            trusted: the run is your own: for new items, text and image models may be downloaded or loaded from folders
                in its settings, and images be downloaded.
            retrieval: for LIGER: dense, generative or hybrid; None: the run's setting.
            new_item_bias: for LIGER: added to the cosine of items that training did not see, from -2 to 2; None: the
                run's setting. What is chosen here is not saved or published with the run.

        Raises:
            FileNotFoundError: if the folder lacks the model or the Semantic IDs.
            DamagedFile: if one of them is damaged, or they belong to different runs.
            ValueError: if the model needs to know the user (`n_user_tokens`), or cannot be served as chosen.
        """
        folder = RunFolder.existing(run_folder, with_semantic_ids=True, needs="model.safetensors")
        kept: dict[str, Any] = {"folder": folder, "run_stamps": folder.stamps()}  # stamps from before it is read
        saved = read_model(folder.model_path, trusted=trusted)
        settings = served_settings(saved, retrieval=retrieval, new_item_bias=new_item_bias)
        tokens, model = items_of(folder, saved), trained_model(saved, settings).to(device).eval()
        live = LiveCatalogue(
            model.catalogue,
            tokens,
            labels=read_labels(folder.labels_path, tokens),
            **kept,
            encoder=NewItemEncoder(folder, settings, trusted=trusted),
            digest=saved.about["data"]["digest"],
            content_width=saved.about.get("content_width") or 0,
        )
        lengths = {"max_history": settings["MAX_ITEM_LIST_LENGTH"], "beam_size": settings["beam_size"]}
        return cls(model, tokens, **lengths, live=live)

    def copy(self) -> Recommender:
        """Return a recommender that shares the weights and has the same items, which can be changed independently."""
        model, lengths = self.model.sharing_weights(), {"max_history": self.max_history, "beam_size": self.beam_size}
        other = Recommender(model, self.tokens, **lengths, live=self._live.copy())
        other._downloaded = self._downloaded
        return other

    @property
    def run_settings(self) -> Mapping[str, Any]:
        """Settings of the recommender's run; empty without a run."""
        return self._live.run_settings

    @property
    def n_recommended(self) -> int:
        """Number of items that may be recommended."""
        return int(self._live.recommended.sum())

    @property
    def n_added(self) -> int:
        """Number of items added after the run that can be recommended."""
        return int(self._live.recommended[self._live.n_of_run + 1 :].sum())

    def recommend(
        self,
        history: Sequence[str],
        k: int = 10,
        *,
        exclude_seen: bool = True,
        allow: Iterable[str] | None = None,
        deny: Iterable[str] = (),
        category: str | None = None,
        new_share: float = 0.0,
    ) -> list[Recommendation]:
        """Return the ``k`` best items after a history of item tokens, oldest first; see :meth:`recommend_many`.

        Raises:
            ValueError: if no item of the history is known, or as :meth:`recommend_many`.
        """
        tokens = token_list(history, "the history")
        self._live.known(tokens)  # refuses a history without any
        filters: dict[str, Any] = {"allow": allow, "deny": deny, "category": category, "new_share": new_share}
        return self.recommend_many([tokens], k, exclude_seen=exclude_seen, **filters)[0]

    def recommend_many(
        self,
        histories: Sequence[Sequence[str]],
        k: int = 10,
        *,
        exclude_seen: bool = True,
        allow: Iterable[str] | None = None,
        deny: Iterable[str] = (),
        category: str | None = None,
        new_share: float = 0.0,
        progress: bool = False,
        warn_unknown: bool = True,
    ) -> list[list[Recommendation]]:
        """Return up to ``k`` best items, best first, after each history of item tokens, oldest first.

        Unknown history items are skipped, with one warning for all; a history without known items gets no
        recommendations.

        Args:
            histories: any number, of any length; the model reads the last ``max_history`` known items of each.
            k: items for each; fewer if there are not enough items to recommend.
            exclude_seen: leave out all items of the history, including those too old to be read.
            allow: recommend only these. Filters act inside the search: no beam is spent on excluded items.
            deny: never recommend these.
            category: recommend only items whose category contains it as whole words, ignoring case: for
                `Home > Kitchen > Tea`, Home, or kitchen, or Kitchen > Tea.
            new_share: share of places for items added after training, which rarely get one otherwise; see
                :func:`~recbole_adasid.model.search.interleave.interleave`. 0: they compete with all others.
            progress: show a progress bar.
            warn_unknown: log a warning about unknown history items.

        Raises:
            ValueError: for histories or filters that are not lists of strings, k that is not a positive integer, an
                invalid share, or filters that name unknown items or leave none.
        """
        k, share = number_of_items(k), share_of_places(new_share)
        exclude_seen, given = switch(exclude_seen, "exclude_seen"), history_lists(histories)
        chosen = chosen_items(self._live, allow, deny, category)
        trees = self._live.trees.of(chosen.items, by_age=share > 0, name=chosen.category)
        k = min(k, sum(tree.n_items for tree in trees))
        search = Search(k, self.beam_size, self.max_history, exclude_seen, chosen.denied, trees, share)
        number_of = self._live.numbers.get
        known = [[number for token in history if (number := number_of(token))] for history in given]
        if warn_unknown:
            report_unknown(given, known, self._live.numbers)
        found = search.after_each(self.model, known, progress=progress)
        return [[self._recommendation(item, score) for item, score in items] for items in found]

    def _recommendation(self, item: int, score: float) -> Recommendation:
        token = self.tokens[item - 1]
        return Recommendation(token, score, *self.labels.get(token, ItemLabel()))

    def add_items(
        self,
        tokens: Sequence[str],
        *,
        features: ArrayLike | None = None,
        table: Any = None,
        labels: Sequence[ItemLabel] | None = None,
        bad_items: str = "refuse",
    ) -> Arrival:
        """Assign Semantic IDs to items that the model was not trained on; they can be recommended immediately.

        Codebooks, network and the Semantic IDs of all other items are unchanged; see
        :func:`~recbole_adasid.learning.placement.place`. Items already in the catalogue keep theirs, so the call is
        idempotent; removed items get their former Semantic ID back. Call :meth:`save` to save the change.

        Args:
            tokens: of the A items.
            features: float [A, d], vectors of the kind that the tokenizer was trained on.
            table: or the columns of the run's `.item` file, lists by name or a frame; cells may be as in `items add`.
            labels: titles and categories [A]; by default from the table.
            bad_items: ``refuse`` changes nothing if an item cannot be added, ``skip`` adds the others and reports it.

        Raises:
            ValueError: if features or table do not fit, or an item cannot be added: it has no content, non-finite
                features or no free place, or occurs twice. Nothing is changed then.
        """
        given: dict[str, Any] = {"features": features, "table": table, "labels": labels}
        arrival = self._live.add(token_list(tokens, "tokens"), **given, bad_items=bad_items)
        self.model.adopt(self._live.catalogue, self._live.features)
        return arrival

    def remove_items(self, tokens: Iterable[str], *, bad_items: str = "refuse") -> Departure:
        """Stop recommending items; histories may still contain them. Call :meth:`save` to save the change.

        Args:
            tokens: of the items; those already removed stay removed.
            bad_items: ``refuse`` changes nothing if an item is unknown, ``skip`` removes the others and reports it.

        Raises:
            ValueError: if an item is not in the catalogue, or none would be left.
        """
        departure = self._live.remove(token_list(tokens, "tokens", ordered=False), bad_items=bad_items)
        self.model.adopt(self._live.catalogue, self._live.features)
        return departure

    def semantic_ids(self, tokens: Iterable[str]) -> list[list[int]]:
        """Return codes and suffix of items, counted from 0 on every level.

        Raises:
            ValueError: for an unknown item, or a string in place of a list.
        """
        names = token_list(tokens, "tokens")
        item_numbers(self._live, names, "the question")
        return self._live.semantic_ids(names)

    def save(self, *, locked: bool = False) -> Path:
        """Save added and removed items to a file in the run folder that :meth:`load` reads; return its path.

        That file exists once items were added or removed. Each action is also a line of new-items.jsonl next to it.

        Args:
            locked: the caller has the folder :meth:`~recbole_adasid.run_folder.folder.RunFolder.in_use` already.

        Raises:
            ValueError: if the recommender has no run, or was loaded from the hub.
            InUse: if another process uses the folder, or changed its items or trained it again since they were loaded.
            CannotWrite: if the disk is full.
        """
        if self._downloaded:
            raise ValueError(
                "this recommender was loaded from the hub, whose cache must not change: save it with its new items to "
                "a folder of your own, with save_pretrained(folder), or publish it, with push_to_hub(name)"
            )
        return self._live.save(locked=locked)

    def _write_repository(self, folder: Path, *, name: str, license: str) -> None:
        write_published_run(self._live, folder, name=name, license=license)

    @classmethod
    def _read_repository(cls, folder: Path, *, downloaded: bool, **options: Any) -> Recommender:
        check_published(folder)
        recommender = cls.load(folder, **options)
        recommender._downloaded = downloaded
        return recommender
