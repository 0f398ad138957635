"""The analyst's commands, in Swedish."""

from __future__ import annotations

import argparse
import datetime
import difflib
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from analysis.sources import DataError, Municipality, default_data_directory, list_municipalities, load_municipality
from analysis.sources.doubts import Review, summary
from analysis.sources.faults import Fault, file_fault, shown_path

PROJECT_ROOT = Path(__file__).resolve().parents[1]
SWEDISH = {
    "usage: ": "användning: ",
    "options": "tillval",
    "positional arguments": "argument",
    "show this help message and exit": "visa den här hjälpen och avsluta",
    "%(prog)s: error: %(message)s\n": "%(prog)s: fel: %(message)s\n",
    "the following arguments are required: %s": "detta saknas: %s",
    "argument %(argument_name)s: %(message)s": "%(argument_name)s: %(message)s",
    "expected one argument": "ett värde saknas",
    "not allowed with argument %s": "går inte att ange tillsammans med %s",
    "invalid choice: %(value)r (choose from %(choices)s)": "kommandot ”%(value)s” finns inte (välj bland %(choices)s)",
}
COMMAND = "KOMMANDO"


class _Parser(argparse.ArgumentParser):
    """A parser that does not say twice that it is the command which is wrong."""

    def error(self, message):
        """Tell what is wrong, and end."""
        super().error(message.removeprefix(f"{COMMAND}: "))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 1 for a fault, 2 for a wrong command line, 130 for Ctrl-C."""
    try:
        parser = _parser()
        options, unknown = parser.parse_known_args(arguments)
        if unknown:
            parser.error(_unknown_words(options, unknown))
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print(f"Avbrutet. {options.unharmed}", file=sys.stderr)
        return 130
    except DataError as error:
        for fault in error.faults:
            print(fault, file=sys.stderr)
        print(options.unharmed, file=sys.stderr)
        return 1
    except BrokenPipeError:  # nobody reads what is printed; see __main__
        raise
    except OSError as error:
        shown = str(error.filename2 or error.filename or "En fil")
        print(file_fault(error, shown, "att filen går att läsa och skriva"), options.unharmed, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    # argparse takes its own words through gettext; this is the one place to give it Swedish ones.
    argparse._ = lambda text: SWEDISH.get(text, text)
    parser = _Parser(prog="python -m analysis", description="Bygger kommunernas böcker om personlig assistans.")
    commands = parser.add_subparsers(title="kommandon", metavar=COMMAND, dest="command", required=True)

    def command(name, run, text, unharmed):
        one = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        one.set_defaults(run=run, unharmed=unharmed, parser=one)
        return one

    site, data = "Den gamla webbplatsen står kvar.", "Underlaget är oförändrat."
    new = command("new", _new, "börja med en ny kommun: en mapp, och en arbetsbok i Excel att fylla i",
                  "Ingenting skapades.")
    import_ = command("import", _import, "läs in en ifylld arbetsbok till kommunens tabeller", data)
    export = command("export", _export, "gör en arbetsbok av de tabeller som kommunen har", "Ingen fil skapades.")
    fetch = command("fetch", _fetch, "hämta nyckeltal från Kolada till data/nationellt/kolada",
                    "Tabellerna är som förut.")
    build = command("build", _build, "bygg böckerna och webbplatsen", site)
    serve = command("serve", _serve, "visa webbplatsen och bygg om den när du sparar en ändring", site)
    check = command("check", _check, "kontrollera underlaget utan att bygga", data)
    notebooks = command("notebooks", _notebooks, "kör om kapitlen i chapters/ (för den som utvecklar)", site)
    for one in (build, serve, check, fetch):
        one.add_argument("slugs", nargs="*", metavar="KOMMUN", help="mappens namn, t.ex. malmo; utelämna för alla")
    for one in (new, import_, export, fetch, build, serve, check):
        one.add_argument("--data", type=Path, metavar="MAPP", help="mappen med underlaget (annars data)")
    new.add_argument("slug", nargs="?", metavar="MAPPNAMN", help="mappens namn, t.ex. lund; annars görs det av namnet")
    new.add_argument("--namn", help="kommunens namn, t.ex. Lund eller \"Upplands Väsby\"")
    new.add_argument("--kod", help="kommunkoden hos SCB, t.ex. 1281; räcker i stället för namnet")
    new.add_argument("--fran", type=_year, metavar="ÅR", help="första året (annars fem år före det sista)")
    new.add_argument("--till", type=_year, metavar="ÅR", help="sista året (annars förra året)")
    export.add_argument("slug", metavar="KOMMUN", help="mappens namn, t.ex. malmo")
    for one in (new, export):
        one.add_argument("--fil", type=Path, metavar="FIL", help="arbetsbokens namn (annars kommunens mappnamn)")
    import_.add_argument("file", type=Path, metavar="FIL", help="arbetsboken, t.ex. lund.xlsx")
    import_.add_argument("--torrkorning", action="store_true", help="kontrollera och berätta, men ändra ingenting")
    for one in (build, serve):
        one.add_argument("--out", type=Path, metavar="MAPP", help="var webbplatsen hamnar (annars _build/html)")
    serve.add_argument("--port", type=_port, metavar="PORT", default=0, help="serverns port (annars en ledig)")
    serve.add_argument("--oppna", action="store_true", help="öppna sidan i webbläsaren när den är byggd")
    build.add_argument("--force", action="store_true", help="bygg om även det som är oförändrat")
    documents = build.add_mutually_exclusive_group()
    documents.add_argument("--dokument", action="store_true", default=None,
                           help="gör också PDF, Word och diagram som PNG (görs annars bara för projektets egna data)")
    documents.add_argument("--utan-dokument", action="store_false", dest="dokument",
                           help="gör inga PDF-, Word- och PNG-filer")
    build.add_argument("--dask", metavar="ADRESS",
                       help="låt ett kluster av Dask bygga böckerna; adressen till schemaläggaren")
    told = build.add_mutually_exclusive_group()
    told.add_argument("--quiet", action="store_true", help="berätta bara om fel, och sammanfatta")
    told.add_argument("--verbose", action="store_true", help="berätta också vart tiden gick")
    source = fetch.add_mutually_exclusive_group()
    source.add_argument("--offline", action="store_true",
                        help="fråga ingen, utan skriv om tabellerna ur svaren som redan är sparade")
    source.add_argument("--api", metavar="ADRESS", help="en annan adress än den i data/nationellt/kolada.yml")
    fits = "(annars så många som datorns processorer och minne räcker till)"
    build.add_argument("--jobs", type=_count, metavar="ANTAL", help="hur många böcker som byggs samtidigt, eller för "
                       f"en ensam kommun hur många av dess kapitel som körs samtidigt {fits}")
    notebooks.add_argument("--jobs", type=_count, metavar="ANTAL",
                           help=f"hur många kapitel som körs samtidigt {fits}")
    return parser


def _unknown_words(options: argparse.Namespace, words: Sequence[str]) -> str:
    """Return what is said of words on the command line that nothing takes, and what was meant."""
    said = f"okända argument: {' '.join(words)}"
    if words[0].startswith("-"):
        known = re.findall("--[a-z]+", options.parser.format_usage())
        near = difflib.get_close_matches(words[0].lower(), known, n=1)
        return f"{said}; menar du {near[0]}?" if near else said
    if options.command == "import":
        return f'{said}; har filnamnet mellanslag, sätt citattecken om det: "{" ".join([str(options.file), *words])}"'
    return f"{said}; har ett namn mellanslag, sätt citattecken om det"


def _quoted(name: object) -> str:
    """Return a file's name as it is written on the command line."""
    return f'"{name}"' if " " in str(name) else str(name)


def _workbook(options: argparse.Namespace, slug: str, data: Path) -> Path:
    """Return the name of a workbook to be made: the one asked for, with its ending, or the municipality's.

    Raises DataError where it has no name, or would lie among the tables, where `check` knows nothing but tables.
    """
    path = options.fil or Path(f"{slug}.xlsx")
    expected = "arbetsbokens namn, till exempel eslov.xlsx"
    if not path.name.strip():
        raise DataError([Fault("--fil", "filens namn är tomt", expected, "skriv filens namn efter --fil")])
    lies_in = path.resolve().parents
    if any((data / folder).resolve() in lies_in for folder in ("kommuner", "nationellt")):
        raise DataError([Fault("--fil", "arbetsboken får inte ligga bland tabellerna", f"{expected}, utanför mappen "
                               f"{data.name}", f"skriv --fil {_quoted(path.name)}", value=path.as_posix())])
    if path.suffix.lower() == ".xlsx" or not path.name or path.is_dir():
        return path
    return path.with_name(f"{path.name}.xlsx")


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"”{text}” är inget antal, skriv till exempel 2")
    return int(text)


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"”{text}” är ingen port, skriv ett tal från 1 till 65535, till exempel 8000")
    return int(text)


def _year(text: str) -> int:
    if not (text.isdigit() and len(text) == 4):
        raise argparse.ArgumentTypeError(f"”{text}” är inget årtal, skriv till exempel 2024")
    return int(text)


def _data(options: argparse.Namespace) -> Path:
    """Return the data folder; raises DataError where it is none."""
    data = options.data or default_data_directory()
    if not data.is_dir():
        raise DataError([Fault(data.as_posix(), "mappen finns inte", "mappen med underlaget",
                               "kontrollera sökvägen efter --data, eller lägg tillbaka mappen")])
    return data


def _new(options: argparse.Namespace) -> int:
    from analysis.publish.plan import chapter_needs, read_chapters
    from analysis.sources.intake import create_municipality
    from analysis.sources.municipal_codes import find_municipality, read_codes

    data = _data(options)
    entry = find_municipality(read_codes(data), options.namn, options.kod, options.slug)
    slug = options.slug or entry.slug
    last = options.till or datetime.date.today().year - 1
    first = options.fran or last - 5
    workbook = _workbook(options, slug, data)
    create_municipality(entry, slug, (first, last), data, workbook, chapter_needs(read_chapters(PROJECT_ROOT)))
    print(f"{entry.name} ({entry.code}, {entry.county}) har fått mappen {shown_path(data / 'kommuner' / slug, data)}.")
    print("I dess mapp texter finns frågor att besvara med egna ord. Svaren visas i boken, frågorna gör det inte.")
    print(f"Fyll i det ni har för {first}–{last} i {workbook}, spara, stäng Excel och kör sedan:")
    print(f"  python -m analysis import {_quoted(workbook)}")
    return 0


def _import(options: argparse.Namespace) -> int:
    from analysis.sources.intake import import_workbook

    data = _data(options)
    found = import_workbook(options.file, data, _faults_of, _review, dry_run=options.torrkorning)
    for note in found.notes:
        print(note)
    for name, change in found.tables.items():
        print(f"{name}.csv: {change}")
    folder = shown_path(data / "kommuner" / found.slug, data)
    print(f"Allt gick att läsa. Ingenting är ändrat; utan --torrkorning hade det skrivits i {folder}."
          if options.torrkorning else f"Inläst i {folder}. Bygg boken med: python -m analysis build {found.slug}")
    _tell([found.review] if found.review else [])
    return 0


def _export(options: argparse.Namespace) -> int:
    from analysis.publish.plan import chapter_needs, read_chapters
    from analysis.sources.intake import export_workbook

    data = _data(options)
    workbook = _workbook(options, options.slug, data)
    export_workbook(load_municipality(options.slug, data), data, workbook, chapter_needs(read_chapters(PROJECT_ROOT)))
    print(f"Kommunens tabeller finns nu i {workbook}.")
    return 0


def _faults_of(slug: str, data: Path) -> list[Fault]:
    """Return everything that is wrong with one municipality in a data folder."""
    try:
        return _figure_faults(load_municipality(slug, data), data)
    except DataError as error:
        return error.faults


def _review(slug: str, data: Path) -> Review:
    return _review_of(load_municipality(slug, data), data)


def _figure_faults(municipality: Municipality, data: Path) -> list[Fault]:
    # Imported here: it takes a second that `--help` need not wait for.
    from analysis.measures.figure_check import figure_faults

    return figure_faults(municipality, data)


def _review_of(municipality: Municipality, data: Path) -> Review:
    """Return which figures of a municipality cannot both be right."""
    # Imported here: it takes a second that `--help` need not wait for.
    from analysis.measures.plausibility import review

    return review(municipality, data)


def _tell(reviews: Sequence[Review]) -> None:
    for one in reviews:
        for line in one.lines():
            print(line, file=sys.stderr)
    count = sum(one.count for one in reviews)
    if count:
        print(summary(count), file=sys.stderr)


def _check(options: argparse.Namespace) -> int:
    # Imported here: it takes a second that `--help` need not wait for.
    from analysis.publish.checking import checked, warnings_of
    from analysis.publish.plan import read_chapters

    data = _data(options)
    slugs = list(dict.fromkeys(options.slugs)) or list_municipalities(data)
    if not slugs:
        print(f"Det finns inga kommuner i {data / 'kommuner'}.", file=sys.stderr)
        return 1
    chapters = read_chapters(PROJECT_ROOT)
    found = [checked(slug, data, chapters) for slug in slugs]
    faults = dict.fromkeys(fault for each in found for fault in each.faults)
    for told in [*faults, *warnings_of(found)]:
        print(told, file=sys.stderr)
    if faults:
        return 1
    _tell([each.review for each in found])
    for one in (each.municipality for each in found):
        if not one.tables and not any(one.has(f"nationellt:{name}") for name in one.national
                                      if "omrade" in one.national[name]):
            print(f"{one.slug}: underlaget för {one.name} är ännu tomt. Fyll i arbetsboken och läs in den med: "
                  f"python -m analysis import {_quoted(f'{one.slug}.xlsx')}")
            continue
        texts = f", {len(one.texts)} {'text' if len(one.texts) == 1 else 'texter'}" if one.texts else ""
        tables = (f"{len(one.tables)} {'tabell' if len(one.tables) == 1 else 'tabeller'}" if one.tables else
                  "bara nationella uppgifter")
        print(f"{one.slug}: underlaget för {one.name} är i ordning ({tables}{texts}).")
    return 0


def _fetch(options: argparse.Namespace) -> int:
    # Imported here: it takes a moment that the other commands need not wait for.
    from analysis.sources import fetch
    from analysis.sources.kolada import KoladaFault

    data = _data(options)
    try:
        outcome = fetch.rebuild(options.slugs, data) if options.offline else fetch.fetch(
            options.slugs, data, address=options.api)
    except KoladaFault as fault:
        print(fault, file=sys.stderr)
        print(options.unharmed, file=sys.stderr)
        return 1
    for line in outcome.changes:
        print(line)
    for note in outcome.notes:
        print(f"Att veta: {note}")
    print(f"Klart. Tabellerna ligger i {data / 'nationellt' / 'kolada'}.")
    return 0


def _build(options: argparse.Namespace) -> int:
    from analysis.publish.command import Choices, build
    from analysis.publish.places import default_out

    data = _data(options)
    # Documents take several times as long as all else; for a folder of one's own data they are made, as they always
    # were, elsewhere when they are asked for.
    documents = data.resolve() == default_data_directory() if options.dokument is None else options.dokument
    out = Path(os.path.abspath(options.out)) if options.out else default_out(PROJECT_ROOT)
    return build(Choices(options.slugs, data, out, PROJECT_ROOT, options.jobs, documents, force=options.force,
                         quiet=options.quiet, verbose=options.verbose, dask=options.dask))


def _serve(options: argparse.Namespace) -> int:
    # Imported here: it takes a second that the other commands need not wait for.
    from analysis.publish import serve, site

    data = _data(options)
    for slug in set(options.slugs) - set(list_municipalities(data)):
        load_municipality(slug, data)  # tells that it is not there: a name that is wrong is not mended by saving
    out = Path(os.path.abspath(options.out)) if options.out else site.default_out(PROJECT_ROOT)
    # Nobody reads a PDF between two saves, and it takes longer than all else.
    arguments = ["build", *options.slugs, "--data", str(data), "--out", str(out), "--utan-dokument"]
    try:
        site.refuse_foreign(out, PROJECT_ROOT)
        with serve.Pages(out, options.port) as pages:
            serve.serve(pages, serve.watched_paths(data, PROJECT_ROOT), lambda: serve.build_apart(arguments),
                        first_page=f"{options.slugs[0]}/index.html" if len(options.slugs) == 1 else "",
                        open_browser=options.oppna)
    except (site.SiteFault, serve.ServeFault) as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0


def _notebooks(options: argparse.Namespace) -> int:
    from analysis.present.numbers import number
    from analysis.publish.plan import read_chapters
    from analysis.publish.refresh import refresh_notebooks
    from analysis.publish.running.fitting import fitting_jobs

    start = time.monotonic()
    chapters = read_chapters(PROJECT_ROOT)
    print(f"Kör {len(chapters)} kapitel")
    faults = refresh_notebooks([chapter.path for chapter in chapters], PROJECT_ROOT, options.jobs or fitting_jobs())
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        print(f"Klart ({number(time.monotonic() - start, 1)} s). Kapitlen i chapters/ är uppdaterade.")
    return 1 if faults else 0
