"""`recbole-adasid export`: export a finished run to another runtime."""

from __future__ import annotations

from recbole_adasid.cli.shared.command import Command
from recbole_adasid.cli.shared.common import NEW_ITEM_BIAS, OUT, RETRIEVAL, RUN_FOLDER
from recbole_adasid.cli.shared.options import Option, need, read_options

ABOUT = """\
Writes a folder that recommends without this package: the network and the current catalogue, including items added since
the run.

transformers  a T5 whose `generate` gives the run's recommendations, with the function that restricts it to existing
              items (needs the extra `transformers`)
torch         encoder and decoding step as torch.export programs; for LIGER also user vectors and item keys
constraints   the prefix tree as arrays, for serving systems with constrained decoding

--out has to be a new or empty folder. It gets a README.md and, with a network, a script that recommends. A run that the
format cannot express is refused, naming the setting. A network's numbers are checked against the run's first.
"""
FORMATS = ("transformers", "torch", "constraints")
TO = Option("to", "NAME", "one of the above", choices=FORMATS)
OPTIONS = (
    RUN_FOLDER,
    TO,
    OUT,
    RETRIEVAL,
    NEW_ITEM_BIAS,
)


def _work(given: list[str]) -> None:
    values = read_options("export", given, OPTIONS)
    need(values, OPTIONS[:3], "export")
    from recbole_adasid.export.command import export

    export(values)


COMMAND = Command(
    name="export",
    summary="export a finished run to transformers, torch.export or a constrained-decoding system",
    usage=("--run_folder=runs/... --to=transformers|torch|constraints --out=FOLDER",),
    about=ABOUT,
    options={"options": OPTIONS},
    work=_work,
    resume_hint="nothing was written: run the same command again",
)
