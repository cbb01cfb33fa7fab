"""Programs in interpreters that have imported neither RecBole nor this package, but what these import of others.

Each is forked from one process: for torch and the rest a new interpreter would need seconds.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import select
import subprocess
import sys
import tempfile
import traceback
import types
from pathlib import Path

LOADED = ["torch", "torch.distributed", "torch._dynamo", "torch.utils.tensorboard", "pandas", "scipy.sparse"]
LOADED += ["sklearn.metrics", "sklearn.decomposition", "yaml", "colorlog", "tqdm", "texttable", "thop"]


def python(code: str, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run code as `python -c` would in this working directory; return its exit status and what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder, name)) for name in ("output", "errors")]
        status = _ask([code, arguments, files, os.getcwd(), dict(os.environ if environment is None else environment)])
        printed = [Path(file).read_text(encoding="utf-8") for file in files]
    return subprocess.CompletedProcess([sys.executable, "-c", code, *arguments], status, *printed)


def _ask(job: object, within: float = 300) -> int:
    server = _server()
    assert server.stdin is not None and server.stdout is not None
    server.stdin.write(json.dumps(job) + "\n")
    server.stdin.flush()
    if not select.select([server.stdout], [], [], within)[0]:
        server.kill()
        _server.cache_clear()
        raise AssertionError(f"it runs for more than {within} seconds")
    return int(server.stdout.readline())


@functools.cache
def _server() -> subprocess.Popen[str]:
    """Start the process that the others are forked from; it ends with this one, whose pipe it reads."""
    import recbole_adasid

    places = [str(Path(recbole_adasid.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, __file__], text=True, env=environment, **pipes)


def _serve() -> None:
    for name in LOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        if child := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        else:
            os._exit(_run(*json.loads(line)))


def _run(code: str, arguments: list[str], files: list[str], folder: str, environment: dict[str, str]) -> int:
    for number, file in zip((0, 1, 2), (os.devnull, *files)):
        os.dup2(os.open(file, os.O_RDWR | os.O_CREAT), number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv, sys.path[0] = ["-c", *arguments], ""
    program = sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        exec(compile(code, "<program>", "exec"), vars(program))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    _serve()
