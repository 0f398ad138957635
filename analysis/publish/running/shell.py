"""The shell in which a notebook's cells run without a kernel: the kernel's own, with what it tells kept in a list."""

from __future__ import annotations

import io
import itertools
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ipykernel.compiler import XCachingCompiler
from ipykernel.zmqshell import ZMQInteractiveShell
from jupyter_client.session import Session
from traitlets.config import Config

# What a shell may say that is an output of a cell, with what a notebook keeps of it; and what is of no interest to it.
_OUTPUTS = {
    "stream": ("name", "text"),
    "display_data": ("data", "metadata"),
    "execute_result": ("data", "metadata", "execution_count"),
    "error": ("ename", "evalue", "traceback"),
}
_IGNORED = {"comm_open", "comm_msg", "comm_close", "status"}


class _Listening(Session):
    """A session that keeps what is sent, as it would have been read at the other end."""

    def __init__(self, **options: object) -> None:
        super().__init__(key=b"", **options)
        self.outputs: list[dict] = []
        self.unknown: list[str] = []
        self.clears = False

    def send(self, stream, msg_or_type, content=None, *arguments, **options):
        """Keep a message's content as an output of the cell that runs."""
        kind = msg_or_type if isinstance(msg_or_type, str) else msg_or_type["msg_type"]
        content = content if isinstance(msg_or_type, str) else msg_or_type["content"]
        content = json.loads(self.pack(content))
        if kind == "clear_output":
            self.clears = bool(content.get("wait"))
            if not self.clears:
                self.outputs.clear()
        elif kind in _OUTPUTS:
            self._keep({"output_type": kind, **{name: content[name] for name in _OUTPUTS[kind]}})
        elif kind not in _IGNORED:
            self.unknown.append(kind)

    def _keep(self, output: dict) -> None:
        if self.clears:
            self.outputs.clear()
            self.clears = False
        # A kernel gathers what each stream gets between two other outputs.
        streams = itertools.takewhile(lambda one: one["output_type"] == "stream", reversed(self.outputs))
        same = next((one for one in streams if one["name"] == output.get("name")), None)
        if output["output_type"] == "stream" and same:
            same["text"] += output["text"]
        else:
            self.outputs.append(output)


class _Stream(io.TextIOBase):
    """What stands for the standard output or error of a cell."""

    def __init__(self, session: _Listening, name: str) -> None:
        self.session, self.name = session, name

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Keep a text as an output of the cell that runs."""
        if not isinstance(text, str):
            raise TypeError(type(text).__name__)
        if text:
            self.session.send(None, "stream", {"name": self.name, "text": text})
        return len(text)


class CellShell:
    """A shell for the cells of one notebook; made before the process is forked in which they run."""

    def __init__(self) -> None:
        # Its history would open a database, and a thread that no forked process has.
        quiet = Config({"HistoryManager": {"enabled": False, "hist_file": ":memory:"}})
        main = sys.modules["__main__"]
        try:
            self._shell = ZMQInteractiveShell(config=quiet, compiler_class=XCachingCompiler)
        finally:
            sys.modules["__main__"] = main
        self._session = _Listening()
        self._shell.displayhook.session = self._shell.display_pub.session = self._session
        self._shell.displayhook.pub_socket = self._shell.display_pub.pub_socket = object()
        self._shell.displayhook.topic = b"execute_result"
        # What it makes when it is first asked for is made here, once, and not in each process that is forked.
        self._shell.transform_cell("1")
        self._shell.display_formatter.format(1)

    @contextmanager
    def taking_over(self) -> Iterator[None]:
        """Let this process be the one in which the cells run: its main module and its output are the shell's."""
        sys.modules["__main__"] = self._shell.user_module
        # What asks for the shell, as what formats an error does, gets this one.
        for owner in type(self._shell)._walk_mro():
            owner._instance = self._shell
        # As in a kernel: what is imported by name is looked for where the notebook runs, too.
        sys.path.insert(0, "")
        sys.stdout, sys.stderr = _Stream(self._session, "stdout"), _Stream(self._session, "stderr")
        yield

    def run(self, source: str, cell_id: str | None = None) -> dict:
        """Run a cell; return its outputs, its number, and the names of what went wrong, if anything did."""
        self._session.outputs.clear()
        result = self._shell.run_cell(source, store_history=True, cell_id=cell_id)
        error = result.error_before_exec or result.error_in_exec
        if error is None and any(output["output_type"] == "error" for output in self._session.outputs):
            error = RuntimeError()  # in showing what the cell gave
        if self._session.unknown:
            raise NotImplementedError(f"okänt slag av meddelande: {self._session.unknown}")
        return {"outputs": list(self._session.outputs), "execution_count": result.execution_count,
                "failed": error is not None}
