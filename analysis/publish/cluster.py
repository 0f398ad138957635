"""Books built by the workers of a Dask cluster, as they are built here: everything travels as bytes, both ways.

The project and all of its data are sent to the cluster once, each municipality's kept chapters with its book. What
comes back is put where a build on this machine would have put it, so that the next build reuses it, wherever it runs.
"""

from __future__ import annotations

import asyncio
import collections
import hashlib
import logging
import os
import pickle
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.publish.cache import ChapterCache
from analysis.publish.finished import finish
from analysis.publish.inputs import PROJECT_FILES, Inputs, files
from analysis.publish.parcel import packed, unpack
from analysis.publish.places import GUIDE_FOLDER
from analysis.publish.run import BuildFault, Order, Outcome, failed, longest_first
from analysis.publish.running.builder import DATA, PROJECT
from analysis.publish.running.remote import Book, BuilderDied, Built, Refused, versions

if TYPE_CHECKING:
    from distributed import Client, Future

# What has not answered by then is taken not to.
ANSWER_SECONDS = 10
# How long a cluster may be without any worker, as when all of them are started anew.
WORKERLESS_SECONDS = 60
POLL_SECONDS = 5
# A book whose process dies, or that finds no room on a worker's disk, may do better elsewhere.
RETRIES = 2
DEFAULT_PORT = 8786
MISSING = ("--dask behöver Pythonpaketet distributed, som inte är installerat. Installera på nytt med "
           "python -m pip install --require-hashes -r requirements.txt")
SCHEMES = ("tcp", "tls")
SAME = "Installera samma version av programmet och samma paket (requirements.txt) överallt och starta om arbetarna."
GONE = "Förbindelsen med klustret bröts. Se efter om schemaläggaren är igång och bygg igen."
KILLED = "arbetarna dog gång på gång medan boken byggdes, troligen för att minnet tog slut. Ge dem mer minne"


class ClusterFault(Exception):
    """The cluster cannot be used; the message is for the analyst."""


def build_on_cluster(orders: Sequence[Order], address: str) -> Iterator[Outcome]:
    """Build the books ordered on the cluster at an address, and yield what came of each as it ends.

    Those that take longest are begun first. What goes wrong with one harms no other. Raises ClusterFault where the
    cluster cannot be used or a worker has another version of the program; what is finished by then is kept. Raises what
    nobody foresaw, when all the others are built.
    """
    if not orders:
        return
    unforeseen: list[Exception] = []
    with _connected(address) as client, closing(_answers(client, longest_first(orders))) as answers:
        for order, answer in answers:
            if isinstance(answer, Refused):
                raise ClusterFault(f"{answer.cause}. {SAME}")
            try:
                if isinstance(answer, Exception):
                    raise answer
                outcome = _take(order, answer)
                if answer.unforeseen:
                    unforeseen.append(pickle.loads(answer.unforeseen))
            except OSError as error:
                outcome = failed(order, error)
            except BuilderDied:
                outcome = Outcome(order.slug, order.book, [BuildFault(order.slug, "", None, KILLED)])
            except Exception as error:
                unforeseen.append(error)
                outcome = failed(order, error)
            yield outcome
    if unforeseen:
        raise unforeseen[0]


@contextmanager
def _connected(address: str) -> Iterator[Client]:
    """Give a line to a cluster with workers; raises ClusterFault where there is none."""
    try:
        import distributed
        from distributed.comm import get_address_host_port
    except ImportError:
        raise ClusterFault(MISSING) from None
    # What Dask says to whoever writes programs; what the analyst needs to know is told here.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", module=r"distributed\.")
    full = address if "://" in address else f"tcp://{address}"
    expected = f"Väntat: adressen till Dasks schemaläggare, till exempel tcp://10.0.0.5:{DEFAULT_PORT}."
    try:
        host, port = get_address_host_port(full, strict=True)
    except ValueError:
        host, port = "", 0
    if full.split("://")[0] not in SCHEMES or not host or not 0 < port < 65536:
        raise ClusterFault(f"”{address}” är ingen adress till ett kluster. {expected}")
    silent = (f"Klustret på {address} svarar inte. Kontrollera adressen efter --dask, att schemaläggaren är igång och "
              f"att brandväggen släpper fram den. {expected}")
    try:
        # A line of its own first: a client waits without end for what answers, but not as a scheduler does.
        with ThreadPoolExecutor(1) as apart:
            apart.submit(asyncio.run, asyncio.wait_for(_identity(full), ANSWER_SECONDS)).result()
        client = distributed.Client(full, timeout=ANSWER_SECONDS, set_as_default=False)
    except TypeError as error:  # so Dask tells that there are no certificates
        raise ClusterFault(f"{address} kräver certifikat (TLS), och de är inte inställda här. Ange dem i Dasks "
                           "inställningar, distributed.comm.tls.") from error
    except Exception as error:  # whatever a server of another kind makes of it
        raise ClusterFault(silent) from error
    try:
        with suppress(TimeoutError):
            client.wait_for_workers(1, timeout=ANSWER_SECONDS)
        if not client.nthreads():
            raise ClusterFault(f"Klustret på {address} har inga arbetare. Starta minst en och bygg igen.")
        yield client
    finally:
        # With its last client gone the cluster forgets what it was asked for.
        with suppress(OSError, TimeoutError):
            client.close(timeout=ANSWER_SECONDS)


async def _identity(address: str) -> None:
    """Ask a scheduler who it is."""
    from distributed import Security, rpc

    async with rpc(address, connection_args=Security().get_connection_args("client")) as line:
        await line.identity()


def _answers(client: Client, orders: Sequence[Order]) -> Iterator[tuple[Order, Built | Refused | Exception]]:
    """Yield each order with what came of it; at once only so many are with the cluster as keep it busy."""
    import dask
    from distributed import CancelledError, KilledWorker

    parcel, wanted = _project(orders[0].inputs), versions()
    entry = _entry()
    waiting = collections.deque(enumerate(orders))
    running: dict[Future, Order] = {}
    try:
        # A task of its own and not scattered, so that Dask makes it anew where the worker that has it dies.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": f"{2 * len(parcel)}B"}):
            project = client.submit(bytes, parcel, key=f"projekt-{hashlib.sha256(parcel).hexdigest()}")
        del parcel
        while waiting or running:
            # One waits for each that is being built, so that no worker waits for the next.
            room = max(1, 2 * sum(client.nthreads().values()))
            while waiting and len(running) < room:
                position, order = waiting.popleft()
                try:
                    book = _asked(order)
                except OSError as error:
                    yield order, error
                    continue
                future = client.submit(entry, project, wanted, book, pure=False, priority=-position, retries=RETRIES)
                running[future] = order
            for future in _first_ended(client, list(running)) if running else ():
                order = running.pop(future)
                try:
                    answer = pickle.loads(future.result())
                except CancelledError:
                    raise
                except KilledWorker:
                    answer = BuilderDied()
                except Exception as error:
                    answer = error
                future.release()
                yield order, answer
    except (CancelledError, OSError) as error:
        raise ClusterFault(GONE) from error
    finally:
        with suppress(OSError, TimeoutError, CancelledError):
            client.cancel(list(running), force=True)


def _first_ended(client: Client, futures: Sequence[Future]) -> set[Future]:
    """Wait for at least one; raises ClusterFault where the cluster loses all of its workers."""
    from distributed import wait

    seen = time.monotonic()
    while True:
        with suppress(TimeoutError), client.as_current():
            return wait(futures, timeout=POLL_SECONDS, return_when="FIRST_COMPLETED").done
        if client.nthreads():
            seen = time.monotonic()
        elif time.monotonic() - seen > WORKERLESS_SECONDS:
            raise ClusterFault(f"Klustret har inga arbetare kvar. {SAME}")


def _entry() -> Callable[[bytes, dict[str, str], bytes], bytes]:
    """Return what Dask is to call. It is sent as code and speaks in bytes, since a worker may lack this program."""

    def entry(project: bytes, wanted: dict[str, str], book: bytes) -> bytes:
        try:
            from analysis.publish.running.remote import build_there
        except ImportError:
            return unknown
        return pickle.dumps(build_there(project, wanted, pickle.loads(book)))

    unknown = pickle.dumps(Refused("En arbetare: där finns inte samma version av programmet som här"))
    return entry


def _project(inputs: Inputs) -> bytes:
    """Return all that any of the books may be built from, packed: the data, and the project's files beside them."""
    root, data = inputs.root, inputs.data
    trees: list[tuple[str, Path | None]] = [
        (f"{PROJECT}/{path.relative_to(root).as_posix()}", path)
        for path in (*(root / name for name in PROJECT_FILES), *files(root / "chapters", ".ipynb")) if path.is_file()]
    if (root / "chapters" / GUIDE_FOLDER).is_dir():
        # Pages link to the guide where there is one; nobody reads it there.
        trees.append((f"{PROJECT}/chapters/{GUIDE_FOLDER}", None))
    name = f"{DATA}/{data.resolve().name or DATA}"
    trees += [(f"{name}/{path.relative_to(data).as_posix()}", path)
              for path in (data / "kallor.yml", data / "nationellt", *sorted((data / "kommuner").iterdir()))
              if path.exists()]
    return packed(trees)


def _asked(order: Order) -> bytes:
    """Return what a worker is to be told of an order beside the project: a pickled Book."""
    kept = order.work / "kapitel" / order.slug
    chapters = packed((path.name, path) for path in sorted(kept.iterdir())) if kept.is_dir() else packed(())
    return pickle.dumps(Book(order.slug, order.key, order.secret, order.documents, order.anew, chapters))


def _take(order: Order, built: Built) -> Outcome:
    """Put what came back where a build here would have put it; raises OSError where it cannot be written."""
    outcome = pickle.loads(built.outcome)
    outcome.book = order.book
    stage, kept = order.work / "stage" / order.slug, order.work / "kapitel" / order.slug
    shutil.rmtree(stage, ignore_errors=True)
    if built.chapters:
        unpack(built.chapters, stage / "kapitel")
        kept.mkdir(parents=True, exist_ok=True)
        for path in (stage / "kapitel").iterdir():
            os.replace(path, kept / path.name)
        ChapterCache(kept).tidy()
    if not outcome.faults:
        unpack(built.pages, stage / "html")
        finish(stage / "html", order.work, order.slug, order.key)
    shutil.rmtree(stage, ignore_errors=True)
    return outcome
