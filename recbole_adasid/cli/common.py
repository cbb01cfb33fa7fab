"""Options that several subcommands have, with one name and one sentence everywhere."""

from __future__ import annotations

from recbole_adasid.cli.options import ANY, COUNT, MAPPING, NUMBER, SWITCH, Option
from recbole_adasid.settings.errors import SettingsError

RUN_FOLDER = Option("run_folder", "FOLDER", "folder of a finished run")
BUNDLE = Option("bundle", "FOLDER", "a SID bundle, as `recbole-adasid bundle` makes it")
OUT = Option("out", "PATH", "where the result goes")
NAME = Option("name", "NAME", "name of the dataset")
TRUSTED = Option(
    "trusted", "true", "the run is your own: what its settings name may be fetched (default: false)", SWITCH, False
)
DEVICE = Option("device", "NAME", "torch device, such as cuda (default: cpu)", default="cpu")
SHOW_PROGRESS = Option("show_progress", "false", "no progress bars", SWITCH, True)
# A data set and the settings of runs on it.
DATASET = Option("dataset", "NAME", "a preset, or any NAME with --data_path=FOLDER holding NAME/NAME.inter")
DATA_PATH = Option("data_path", "FOLDER", "folder of the datasets; ml-100k needs none")
CONFIG_FILES = Option(
    "config_files",
    "FILES",
    "YAML files of settings, separated by spaces (a path with spaces quoted once more); later ones win, the command "
    "line wins over all",
)
SETTINGS = Option("KEY", "VALUE", "any setting of `recbole-adasid train`")
SEEDS = Option("seeds", "1,2", "seeds, separated by commas (default: 2020)", default="2020")
PROXY_EXAMPLES = Option(
    "proxy_examples", "N", "examples that the proxy of NDCG is trained on (default: 300000)", COUNT, least=1
)
# Tables that people bring.
COLUMNS = Option("columns", "MAPPING", 'what the columns are called, such as "{item_id: sku, title: name}"', MAPPING)
DELIMITER = Option(
    "delimiter", "NAME", "between the cells of a CSV: comma, semicolon, tab or bar (default: comma; .tsv: tab)"
)
# Work that is done here or by Ray.
MEMORY = Option("memory", "1.0", "GiB for sorting and numbering", NUMBER, 1.0, least=0.1)
ENGINE = Option(
    "engine",
    "ray",
    "work on Ray (extra `ray`); default: local, in this process",
    default="local",
    choices=("local", "ray"),
    old=("pair_engine",),
)
RAY_ADDRESS = Option("ray_address", "ADDRESS", "a running Ray cluster (default: one is started on this machine)")
RAY_WORKERS = Option("ray_workers", "N", "processes of the cluster that is started here (default: one per core)", ANY)
RAY_WORKER_MEMORY = Option("ray_worker_memory", "2.0", "GiB that a process may take", NUMBER, 2.0, least=0.25)
RAY = (ENGINE, RAY_ADDRESS, RAY_WORKERS, RAY_WORKER_MEMORY)


def seed_list(text: str) -> list[int]:
    """Return the seeds that --seeds names.

    Raises:
        SettingsError: if they are no whole numbers.
    """
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise SettingsError(f"seeds={text!r} is no list of whole numbers: write --seeds=2020,2021.") from None
