"""Ask Kolada's API, version 3: every page of every answer, or a fault that says what did not come."""

from __future__ import annotations

import datetime
import email.utils
import hashlib
import json
import math
import queue
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import requests
import tenacity
import truststore
from requests.adapters import HTTPAdapter

import analysis

LIST_LIMIT = 25  # the API refuses longer lists of ids
PAGE_LIMIT = 5000  # and longer pages
LARGEST_ANSWER = 100_000_000  # bytes; a full page is a fiftieth of it
DAY = 86_400  # seconds
BOTH_SEXES = "T"
# What an observation says where Kolada has a row, but no value for both sexes together.
APART = "bara kvinnor och män var för sig"


class KoladaFault(Exception):
    """Kolada could not be asked, or its answer cannot be trusted to be whole; the message is in Swedish."""


class _PassingFault(KoladaFault):
    """A fault that may be over the next time; `wait` is how many seconds the server asks for, if it says."""

    def __init__(self, message: str, wait: float | None = None):
        self.wait = wait
        super().__init__(message)


@dataclass(frozen=True)
class Patience:
    """How long to wait for an answer, how often to ask again and how long to wait in between, in seconds.

    `read` is how long a server may be silent, `whole` how long an answer may take from question to end.
    """

    connect: float = 10
    read: float = 60
    whole: float = 300
    attempts: int = 5
    first_wait: float = 1
    longest_wait: float = 120


@dataclass(frozen=True)
class Answer:
    """One answer as it came: `kind` is kpi, municipality, group or data, `time` is in UTC."""

    kind: str
    url: str
    time: str
    body: bytes

    @property
    def sha256(self) -> str:
        """The hash of the body."""
        return hashlib.sha256(self.body).hexdigest()

    def page(self) -> dict:
        """Return what the body says; raises KoladaFault where it is no page of an answer."""
        return _read_page(self.body, self.url)


@dataclass(frozen=True)
class Kpi:
    """A key figure as Kolada describes it; `period` is the year that `final` (the day it is settled) speaks of."""

    id: str
    title: str
    period: int | None
    final: datetime.date | None

    @property
    def tells_when_settled(self) -> bool:
        """Whether Kolada says when a year is settled, and which year."""
        return self.period is not None and self.final is not None


@dataclass(frozen=True)
class Observation:
    """What Kolada says of a key figure, an area and a year, both sexes together; `value` is None where missing."""

    kpi: str
    area: str
    year: int
    value: float | None
    status: str
    deleted: bool


_Got = tuple[requests.Response, bytes]


class _SystemTrust(HTTPAdapter):
    """Trusts what the computer trusts, since many municipalities inspect traffic with a certificate of their own."""

    def init_poolmanager(self, *arguments, **options):
        super().init_poolmanager(*arguments, ssl_context=_trust(), **options)

    def proxy_manager_for(self, *arguments, **options):
        return super().proxy_manager_for(*arguments, ssl_context=_trust(), **options)


def _trust() -> ssl.SSLContext:
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Kolada:
    """A conversation with the API; `answers` holds everything that it said, in order.

    `tell` is called with a sentence in Swedish when an answer is waited for again, `sleep` with the seconds.
    """

    def __init__(
        self,
        address: str,
        *,
        patience: Patience,
        sleep: Callable[[float], None] = time.sleep,
        tell: Callable[[str], None] = print,
    ):
        try:
            parts = urlsplit(address)
            whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            whole = False
        if not whole:
            raise KoladaFault(f"”{address}” är ingen adress. Skriv den som https://api.kolada.se/v3.")
        self.address = address.rstrip("/")
        self.answers: list[Answer] = []
        self._server = f"Koladas server ({parts.hostname})"
        self._patience, self._tell, self._sleep = patience, tell, sleep
        self._session = requests.Session()
        self._session.mount("https://", _SystemTrust())
        self._session.headers.update(
            {
                "Accept": "application/json",
                "User-Agent": f"assistansboken/{analysis.__version__}",
            }
        )

    def rows(self, kind: str, path: str) -> list[dict]:
        """Return the values of every page of an answer, and keep the pages; raises KoladaFault."""
        url: str | None = f"{self.address}/{path}?per_page={PAGE_LIMIT}"
        rows: list[dict] = []
        counts: list[tuple[int, int]] = []
        seen: set[str] = set()
        empty = ""
        while url:
            if url in seen:
                raise _ring(url)
            seen.add(url)
            page = self._page(kind, url)
            after = self._next(page, url)
            if not page["values"] and (rows or after):
                page = self._page(kind, url)  # nothing where more was promised: a slip, or the end
                after = self._next(page, url)
            values = page["values"]
            if values and empty:
                raise KoladaFault(f"Kolada gav en tom sida mitt i svaret ({empty}), så en del fattas.")
            if values and values == rows[-len(values) :]:
                raise _ring(url)  # the page before, under another address
            rows += values
            if values or not (rows or after):
                if isinstance(page.get("count"), int):
                    counts.append((page["count"], len(values)))
            else:
                empty = url
            url = after
        # The documentation leaves open whether `count` is of the page or of all pages, so either will do.
        whole = all(count == here for count, here in counts) or all(count == len(rows) for count, _ in counts)
        if not whole and any(count > here for count, here in counts):
            raise KoladaFault(f"Kolada uppger {max(count for count, _ in counts)} rader, men {len(rows)} kom ({path}).")
        return rows

    def _next(self, page: dict, url: str) -> str | None:
        following = page.get("next_url")
        if not following:
            return None
        try:
            target = urlsplit(urljoin(url, following)) if isinstance(following, str) else None
        except ValueError:
            target = None
        if target is None:
            raise KoladaFault(f"Kolada anger ingen adress som går att läsa för nästa sida: {following}.")
        own = urlsplit(self.address)
        if target.hostname != own.hostname:
            raise KoladaFault(f"Kolada hänvisar till en annan server för nästa sida ({target.geturl()}).")
        # Behind a proxy a server may not know how it was addressed, and write http for https.
        return target._replace(scheme=own.scheme, netloc=own.netloc).geturl()

    def _page(self, kind: str, url: str) -> dict:
        asking = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_PassingFault),
            stop=tenacity.stop_after_attempt(self._patience.attempts),
            wait=self._wait,
            sleep=self._sleep,
            before_sleep=self._tell_wait,
            reraise=True,
        )
        try:
            return asking(self._ask, kind, url)
        except _PassingFault as fault:
            raise KoladaFault(f"{fault} Det prövades {self._patience.attempts} gånger.") from None

    def _wait(self, state: tenacity.RetryCallState) -> float:
        fault = state.outcome.exception()
        if fault.wait is not None:
            return fault.wait
        return min(self._patience.first_wait * 2 ** (state.attempt_number - 1), self._patience.longest_wait)

    def _tell_wait(self, state: tenacity.RetryCallState) -> None:
        seconds = f"{math.ceil(state.next_action.sleep)} s"
        self._tell(f"{state.outcome.exception()} Nytt försök om {seconds}.")

    def _ask(self, kind: str, url: str) -> dict:
        try:
            response, body = _within(self._patience.whole, lambda: self._get(url))
        except requests.Timeout:
            raise _PassingFault(f"{self._server} svarade inte i tid.") from None
        except requests.exceptions.ProxyError:
            raise _PassingFault(f"Det gick inte att nå {self._server} genom nätverkets proxy.") from None
        except requests.exceptions.SSLError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise KoladaFault(
                    f"Datorn litar inte på certifikatet hos {self._server}. Fråga den som sköter nätet "
                    "om trafiken granskas och om certifikatet är installerat."
                ) from None
            raise _PassingFault(f"Den krypterade förbindelsen med {self._server} bröts.") from None
        except (
            requests.ConnectionError,
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
        ):
            raise _PassingFault(
                f"Det gick inte att nå {self._server}, eller så bröts förbindelsen. Kontrollera att datorn har nät."
            ) from None
        except (requests.RequestException, ValueError):  # ValueError: sent on to what is no address
            raise KoladaFault(
                f"Det gick inte att fråga {url}. Kontrollera adressen; stämmer den skickar servern frågan vidare dit "
                "den inte går att följa, och då går det kanske senare."
            ) from None
        if urlsplit(response.url).hostname != urlsplit(self.address).hostname:
            raise KoladaFault(
                f"Frågan till Kolada skickades vidare till en annan server ({response.url}). Det kan vara nätverkets "
                "inloggning; logga in och försök igen."
            )
        if response.status_code == requests.codes.too_many_requests or response.status_code >= 500:
            wait = _seconds(response.headers.get("Retry-After"))
            message = f"{self._server} är upptagen just nu (svarade {response.status_code})."
            if wait is not None and wait > self._patience.longest_wait:
                pause = "mer än ett dygns" if wait > DAY else f"{math.ceil(wait / 60)} minuters"
                raise KoladaFault(f"{message} Servern ber om {pause} paus; försök igen då.")
            raise _PassingFault(message, wait)
        if response.status_code == requests.codes.not_found:
            raise KoladaFault(
                f"Kolada svarade 404 på {url}: något som frågan nämner finns inte. Har ett nyckeltal tagits bort hos "
                "Kolada, ta bort det ur kolada.yml. Kontrollera annars adressen där."
            )
        if response.status_code != requests.codes.ok:
            raise KoladaFault(
                f"Kolada svarade {response.status_code} på {url}. Kontrollera adressen i kolada.yml; "
                "stämmer den har Kolada kanske ändrat sitt gränssnitt."
            )
        answer = Answer(kind, url, datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), body)
        page = answer.page()
        self.answers.append(answer)
        return page

    def _get(self, url: str) -> tuple[requests.Response, bytes]:
        timeout = (self._patience.connect, self._patience.read)
        with self._session.get(url, timeout=timeout, stream=True) as response:
            body = bytearray()
            for part in response.iter_content(65_536):
                body += part
                if len(body) > LARGEST_ANSWER:
                    raise KoladaFault(f"Svaret på {url} är större än något svar från Kolada brukar vara.")
            return response, bytes(body)


def _ring(url: str) -> KoladaFault:
    return KoladaFault(f"Kolada hänvisar runt i en ring ({url}), så svaret blir aldrig helt.")


def _within(seconds: float, work: Callable[[], _Got]) -> _Got:
    """Return what `work` gives or raise what it raises; requests.Timeout where it takes longer than that.

    A server that sends a byte now and then is never silent, and looking up its name has no limit of its own.
    """
    done: queue.SimpleQueue[tuple[_Got | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except BaseException as error:
            done.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(queue.Empty):
            # A short while at a time, since on Windows Ctrl-C is not heard by who waits.
            found, error = done.get(timeout=min(0.2, seconds))
            if error is not None:
                raise error
            return found
    raise requests.Timeout


def _seconds(header: str | None) -> float | None:
    """Return the wait of a Retry-After header, which holds seconds or a date; None where it holds neither."""
    if header is None:
        return None
    if _is_digits(header.strip()):
        return float(header)
    try:
        until = email.utils.parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        return None
    return max(0.0, (until - datetime.datetime.now(datetime.UTC)).total_seconds())


def _is_digits(text: str) -> bool:
    """Tell whether a text is a number in digits; str.isdigit takes ² too, which is none."""
    return text.isascii() and text.isdigit()


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _read_page(body: bytes, url: str) -> dict:
    try:
        page = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        # An answer cut short without a word about it looks the same as a login page, so it is worth another try.
        raise _PassingFault(
            f"Svaret på {url} gick inte att läsa. Det kan ha kommit från nätverkets inloggning "
            "i stället för från Kolada."
        ) from None
    if not isinstance(page, dict) or not isinstance(page.get("values"), list):
        raise KoladaFault(f"Svaret på {url} har inte den form som Koladas svar brukar ha.")
    return page


def chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the ids in lists that are no longer than the API takes."""
    for start in range(0, len(ids), LIST_LIMIT):
        yield ids[start : start + LIST_LIMIT]


def read_kpis(rows: Iterable[dict]) -> dict[str, Kpi]:
    """Return the key figures by id; raises KoladaFault where a row lacks id or title."""
    kpis = {}
    for row in rows:
        id_, title = _texts(row, "id", "title")
        period = str(row.get("publ_period") or "")
        try:
            final = datetime.date.fromisoformat(str(row.get("publication_date") or ""))
        except ValueError:
            final = None
        kpis[id_] = Kpi(id_, title, int(period) if _is_digits(period) else None, final)
    return kpis


def read_titles(rows: Iterable[dict]) -> dict[str, str]:
    """Return the titles of municipalities, regions or groups by id; raises KoladaFault where a row lacks either."""
    return dict(_texts(row, "id", "title") for row in rows)


def read_observations(rows: Iterable[dict]) -> dict[tuple[str, str, int], Observation]:
    """Return what is said of each key figure, area and year; raises KoladaFault on another shape, or two values."""
    found: dict[tuple[str, str, int], Observation] = {}
    spoken: list[tuple[str, str, int]] = []
    for row in rows:
        kpi, area = _texts(row, "kpi", "municipality")
        period, values = str(row.get("period")), row.get("values")
        if not _is_digits(period) or not isinstance(values, list):
            raise _shape(row)
        spoken.append((kpi, area, int(period)))
        for item in values:
            value = item.get("value", ...) if isinstance(item, dict) else ...
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
                raise _shape(row)
            if item.get("gender") != BOTH_SEXES:
                continue
            one = Observation(kpi, area, int(period), value, str(item.get("status") or ""), bool(item.get("isdeleted")))
            known = found.setdefault((kpi, area, one.year), one)
            if known != one and not (known.deleted or one.deleted):
                raise KoladaFault(
                    f"Kolada ger två olika värden för {kpi}, område {area}, {one.year}: {known.value} och {one.value}."
                )
            if known.deleted:
                found[kpi, area, one.year] = one  # a deleted value beside a living one
    for key in spoken:
        found.setdefault(key, Observation(*key, None, APART, deleted=False))
    return found


def _texts(row: object, *names: str) -> tuple[str, ...]:
    values = tuple(row.get(name) if isinstance(row, dict) else None for name in names)
    if not all(isinstance(value, str) and value for value in values):
        raise _shape(row)
    return tuple(" ".join(value.split()) for value in values)


def _shape(row: object) -> KoladaFault:
    return KoladaFault(f"En rad i Koladas svar har inte den form som den brukar ha: {str(row)[:200]}")
