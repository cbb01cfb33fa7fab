"""Options shared by several subcommands, with the same name and help text everywhere."""

from __future__ import annotations

from collections.abc import Container

from recbole_adasid.cli.shared.options import ANY, COUNT, MAPPING, NUMBER, SWITCH, Option
from recbole_adasid.settings.errors import SettingsError

RUN_FOLDER = Option("run_folder", "FOLDER", "folder of a finished run")
BUNDLE = Option("bundle", "FOLDER", "a SID bundle made by `recbole-adasid bundle`")
OUT = Option("out", "PATH", "output path")
NAME = Option("name", "NAME", "name of the dataset")
TRUSTED = Option(
    "trusted", "true", "the run is your own: its settings may download files (default: false)", SWITCH, False
)
DEVICE = Option("device", "NAME", "torch device, such as cuda (default: cpu)", default="cpu")
SHOW_PROGRESS = Option("show_progress", "false", "hide progress bars", SWITCH, True)
# How a finished LIGER recommends.
RETRIEVAL = Option("retrieval", "NAME", "for LIGER: dense, generative or hybrid (default: the run's setting)")
NEW_ITEM_BIAS = Option(
    "new_item_bias",
    "-0.01",
    "for LIGER: added to the cosine of items that training did not see (default: the run's setting)",
    NUMBER,
)
# A dataset and the settings of runs on it.
DATASET = Option("dataset", "NAME", "a preset, or any NAME with --data_path=FOLDER holding NAME/NAME.inter")
DATA_PATH = Option("data_path", "FOLDER", "folder of the datasets; ml-100k needs none")
CONFIG_FILES = Option(
    "config_files",
    "FILES",
    "YAML settings files, separated by spaces (quote a path with spaces again); later files override earlier ones, the "
    "command line overrides all",
)
SETTINGS = Option("KEY", "VALUE", "any setting of `recbole-adasid train`")
SEEDS = Option("seeds", "1,2", "seeds, separated by commas (default: 2020)", default="2020")
PROXY_EXAMPLES = Option("proxy_examples", "N", "training examples of the NDCG proxy (default: 300000)", COUNT, least=1)
# User-supplied tables.
COLUMNS = Option("columns", "MAPPING", 'names of the columns, such as "{item_id: sku, title: name}"', MAPPING)
DELIMITER = Option("delimiter", "NAME", "separator of a CSV: comma, semicolon, tab or bar (default: comma; .tsv: tab)")
# Work done locally or on Ray.
MEMORY = Option("memory", "1.0", "GiB for sorting and numbering", NUMBER, 1.0, least=0.1)
ENGINE = Option(
    "engine",
    "ray",
    "ray: run on Ray (extra `ray`); default: local, in this process",
    default="local",
    choices=("local", "ray"),
    old=("pair_engine",),
)
RAY_ADDRESS = Option("ray_address", "ADDRESS", "a running Ray cluster (default: start one on this machine)")
RAY_WORKERS = Option("ray_workers", "N", "processes of the cluster started here (default: one per core)", ANY)
RAY_WORKER_MEMORY = Option("ray_worker_memory", "2.0", "GiB per process", NUMBER, 2.0, least=0.25)
RAY = (ENGINE, RAY_ADDRESS, RAY_WORKERS, RAY_WORKER_MEMORY)


def refuse_seed(given: Container[str]) -> None:
    """Check that the settings given to a command with --seeds name no seed, which would not be used.

    Raises:
        SettingsError: if they do.
    """
    if "seed" in given:
        raise SettingsError("This command takes its seeds from --seeds, as in --seeds=7: leave --seed out.")


def seed_list(text: str) -> list[int]:
    """Return the seeds given by --seeds.

    Raises:
        SettingsError: if they are not whole numbers, or one is given twice.
    """
    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError:
        raise SettingsError(f"seeds={text!r} is not a list of whole numbers: write --seeds=2020,2021.") from None
    if len(set(seeds)) < len(seeds):
        raise SettingsError(f"seeds={text!r} names a seed twice: give each seed once.")
    return seeds
