"""Run `python -m analysis`: what keeps the program from starting, or makes it stumble, is told here in Swedish.

Only Python itself is needed to read this file, and an older one will do, so that both can be told when they are wrong.
"""

import os
import signal
import sys
import tempfile
import traceback

OLDEST_PYTHON = (3, 11)  # as in pyproject.toml
INSTALL = """\
Kör programmet med den Python som ligger i projektets mapp:
  .venv\\Scripts\\python -m analysis        (Windows)
  .venv/bin/python -m analysis            (Mac och Linux)
Är den inte installerad än, eller hjälper det inte, installera på nytt, som i handboken (chapters/handbok/index.md):
  py -m venv .venv                        (Mac och Linux: python3 -m venv .venv)
  .venv\\Scripts\\python -m pip install --require-hashes -r requirements.txt
  .venv\\Scripts\\python -m pip install --no-deps --no-build-isolation -e ."""


def run():
    """Run the command line and return its exit code; nothing that happens is shown as a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace", line_buffering=True)
    try:
        signal.signal(signal.SIGINT, _interrupt_once)
        if sys.version_info < OLDEST_PYTHON:
            wanted, found = (".".join(map(str, version[:2])) for version in (OLDEST_PYTHON, sys.version_info))
            print(f"Det här är Python {found}, och programmet behöver Python {wanted} eller senare.", file=sys.stderr)
            print("Hämta en nyare från python.org och installera sedan så som README.md beskriver.", file=sys.stderr)
            return 1
        # Imported here, so that a package that is missing can be told.
        from analysis.cli import main

        return main()
    except KeyboardInterrupt:
        print("Avbrutet. Ingenting är ändrat.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read what was printed has gone, as when it is piped into `head`; there is nobody to tell.
        gone = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(gone, stream)
        return 1
    except ImportError as error:
        print(f"Paketet {error.name or error} saknas eller går inte att använda.\n{INSTALL}", file=sys.stderr)
        return 1
    # The last resort: whatever the user can cause has been told in its place, so this is a fault of the program's own.
    except Exception as error:
        print(_program_fault(error), file=sys.stderr)
        return 1


def _interrupt_once(number, frame):
    """Let the first Ctrl-C interrupt, and no more: what it leaves is to be cleaned up undisturbed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _program_fault(error):
    """Return what to tell of an error that nobody foresaw, and keep the traceback in a file of its own."""
    told = "Något gick fel i själva programmet; det beror inte på dig. Underlaget och webbplatsen är som förut."
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", errors="replace", prefix="assistansboken-fel-", suffix=".txt", delete=False
        ) as file:
            file.write(f"{sys.argv[1:]}\n" + "".join(traceback.format_exception(error)))
    except OSError:
        return f"{told}\nSkicka den här raden till den som sköter programmet: {type(error).__name__}: {error}"
    return f"{told}\nVad som hände står i {file.name}. Skicka den filen till den som sköter programmet."


if __name__ == "__main__":
    sys.exit(run())
