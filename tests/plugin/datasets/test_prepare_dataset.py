"""A dataset that is not there is downloaded and converted when asked, from a server on this machine, and then used."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from recbole.data import create_dataset

from recbole_adasid.cli.train import main
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.settings.errors import SettingsError

Settings = dict[str, object]


class Quiet(SimpleHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path, tiny_data: Path) -> Iterator[Settings]:
    """Settings that name, on a server, the dataset `tiny` as raw reviews and metadata."""
    folder = tmp_path / "web"
    folder.mkdir()
    reviews = [
        {"reviewerID": user, "asin": item, "unixReviewTime": int(time)} for user, item, time in rows_of(tiny_data)
    ]
    items = sorted({str(review["asin"]) for review in reviews})
    texts = {
        "reviews.json.gz": "".join(json.dumps(review) + "\n" for review in reviews),
        "meta.json.gz": "".join(repr({"asin": item, "title": f"thing {item}", "imUrl": ""}) + "\n" for item in items),
    }
    for name, text in texts.items():
        (folder / name).write_bytes(gzip.compress(text.encode()))
    Quiet.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        yield {
            **{"reviews_url": f"{address}/reviews.json.gz", "metadata_url": f"{address}/meta.json.gz"},
            "reviews_sha256": hashlib.sha256((folder / "reviews.json.gz").read_bytes()).hexdigest(),
        }
        server.shutdown()
        thread.join()


def rows_of(data_path: Path) -> list[list[str]]:
    lines = (data_path / "tiny" / "tiny.inter").read_text(encoding="utf-8").splitlines()[1:]
    return [line.split("\t") for line in lines]


def test_the_main_job_downloads_converts_and_goes_on(web, tiny_data, tiny_settings, tmp_path, capsys):
    settings = {**tiny_settings, **web, "data_path": str(tmp_path / "data"), "dataset": "toys"}
    command = [f"--{key}={value}" for key, value in settings.items()]
    assert main(command) == 2
    assert "Add --download=true to the command to download it from 127.0.0.1:" in capsys.readouterr().err
    assert Quiet.asked == [] and not (tmp_path / "data").exists()

    assert main([*command, "--download=true", f"--run_folder={tmp_path / 'run'}"]) == 0
    assert Quiet.asked == ["/reviews.json.gz", "/meta.json.gz"]
    made = tmp_path / "data" / "toys" / "toys.inter"
    assert made.read_bytes() == (tiny_data / "tiny" / "tiny.inter").read_bytes()
    log = (tmp_path / "run" / "run.log").read_text()
    assert "Downloading http://127.0.0.1" in log and "5-core" in log
    assert (tmp_path / "run" / "metrics.json").is_file()

    create_dataset(build_config({**settings, "download": True}))
    assert len(Quiet.asked) == 2  # what is there is not asked for again


def test_a_wrong_checksum_leaves_no_dataset(web, tiny_settings, tmp_path):
    settings = {**tiny_settings, **web, "data_path": str(tmp_path / "data"), "dataset": "toys", "download": True}
    with pytest.raises(ValueError, match="has the SHA-256"):
        create_dataset(build_config({**settings, "metadata_sha256": "0" * 64}))
    assert not list((tmp_path / "data" / "toys").glob("toys.*"))


def test_a_download_needs_an_address(tmp_path):
    settings = {"dataset": "toys", "data_path": str(tmp_path), "download": True}
    with pytest.raises(SettingsError, match=r"the dataset 'toys' has no address: set reviews_url"):
        create_dataset(build_config(settings))


@pytest.mark.parametrize("name", ["amazon-toys", "amazon-beauty"])
def test_the_presets_of_amazon_know_the_public_files(name, tmp_path):
    config = build_config({"dataset": name, "data_path": str(tmp_path)})
    assert config["download"] is False
    for kind, ending in (("reviews", "_5.json.gz"), ("metadata", ".json.gz")):
        assert config[f"{kind}_url"].startswith("https://snap.stanford.edu/data/amazon/productGraph/categoryFiles/")
        assert config[f"{kind}_url"].endswith(ending)
    with pytest.raises(SettingsError, match="--download=true to the command to download it from snap.stanford.edu"):
        create_dataset(config)


def tables(folder: Path, tiny_data: Path) -> Settings:
    """Settings that name the dataset `tiny` as two CSV files with other names of columns."""
    rows = rows_of(tiny_data)
    lines = [f"{item},{user},{time}\n" for user, item, time in rows]
    (folder / "orders.csv").write_text("sku,customer,when\n" + "".join(lines))
    names = [f'{item},"Thing, ""{item}"""\n' for item in sorted({item for _, item, _ in rows})]
    (folder / "products.csv").write_text("sku,name\n" + "".join(names))
    return {
        **{"interactions_table": str(folder / "orders.csv"), "items_table": str(folder / "products.csv")},
        "interactions_columns": {"user_id": "customer", "item_id": "sku", "timestamp": "when"},
        "items_columns": {"item_id": "sku", "title": "name"},
    }


def test_the_main_job_starts_from_tables(tiny_data, tiny_settings, tmp_path):
    settings = {**tiny_settings, **tables(tmp_path, tiny_data), "data_path": str(tmp_path / "data"), "dataset": "shop"}
    command = [f"--{key}={value}" for key, value in settings.items()]
    assert main([*command, f"--run_folder={tmp_path / 'run'}"]) == 0
    made = tmp_path / "data" / "shop"
    assert (made / "shop.inter").read_bytes() == (tiny_data / "tiny" / "tiny.inter").read_bytes()
    assert 'i3\tThing, "i3"' in (made / "shop.item").read_text()
    assert "5-core" in (tmp_path / "run" / "run.log").read_text()


def test_tables_are_not_read_again_where_the_dataset_is_there(tiny_data, tiny_settings, tmp_path, caplog):
    settings = {**tiny_settings, **tables(tmp_path, tiny_data), "data_path": str(tmp_path / "data"), "dataset": "shop"}
    create_dataset(build_config(settings))
    (tmp_path / "orders.csv").unlink()
    with caplog.at_level("INFO", logger="recbole_adasid"):
        create_dataset(build_config(settings))
    assert "is not read again; to convert again, remove shop.inter and shop.item" in caplog.text


def test_a_column_that_a_table_lacks_is_named_and_leaves_no_dataset(tiny_data, tiny_settings, tmp_path):
    settings = {**tiny_settings, **tables(tmp_path, tiny_data), "data_path": str(tmp_path / "data"), "dataset": "shop"}
    with pytest.raises(SettingsError, match="'who'"):
        create_dataset(build_config({**settings, "interactions_columns": {"user_id": "who"}}))
    assert not list((tmp_path / "data" / "shop").glob("shop.*"))


def test_mistakes_about_tables_name_the_settings_of_the_main_job(tiny_data, tiny_settings, tmp_path):
    settings = {**tiny_settings, **tables(tmp_path, tiny_data), "data_path": str(tmp_path / "data"), "dataset": "shop"}
    orders = tmp_path / "orders.csv"
    with pytest.raises(SettingsError, match=r"for title among sku, name: .* --items_columns=\"{title: name}\""):
        create_dataset(build_config({**settings, "items_columns": {"item_id": "sku", "title": "nam"}}))
    with pytest.raises(SettingsError, match="--interactions_columns="):
        create_dataset(build_config({**settings, "interactions_columns": {}}))
    orders.write_text(orders.read_text().replace(",", ";"))
    with pytest.raises(SettingsError, match="separated by semicolons, not by commas; set --table_delimiter=semicolon"):
        create_dataset(build_config(settings))
    assert len(create_dataset(build_config({**settings, "table_delimiter": "semicolon"})))  # the products have commas
    shutil.rmtree(tmp_path / "data")
    (tmp_path / "products.csv").write_text("sku;name\n" + "".join(f"i{n};thing {n}\n" for n in range(20)))
    assert len(create_dataset(build_config({**settings, "table_delimiter": "semicolon"})))
    with pytest.raises(SettingsError, match="table_delimiter=';' has to be|Unknown table_delimiter ';'"):
        build_config({**settings, "table_delimiter": ";"})


def test_interactions_join_an_item_file_that_is_there(tiny_data, tiny_settings, tmp_path):
    given = {key: value for key, value in tables(tmp_path, tiny_data).items() if not key.startswith("items_")}
    home = tmp_path / "data" / "shop"
    home.mkdir(parents=True)
    own = (tiny_data / "tiny" / "tiny.item").read_bytes()
    (home / "shop.item").write_bytes(own)
    settings = {**tiny_settings, **given, "data_path": str(tmp_path / "data"), "dataset": "shop"}
    create_dataset(build_config(settings))
    assert (home / "shop.inter").read_bytes() == (tiny_data / "tiny" / "tiny.inter").read_bytes()
    assert (home / "shop.item").read_bytes() == own


def test_items_alone_make_no_dataset(tiny_settings):
    with pytest.raises(SettingsError, match="items_table needs interactions_table"):
        build_config({**tiny_settings, "items_table": "products.csv"})


def test_lines_left_out_are_a_warning(tiny_data, tiny_settings, tmp_path, caplog):
    settings = {**tiny_settings, **tables(tmp_path, tiny_data), "data_path": str(tmp_path / "data"), "dataset": "shop"}
    with (tmp_path / "orders.csv").open("a") as file:
        file.write("i1,u1,yesterday\n")
    with caplog.at_level("INFO"):
        create_dataset(build_config(settings))
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "orders.csv" in warning and "1 left out: 1 with a time that cannot be read" in warning
