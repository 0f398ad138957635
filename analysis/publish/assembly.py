"""Jupyter Book, called for a staged book."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import analysis

BOOK_COMMAND = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", "-W", "--keep-going"]
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def _python_path() -> str:
    package_root = str(Path(analysis.__file__).resolve().parents[1])
    return os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH", "")]))


def assemble(stage: Path) -> list[str]:
    """Build a staged book with warnings as errors; return the lines that say what is wrong."""
    environment = {**os.environ, "PYTHONPATH": _python_path(), "PYTHONUTF8": "1", "NO_COLOR": "1"}
    done = subprocess.run([*BOOK_COMMAND, str(stage)], capture_output=True, env=environment, encoding="utf-8",
                          errors="replace", check=False)
    if done.returncode == 0:
        return []
    lines = [_ANSI.sub("", line).replace(f"{stage.resolve()}{os.sep}", "").strip()
             for line in (done.stdout + "\n" + done.stderr).splitlines()]
    told = [line for line in lines if re.search(r"\b(WARNING|ERROR|CRITICAL)\b", line)]
    return list(dict.fromkeys(told or [line for line in lines if line][-3:]))
