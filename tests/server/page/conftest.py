"""A small shop over HTTP, with an untrained model and titles as hostile as a file can hold."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from recbole_adasid.data.item_labels import ItemLabel
from recbole_adasid.model.catalogue import Catalogue
from recbole_adasid.model.network.tiger_network import TIGERNetwork
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.serving.live_catalogue import LiveCatalogue
from recbole_adasid.serving.recommender import Recommender

HOSTILE = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'> & \u202eteapot"
KINDS = ("Kettle", "Teapot", "Cup", "Saucer")


@pytest.fixture(scope="session")
def shop() -> Recommender:
    """A recommender of 48 items i0 … i47, which must not be changed; the title of i5 is hostile, and i6 has none."""
    torch.manual_seed(0)
    codes = torch.randint(4, (48, 3))
    catalogue = Catalogue(codes, [4, 4, 4])
    sizes = {"d_model": 16, "d_head": 4, "n_heads": 2, "d_ff": 24, "n_encoder_layers": 1, "n_decoder_layers": 1}
    model = TIGERModel(
        network=TIGERNetwork(level_sizes=catalogue.level_sizes, **sizes, dropout=0.0), catalogue=catalogue
    )
    tokens = [f"i{number}" for number in range(48)]
    kinds = [KINDS[int(code)] for code in codes[:, 0]]
    labels = {token: ItemLabel(f"{kind} no. {token[1:]}", f"Home > {kind}s") for token, kind in zip(tokens, kinds)}
    labels["i5"] = ItemLabel(HOSTILE, "<b>Home</b>")
    del labels["i6"]
    live = LiveCatalogue(catalogue, tokens, labels=labels)
    return Recommender(model.eval(), tokens, max_history=8, beam_size=48, live=live)


@pytest.fixture(scope="session")
def address(shop: Recommender) -> Iterator[str]:
    """The address of a server for the shop."""
    with served(shop) as address:
        yield address


@pytest.fixture
def sparing_address(shop: Recommender) -> Iterator[str]:
    """The address of a server for the shop that recommends at most five items."""
    with served(shop, max_k=5) as address:
        yield address


@pytest.fixture
def smaller_address(shop: Recommender, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server for the shop from which i1 was removed, whose model reads the last two items."""
    settings = {"MAX_ITEM_LIST_LENGTH": 2, "modalities": None, "item_features_file": "vectors.npz"}
    monkeypatch.setattr(LiveCatalogue, "run_settings", settings)
    smaller = shop.copy()
    smaller.remove_items(["i1"])
    with served(smaller) as address:
        yield address


@contextmanager
def served(shop: Recommender, **limits: int) -> Iterator[str]:
    """Serve the shop during the block; yield the server's address."""
    pytest.importorskip("fastapi")
    uvicorn = pytest.importorskip("uvicorn")
    from recbole_adasid.server.application import create_application
    from recbole_adasid.server.limits import Limits

    application = create_application(shop, limits=Limits(**limits))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive(), "the server did not end within a minute"
