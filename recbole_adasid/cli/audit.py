"""`recbole-adasid audit`: did a run learn from held-out interactions?"""

from __future__ import annotations

from recbole_adasid.cli.shared.command import Command
from recbole_adasid.cli.shared.common import RUN_FOLDER, TRUSTED
from recbole_adasid.cli.shared.options import need, read_options

ABOUT = """\
Check that a run learned nothing from held-out interactions: its settings and dataset are re-examined, and each
statement is printed with ok, VIOLATED or UNKNOWN.

The run may be someone else's: files named by its settings are only downloaded with --trusted=true. The exit status is 0
if all statements hold, 1 if not, 2 for an error.
"""
OPTIONS = (RUN_FOLDER, TRUSTED)
_VERDICTS = {True: "ok      ", False: "VIOLATED", None: "UNKNOWN "}


def _work(given: list[str]) -> int:
    values = read_options("audit", given, OPTIONS)
    need(values, (RUN_FOLDER,), "audit")
    from recbole_adasid.plugin.audit import audit

    found = audit(values["run_folder"], trusted=values["trusted"])
    for statement, holds in found:
        print(f"{_VERDICTS[holds]}  {statement}")
    return 0 if all(holds for _, holds in found) else 1


COMMAND = Command(
    name="audit",
    summary="check that a run learned nothing from held-out interactions",
    usage=("--run_folder=FOLDER [--trusted=true]",),
    about=ABOUT,
    options={"options": OPTIONS},
    work=_work,
    resume_hint="nothing was changed: run the same command again",
    log_level=None,
    runs_bare=True,  # 0 means that all statements hold, so it needs a run
)
