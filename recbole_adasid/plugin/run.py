"""The main job around its stages: settings, processes, and the locked run folder."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from recbole_adasid.distributed.joining import joined
from recbole_adasid.distributed.world import world
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.config.run_settings import run_folder, training_key, writable
from recbole_adasid.plugin.datasets.frame_dataset import dataset_of_frames
from recbole_adasid.plugin.logs import silence, start_logging, stop_logging
from recbole_adasid.plugin.output.earlier_run import refuse_other_recommender, write_first_settings
from recbole_adasid.plugin.peers.names import is_tiger
from recbole_adasid.plugin.peers.run import run_peer
from recbole_adasid.plugin.tracking.kept_runs import KeptRuns
from recbole_adasid.plugin.tracking.trackers import tracked
from recbole_adasid.plugin.train import train
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.run_folder.warm_start import check_warm_start
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.reading import Paths

logger = logging.getLogger(__name__)


def run(
    settings: Mapping[str, Any] | None = None, config_files: Paths = (), *, interactions: Any = None, items: Any = None
) -> dict[str, Any]:
    """Run the whole job: learn Semantic IDs, train TIGER on them, test the best epoch, write the run folder.

    Another RecBole `model` is trained and tested on the same data, without Semantic IDs.
    Processes started by torchrun share the job; rank 0 writes, and all return the same.

    Args:
        settings: keys of `props/` and of RecBole, such as `dataset`, `tokenizer`, `epochs`.
        config_files: one or more YAML settings files; `settings` override them.
        interactions: a pandas, Polars or Arrow table of interactions, in place of a dataset in files; the settings
            `interactions_columns` and `table_time_unit` describe it.
        items: a table of their items, described by `items_columns`.

    Returns:
        `best_valid` and `test` (metric → value), `run_folder` (Path) and `semantic_ids` (what was learned, or None).

    Raises:
        SettingsError: for an invalid setting or dataset, or a run folder of another recommender.
        ValueError: if `interactions` or `items` is not a table.
        ImportError: for a table if narwhals is not installed.
        InUse: if another process is using the run folder.
        CannotWrite: if the disk is full; files written before are intact.
        PeerFailed: if another process of the job failed.
    """
    with joined(), dataset_of_frames(settings or {}, config_files, interactions, items) as (given, converted):
        config = build_config(given, config_files, peers=True)
        _refuse_what_is_not_done(config)
        run_model = train if is_tiger(config) else run_peer
        if config["warm_start"]:  # before a folder is created
            check_warm_start(config, config["warm_start"], own=config["run_folder"])
        path = world().from_main(lambda: run_folder(config))
        config["run_folder"] = config["checkpoint_dir"] = str(path)
        if world().is_main:
            with _at_work(RunFolder(path), config), tracked(config, path, _kept_runs(RunFolder(path), config)):
                if converted:
                    logger.info(converted)
                return run_model(config, path)
        config["checkpoint_dir"] = "."  # RecBole creates it, though only rank 0 saves anything
        with silence():
            return train(config, path)


def _refuse_what_is_not_done(config: Any) -> None:
    if "checkpoint_dir" in config.external_config_dict:
        raise SettingsError(
            "checkpoint_dir is where RecBole's own command keeps models; here the model is in the run folder: set "
            "run_folder or run_root instead."
        )
    if world().size > 1 and not is_tiger(config):
        raise SettingsError(f"{config['model']} is trained by RecBole in one process: leave nproc and torchrun out.")


def _kept_runs(folder: RunFolder, config: Any) -> KeptRuns | None:
    """Return the tracker runs that a training resumed in a folder continues; RecBole's models do not resume."""
    # Neither Semantic IDs nor interactions are known yet.
    return KeptRuns(folder, training_key(config, "", "")) if is_tiger(config) else None


@contextmanager
def _at_work(folder: RunFolder, config: Any) -> Iterator[None]:
    """Lock the run folder and log into it for the duration of the block."""
    with folder.in_use():
        refuse_other_recommender(folder, config["model"])
        log_file = start_logging(folder.path, config["state"])
        try:
            logger.info(f"Run folder: {folder.path}")
            write_first_settings(folder, writable(config))
            yield
        except KeyboardInterrupt:
            how = "resumes from the last saved step or epoch" if is_tiger(config) else "starts over"
            logger.info(f"Stopped. The same command with --run_folder={folder.path} {how}.")
            raise
        except BaseException:
            # The caller tells the user; the traceback belongs only in the log.
            log_file.handle(logging.makeLogRecord({"levelname": "ERROR", "msg": traceback.format_exc()}))
            raise
        finally:
            stop_logging()
