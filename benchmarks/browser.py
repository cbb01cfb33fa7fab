"""A headless Chromium, driven by the WebDriver protocol (https://www.w3.org/TR/webdriver2/) over plain HTTP."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

PROGRAMS = {"browser": ("chromium", "chromium-browser", "google-chrome"), "driver": ("chromedriver",)}
OPTIONS = (
    *("--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--hide-scrollbars", "--force-device-scale-factor=1"),
)
WAIT = 60.0
KEYS = {
    **{"Backspace": "\ue003", "Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "Space": "\ue00d"},
    **{"ArrowUp": "\ue013", "ArrowDown": "\ue015"},
}
"""Keys without a character, as WebDriver names them."""


class BrowserError(RuntimeError):
    """The browser or its driver is missing, or answered with an error."""


class Browser:
    """One window of a browser with a fresh profile; use it in a `with` statement.

    Args:
        width, height: of the page, in CSS pixels.
        dark: whether the page is told that the user prefers dark colours.
        scripts: False switches JavaScript off.
    """

    def __init__(self, *, width: int = 1280, height: int = 800, dark: bool = False, scripts: bool = True) -> None:
        self._browser, self._driver = (_program(kind) for kind in PROGRAMS)
        self.width, self.height, self.dark, self.scripts = width, height, dark, scripts
        self._folder, self._address, self._session = Path(), "", ""

    def __enter__(self) -> Browser:
        """Start driver and browser."""
        self._folder = Path(tempfile.mkdtemp())
        log = self._folder / "driver.log"
        with log.open("w") as stream:
            self._process = subprocess.Popen([self._driver, "--port=0"], stdout=stream, stderr=subprocess.STDOUT)
        try:
            self._address = f"http://127.0.0.1:{_port(log)}"
            started = self._call("POST", "/session", {"capabilities": {"alwaysMatch": self._capabilities()}})
            self._session = f"/session/{started['sessionId']}"
            self.resize(self.width, self.height)
            scheme = [{"name": "prefers-color-scheme", "value": "dark" if self.dark else "light"}]
            self._devtools("Emulation.setEmulatedMedia", {"features": scheme})
            self._devtools("Emulation.setScriptExecutionDisabled", {"value": not self.scripts})
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Close the browser and end the driver."""
        if self._session:
            self._call("DELETE", "", {})
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def open(self, page: Path | str) -> None:
        """Load a file or an address."""
        self._call("POST", "/url", {"url": page if isinstance(page, str) else page.resolve().as_uri()})

    def press(self, *keys: str) -> None:
        """Press and release keys in the focused element: the characters of a text, or one of ``KEYS`` by name."""
        pressed = [code for key in keys for code in ([KEYS[key]] if key in KEYS else key)]
        actions = [{"type": kind, "value": code} for code in pressed for kind in ("keyDown", "keyUp")]
        self._call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def wait_for(self, script: str, *arguments: Any, seconds: float = 20.0) -> Any:
        """Run JavaScript until its result is true, and return that.

        Raises:
            BrowserError: if that takes longer than ``seconds``.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := self.run(script, *arguments):
                return found
            time.sleep(0.03)
        raise BrowserError(f"{script} is not true within {seconds:g} s")

    def run(self, script: str, *arguments: Any) -> Any:
        """Return what a piece of JavaScript returns."""
        return self._call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def log(self) -> list[str]:
        """Return what the console said since the last time: errors, warnings, refused requests."""
        return [entry["message"] for entry in self._call("POST", "/se/log", {"type": "browser"})]

    def resize(self, width: int, height: int) -> None:
        """Give the page another size."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._devtools("Emulation.setDeviceMetricsOverride", metrics)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Write what the window shows, or the whole page, as a PNG."""
        found = self._devtools(
            "Page.captureScreenshot", {"format": "png", "captureBeyondViewport": whole, **self._clip(whole)}
        )
        path.write_bytes(base64.b64decode(found["data"]))

    def _clip(self, whole: bool) -> dict[str, Any]:
        if not whole:
            return {}
        height = self.run("return document.documentElement.scrollHeight")
        return {"clip": {"x": 0, "y": 0, "width": self.width, "height": height, "scale": 1}}

    def _capabilities(self) -> dict[str, Any]:
        profile = f"--user-data-dir={self._folder / 'profile'}"
        # Chromium refuses to sandbox itself as root, which is what containers often run as.
        root = ["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
        return {
            "goog:chromeOptions": {"binary": self._browser, "args": [*OPTIONS, *root, profile]},
            "goog:loggingPrefs": {"browser": "ALL"},
        }

    def _devtools(self, command: str, parameters: dict[str, Any]) -> Any:
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def _call(self, method: str, path: str, body: dict[str, Any]) -> Any:
        data = json.dumps(body).encode() if method == "POST" else None
        request = urllib.request.Request(f"{self._address}{self._session}{path}", data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=WAIT) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise BrowserError(json.load(error)["value"]["message"]) from None


def is_there() -> bool:
    """Tell whether browser and driver are installed."""
    return all(any(map(shutil.which, names)) for names in PROGRAMS.values())


def _program(kind: str) -> str:
    for name in PROGRAMS[kind]:
        found = shutil.which(name)
        if found:
            return found
    raise BrowserError(
        f"there is no {PROGRAMS[kind][0]}: install it, on Debian by apt-get install chromium chromium-driver"
    )


def _port(log: Path) -> int:
    """Return the port that the driver chose, as soon as it says so."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        found = re.search(r"started successfully on port (\d+)", log.read_text(encoding="utf-8"))
        if found:
            return int(found.group(1))
        time.sleep(0.05)
    raise BrowserError(f"the driver did not start: {log.read_text(encoding='utf-8')[:500]}")
