"""Finds a Chromium to test with, or installs one, and says which: `python tests/browsers.py`.

In order: the one that the variable CHROMIUM names, the system's own, Playwright's own (fetched if it is not there), the
Debian package (where that may be installed). That there is none is a failure, since nothing else sees what a reader
sees.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

SYSTEM_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "msedge")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DEBIAN_PACKAGE = "chromium"
INSTALL_SECONDS = 600


class NoBrowser(Exception):
    """No browser starts; the message says what was tried and what to do."""


def find_browser() -> tuple[str, str]:
    """Return the path of a browser that starts, and its name and version; install one if there is none."""
    tried = []
    for origin, give_path in _candidates():
        path = give_path()
        if not path:
            tried.append(f"{origin}: not there")
            continue
        try:
            return path, f"{version(path)} ({origin}: {path})"
        except Error as error:
            tried.append(f"{origin}: {path} does not start ({error.message.splitlines()[0]})")
    raise NoBrowser("\n  ".join(["No Chromium to test with. Install one, or set CHROMIUM to its path. Tried:", *tried]))


def version(path: str) -> str:
    """Return the name and version of the browser at a path; raises Playwright's Error where it does not start."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        name = f"{browser.browser_type.name} {browser.version}"
        browser.close()
    return name


def _candidates() -> Iterator[tuple[str, Callable[[], str | None]]]:
    """Give each place to look in, and what finds or makes a browser there; those after the first few install."""
    if os.environ.get("CHROMIUM"):
        # Whoever names a browser wants that one and no other.
        yield "CHROMIUM", lambda: os.environ["CHROMIUM"]
        return
    for name in SYSTEM_BROWSERS:
        if shutil.which(name):
            yield "the system's", lambda name=name: shutil.which(name)
    yield "Playwright's", _playwrights_own
    yield "Playwright's, fetched now", _fetch_playwrights_own
    yield "the Debian package, installed now", _install_debian_package


def _playwrights_own() -> str | None:
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def _fetch_playwrights_own() -> str | None:
    _run([sys.executable, "-m", "playwright", "install", "chromium"])
    return _playwrights_own()


def _install_debian_package() -> str | None:
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return None
    _run(["apt-get", "update", "-qq"])
    _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", DEBIAN_PACKAGE])
    return shutil.which("chromium")


def _run(command: list[str]) -> None:
    """Run an installer; what comes of it is seen by whether the browser is there afterwards."""
    print(f"No browser yet: {' '.join(command)}", file=sys.stderr)
    try:
        subprocess.run(command, check=False, timeout=INSTALL_SECONDS, stdout=sys.stderr)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error, file=sys.stderr)


if __name__ == "__main__":
    try:
        print(f"Browser: {find_browser()[1]}")
    except NoBrowser as error:
        sys.exit(str(error))
