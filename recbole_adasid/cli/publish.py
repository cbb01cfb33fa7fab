"""`recbole-adasid publish`: publish a finished run or a bundle, to a folder or on the hub."""

from __future__ import annotations

import logging
from typing import Any

from recbole_adasid.cli.shared.command import Command
from recbole_adasid.cli.shared.common import BUNDLE, OUT, RUN_FOLDER
from recbole_adasid.cli.shared.options import SWITCH, Option, read_options
from recbole_adasid.settings.errors import SettingsError

ABOUT = """\
Publishes a finished run with its current catalogue, or a SID bundle: to a folder (--out), or on the Hugging Face hub
(--push_to; needs the extra `hub` and a token from `hf auth login` or HF_TOKEN; set HF_ENDPOINT for another hub).

The repository contains the model as safetensors, its items and settings, and a model card: data, training command,
metrics with intervals, code to load it, a chart of the codes. It contains no interactions, nothing about users and no
local paths. Recommender.from_pretrained(NAME) loads it by name; as a folder it also works as --run_folder or --bundle.
"""
TO_HUB = (
    Option("push_to", "USER/NAME", "repository on the hub, created if needed; one commit"),
    Option("private", "true", "make a new repository private (default: the account's setting)", SWITCH),
    Option("revision", "BRANCH", "branch of the repository, created if needed (default: main)"),
    Option("message", "TEXT", "commit message"),
)
OPTIONS = (
    RUN_FOLDER,
    BUNDLE,
    OUT,
    *TO_HUB,
    Option("license", "NAME", "licence identifier, such as mit or cc-by-4.0 (default: unknown)"),
)


def _work(given: list[str]) -> None:
    values = read_options("publish", given, OPTIONS)
    if (values["run_folder"] is None) == (values["bundle"] is None):
        raise SettingsError("Give either --run_folder or --bundle; see --help.")
    if (values["out"] is None) == (values["push_to"] is None):
        raise SettingsError("Give either --out=FOLDER or --push_to=NAME; see --help.")
    alone = [option.name for option in TO_HUB if values[option.name] is not None]
    if alone and values["push_to"] is None:
        raise SettingsError(f"--{alone[0]} is only for --push_to: leave it out.")
    license = {"license": values["license"]} if values["license"] is not None else {}
    if values["push_to"] is None:
        print(_loaded(values).save_pretrained(values["out"], **license))
        return
    from recbole_adasid.hub.client import hub_client

    hub_client(f"--push_to={values['push_to']}")  # say so before torch is imported
    how = {key: values[key] for key in ("revision", "private", "message")}
    print(_loaded(values).push_to_hub(values["push_to"], **how, **license))


def _loaded(values: dict[str, Any]) -> Any:
    if values["run_folder"] is None:
        from recbole_adasid.bundle import SIDBundle

        return SIDBundle.load(values["bundle"])
    from recbole_adasid.serving.recommender import Recommender

    return Recommender.load(values["run_folder"])


COMMAND = Command(
    name="publish",
    summary="publish a finished run or a SID bundle, to a folder or on the hub",
    usage=(
        "--run_folder=runs/... --out=FOLDER [--license=mit]",
        "--run_folder=runs/... --push_to=USER/NAME [--private=true] [...]",
        "--bundle=FOLDER --push_to=USER/NAME [...]",
    ),
    about=ABOUT,
    options={"options": OPTIONS},
    work=_work,
    log_level=logging.WARNING,
    resume_hint="everything or nothing was published: run the same command again",
)
