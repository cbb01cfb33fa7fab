"""`recbole-adasid export`: a finished run for another runtime."""

from __future__ import annotations

from recbole_adasid.cli.shared.command import Command
from recbole_adasid.cli.shared.common import OUT, RUN_FOLDER
from recbole_adasid.cli.shared.options import Option, need, read_options

ABOUT = """\
Writes a folder that recommends without this package: the items that can be recommended now, including those added since
the run, and the network.

transformers  a T5 whose `generate` gives the run's recommendations, and the function that keeps it to existing items
              (needs the extra `transformers`)
torch         the encoder and one decoding step as programs of torch.export; for LIGER also user vectors and item keys
constraints   the prefix tree as arrays, for serving systems that take a table of constraints

--out is a new folder. It has a README.md and, with a network, a script that recommends. What a format cannot express is
refused with the setting's name. Before the folder appears, its numbers are compared with the run's.
"""
FORMATS = ("transformers", "torch", "constraints")
TO = Option("to", "NAME", "one of the above", choices=FORMATS)
OPTIONS = (
    RUN_FOLDER,
    TO,
    OUT,
    Option("retrieval", "NAME", "for LIGER: dense, generative or hybrid (default: the run's setting)"),
)


def _work(given: list[str]) -> None:
    values = read_options("export", given, OPTIONS)
    need(values, OPTIONS[:3], "export")
    from recbole_adasid.export.command import export

    export(values)


COMMAND = Command(
    name="export",
    summary="write a finished run for transformers, torch.export, or constrained decoding elsewhere",
    usage=("--run_folder=runs/... --to=transformers|torch|constraints --out=FOLDER",),
    about=ABOUT,
    options={"options": OPTIONS},
    work=_work,
    kept="nothing was written: run the same command again",
)
