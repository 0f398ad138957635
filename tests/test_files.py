"""Files on disk that books and the site share: stored once, and never a way for one to alter another."""

from __future__ import annotations

import errno
import functools
import os
import random
import shutil
from pathlib import Path

import pytest
from test_publish import fake_book

from analysis.publish import site
from analysis.publish.files import link_folder, link_or_copy, place, write_anew
from analysis.publish.finished import finish, is_finished, throw_away_others
from analysis.publish.places import files_of_books, spare_site

FAULTS = [errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP]


def no_links(monkeypatch, number=errno.EPERM):
    """Let the file system have no links."""
    def refuse(source, target):
        raise OSError(number, os.strerror(number), source, None, target)

    monkeypatch.setattr(os, "link", refuse)


def full_disk(monkeypatch, after):
    """Let the disk be full after a number of files."""
    count = iter(range(10**6))
    link = os.link

    def fill(source, target):
        if next(count) >= after:
            raise OSError(errno.ENOSPC, "No space left on device")
        link(source, target)

    def refuse(source, target):
        Path(target).write_bytes(b"")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", fill)
    monkeypatch.setattr(shutil, "copy2", refuse)


@pytest.fixture
def books(tmp_path):
    """Finished books, one with a folder in it."""
    work = tmp_path / "arbete"
    for slug in ("aby", "bro"):
        html = fake_book(tmp_path / slug, slug, f"Boken om {slug}")
        (html / "_static").mkdir()
        (html / "_static" / "bok.css").write_text("body {}", encoding="utf-8")
        finish(html, work, slug, "nyckel")
    return {slug: work / "books" / slug for slug in ("aby", "bro")}


def files(folder):
    """Return every file below a folder, by its path there."""
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def content(folder):
    """Return what every file below a folder holds."""
    return {name: path.read_bytes() for name, path in files(folder).items()}


@pytest.mark.parametrize("number", FAULTS)
def test_without_links_a_file_is_copied_with_its_time(tmp_path, monkeypatch, number):
    no_links(monkeypatch, number)
    one, other = tmp_path / "ett", tmp_path / "tva"
    one.write_text("Text", encoding="utf-8")
    os.utime(one, ns=(10**18, 10**18))
    link_or_copy(one, other)
    assert other.read_text(encoding="utf-8") == "Text" and not other.samefile(one)
    assert other.stat().st_mtime_ns == 10**18


def test_a_file_that_is_there_is_not_taken_for_the_other(tmp_path):
    one, other = tmp_path / "ett", tmp_path / "tva"
    one.write_text("Text", encoding="utf-8")
    other.write_text("Annat", encoding="utf-8")
    with pytest.raises(FileExistsError):
        link_or_copy(one, other)
    assert other.read_text(encoding="utf-8") == "Annat"


def test_a_folder_is_linked_with_all_that_is_in_it(tmp_path, books):
    link_folder(books["aby"], tmp_path / "kopia")
    assert content(tmp_path / "kopia") == content(books["aby"])
    assert all(path.samefile(books["aby"] / name) for name, path in files(tmp_path / "kopia").items())
    with pytest.raises(FileNotFoundError):
        link_folder(tmp_path / "saknas", tmp_path / "annan")


def test_writing_anew_leaves_other_names_and_nothing_half_written(tmp_path, monkeypatch):
    one, other = tmp_path / "ett", tmp_path / "tva"
    write_anew(one, b"gammal")
    os.link(one, other)
    write_anew(one, b"ny")
    assert (one.read_bytes(), other.read_bytes()) == (b"ny", b"gammal")

    def refuse(self, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(OSError):
        write_anew(one, b"nyast")
    assert one.read_bytes() == b"ny" and sorted(path.name for path in tmp_path.iterdir()) == ["ett", "tva"]


def test_a_shared_file_is_one_on_disk_until_it_changes(tmp_path):
    shared = tmp_path / "delat"
    for name in ("delat", "a", "b", "c"):
        (tmp_path / name).mkdir()
    targets = [tmp_path / name / "bok.css" for name in "abc"]
    place(b"gammal", targets[0], shared)
    place(b"gammal", targets[1], shared)
    assert targets[0].samefile(targets[1]) and targets[0].samefile(shared / "bok.css")
    place(b"ny", targets[2], shared)
    assert [target.read_bytes() for target in targets] == [b"gammal", b"gammal", b"ny"]
    place(b"egen", targets[2], None)
    assert (shared / "bok.css").read_bytes() == b"ny" and targets[2].read_bytes() == b"egen"


def book_with(folder, **tables):
    """Return a book with tables of these names and contents."""
    html = fake_book(folder, folder.name, "Boken")
    (html / "tabeller").mkdir()
    for name, text in tables.items():
        (html / "tabeller" / f"{name}.csv").write_text(text, encoding="utf-8")
    return html


def test_what_several_books_have_is_one_file_on_disk(tmp_path):
    work = tmp_path / "arbete"
    for slug, own in (("aby", "1"), ("bro", "2"), ("ced", "2"), ("dal", "1")):
        finish(book_with(tmp_path / slug, rikets="0", egen=own), work, slug, "nyckel")
        assert is_finished(work, slug, "nyckel")
    tables = {slug: work / "books" / slug / "tabeller" for slug in ("aby", "bro", "ced", "dal")}
    nations, own = ([folder / f"{name}.csv" for folder in tables.values()] for name in ("rikets", "egen"))
    assert all(path.samefile(nations[0]) for path in nations)
    assert [path.read_text(encoding="utf-8") for path in own] == ["1", "2", "2", "1"]
    # It is compared with the file that the book before had; pages are never shared.
    assert own[1].samefile(own[2]) and not own[0].samefile(own[3])
    assert not (work / "books" / "aby" / "index.html").samefile(work / "books" / "bro" / "index.html")
    assert {path.name for folder in tables.values() for path in folder.iterdir()} == {"rikets.csv", "egen.csv"}
    # One that somebody has written into is no longer what a new book has, and a new book does not heal it unseen.
    nations[0].write_text("9", encoding="utf-8")
    assert not any(is_finished(work, slug, "nyckel") for slug in tables)
    finish(book_with(tmp_path / "aby2", rikets="0", egen="1"), work, "aby", "nyckel")
    assert nations[0].read_text(encoding="utf-8") == "0" and is_finished(work, "aby", "nyckel")


def test_a_file_that_another_book_puts_in_its_place_meanwhile_is_not_taken(tmp_path, monkeypatch):
    work = tmp_path / "arbete"
    finish(book_with(tmp_path / "aby", egen="1"), work, "aby", "nyckel")
    html, link = book_with(tmp_path / "bro", egen="1"), os.link

    def replace_first(source, target):
        if Path(source).is_relative_to(work):
            write_anew(Path(source), b"annan")
        link(source, target)

    monkeypatch.setattr(os, "link", replace_first)
    finish(html, work, "bro", "nyckel")
    for slug in ("aby", "bro"):
        assert (work / "books" / slug / "tabeller" / "egen.csv").read_bytes() == b"1"


def test_what_is_open_in_another_program_leaves_nothing_of_another_book(tmp_path, monkeypatch):
    """Windows takes no name away from a file that somebody reads, under whichever name."""
    work = tmp_path / "arbete"
    finish(book_with(tmp_path / "aby", egen="1"), work, "aby", "nyckel")
    html = book_with(tmp_path / "bro", egen="2")

    def refuse(path, **options):
        if "egen" in path.name:
            raise PermissionError(errno.EACCES, "Åtkomst nekad", str(path))
        unlink(path, **options)

    unlink = Path.unlink
    with monkeypatch.context() as windows:
        windows.setattr(Path, "unlink", refuse)
        finish(html, work, "bro", "nyckel")
    own = work / "books" / "bro" / "tabeller"
    assert [(path.name, path.read_bytes()) for path in own.iterdir()] == [("egen.csv", b"2")]
    assert is_finished(work, "bro", "nyckel")


def test_what_no_book_has_any_more_is_thrown_away_from_what_they_had_in_common(tmp_path):
    work = tmp_path / "arbete"
    for slug in ("aby", "bro"):
        finish(book_with(tmp_path / slug, rikets="0", **{slug: "1"}), work, slug, "nyckel")
    shutil.rmtree(work / "books" / "bro")
    throw_away_others(work, ["aby"])
    assert sorted(path.name for path in files_of_books(work).iterdir()) == ["aby.csv", "rikets.csv"]


@pytest.mark.parametrize("number", FAULTS)
def test_without_links_each_book_has_its_own_files(tmp_path, monkeypatch, number):
    work = tmp_path / "arbete"
    no_links(monkeypatch, number)
    for slug in ("aby", "bro"):
        finish(book_with(tmp_path / slug, rikets="0"), work, slug, "nyckel")
        assert is_finished(work, slug, "nyckel")
    one, other = (work / "books" / slug / "tabeller" / "rikets.csv" for slug in ("aby", "bro"))
    assert one.read_bytes() == other.read_bytes() == b"0" and not one.samefile(other)
    assert [path.name for path in one.parent.iterdir()] == ["rikets.csv"]


@pytest.fixture(params=["with a spare", "without"])
def publish(request, tmp_path):
    """Replace the site, with the one before to make it of or without."""
    spare = spare_site(tmp_path / "arbete") if request.param == "with a spare" else None
    return functools.partial(site.publish, spare=spare)


@pytest.mark.parametrize("linked", [True, False])
def test_the_site_has_every_file_of_the_books(tmp_path, books, publish, monkeypatch, linked):
    if not linked:
        no_links(monkeypatch)
    out = tmp_path / "sajt"
    publish(books, out, carry_over=False, guide=books["bro"])
    for name, book in {**books, "handbok": books["bro"]}.items():
        assert content(out / name) == content(book)
        assert all(path.samefile(book / inside) is linked for inside, path in files(out / name).items())
    # A book that is not built again stays, though only the site has it.
    shutil.rmtree(books["bro"])
    publish({"aby": books["aby"]}, out, carry_over=True)
    publish({"aby": books["aby"]}, out, carry_over=True)
    assert (out / "bro" / "index.html").read_text(encoding="utf-8") == "Boken om bro"
    copy = shutil.copytree(out / "bro", tmp_path / "kopia")
    shutil.rmtree(out)
    assert (copy / "_static" / "bok.css").read_text(encoding="utf-8") == "body {}"


def test_what_is_changed_in_the_site_does_not_pass_for_a_finished_book(tmp_path, books, publish):
    out, work = tmp_path / "sajt", tmp_path / "arbete"
    publish(books, out, carry_over=False)
    assert is_finished(work, "aby", "nyckel")
    # Another file in its place is only the site's, and the next site has the book's.
    write_anew(out / "aby" / "index.html", b"Ersatt")
    (out / "aby" / "_static" / "bok.css").unlink()
    assert is_finished(work, "aby", "nyckel")
    publish(books, out, carry_over=False)
    assert content(out / "aby") == content(books["aby"]) and b"Ersatt" not in content(out / "aby").values()
    # What is written into it is also the book's, which is then built anew.
    with (out / "aby" / "index.html").open("a", encoding="utf-8") as file:
        file.write(" och mer")
    assert not is_finished(work, "aby", "nyckel") and is_finished(work, "bro", "nyckel")


def test_a_new_book_in_the_old_ones_place_leaves_the_site_as_it_is(tmp_path, books, publish):
    out, work = tmp_path / "sajt", tmp_path / "arbete"
    publish(books, out, carry_over=False)
    before = content(out)
    finish(fake_book(tmp_path / "ny", "aby", "Ny bok"), work, "aby", "annan")
    assert content(out) == before
    publish(books, out, carry_over=False)
    assert (out / "aby" / "index.html").read_text(encoding="utf-8") == "Ny bok"


@pytest.mark.parametrize("after", [0, 1, 4])
def test_a_full_disk_leaves_the_old_site_and_the_books(tmp_path, books, publish, monkeypatch, after):
    out = tmp_path / "sajt"
    publish(books, out, carry_over=False)
    before, kept = content(out), {slug: content(book) for slug, book in books.items()}
    with monkeypatch.context() as patch:
        full_disk(patch, after)
        with pytest.raises(OSError, match="No space"):
            publish(books, out, carry_over=False)
    assert content(out) == before and {slug: content(book) for slug, book in books.items()} == kept
    assert not (tmp_path / ".sajt-new").exists()
    publish(books, out, carry_over=False)
    assert content(out) == before


def test_ctrl_c_leaves_the_old_site(tmp_path, books, publish, monkeypatch):
    out = tmp_path / "sajt"
    publish(books, out, carry_over=False)
    before = content(out)

    def interrupted(source, target):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", interrupted)
        with pytest.raises(KeyboardInterrupt):
            publish(books, out, carry_over=False)
    assert content(out) == before and not (tmp_path / ".sajt-new").exists()


def test_what_a_killed_build_left_is_taken_away_without_harm(tmp_path, books, publish):
    """Killed while the new site was filled, and while the old one was emptied."""
    out, work = tmp_path / "sajt", tmp_path / "arbete"
    publish(books, out, carry_over=False)
    before = content(out)
    for name in (".sajt-new", ".sajt-old"):
        (tmp_path / name).mkdir()
        shutil.copy(out / site.MARKER, tmp_path / name)
        link_folder(books["aby"], tmp_path / name / "aby")
        (tmp_path / name / "aby" / "index.html").unlink()
    publish(books, out, carry_over=False)
    assert content(out) == before and is_finished(work, "aby", "nyckel")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["arbete", "sajt"]


# --- A site that is made of the one before ---------------------------------------------------------


@pytest.fixture
def spare(tmp_path):
    """Where what the site before has in common with the one that stands is kept."""
    return spare_site(tmp_path / "arbete")


def linked_by(monkeypatch, do):
    """Return the names of the books of which files were given one more name meanwhile."""
    link, found = os.link, set()

    def note(source, target):
        found.add(Path(target).relative_to(Path(target).parents[-2]).parts[-2])
        link(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", note)
        do()
    return found - {"_static"}


def test_only_books_that_have_changed_are_put_into_the_site_anew(tmp_path, books, spare, monkeypatch):
    out = tmp_path / "sajt"

    def publish():
        site.publish(books, out, carry_over=False, spare=spare)

    assert linked_by(monkeypatch, publish) == {"aby", "bro"}
    publish()  # the first site is now the spare
    assert linked_by(monkeypatch, publish) == set()
    finish(fake_book(tmp_path / "ny", "aby", "Ny bok"), tmp_path / "arbete", "aby", "annan")
    assert linked_by(monkeypatch, publish) == {"aby"}
    # Of the old book nothing is left, so that it takes no room.
    assert not (spare / "aby").exists() and (spare / "bro").exists()
    assert linked_by(monkeypatch, publish) == {"aby"}
    assert linked_by(monkeypatch, publish) == set()
    assert {name: content(out / name) for name in books} == {name: content(book) for name, book in books.items()}
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_whatever_has_happened_the_site_is_what_the_books_are(tmp_path, spare):
    """Books come, go and change, and so does what lies in the spare; each site is as if made of nothing."""
    out, work, chance, books = tmp_path / "sajt", tmp_path / "arbete", random.Random(1), {}
    for turn in range(60):
        slug = chance.choice(["aby", "bro", "ced", "dal"])
        if slug in books and chance.random() < 0.3:
            shutil.rmtree(books.pop(slug))
        elif slug not in books or chance.random() < 0.6:
            finish(book_with(tmp_path / str(turn) / slug, egen=str(turn)), work, slug, str(turn))
            books[slug] = work / "books" / slug
        lying = [path for path in sorted(spare.rglob("*")) if path.is_file() and path.name != site.MARKER]
        if lying and chance.random() < 0.5:
            path = chance.choice(lying)
            path.unlink()
            if chance.random() < 0.5:
                path.write_text("annat", encoding="utf-8")
        site.publish(books, out, carry_over=False, spare=spare)
        site.publish(books, tmp_path / "annan" / "sajt", carry_over=False)
        assert content(out) == content(tmp_path / "annan" / "sajt"), turn
    assert turn == 59 and lying


@pytest.mark.parametrize("step", range(1, 12))
def test_a_site_made_of_the_one_before_is_whole_or_the_old_one(tmp_path, books, spare, monkeypatch, step):
    """Every change of a name may be the last thing that happens."""
    out = tmp_path / "sajt"
    for _ in range(2):
        site.publish(books, out, carry_over=False, spare=spare)
    before = content(out)
    finish(fake_book(tmp_path / "ny", "aby", "Ny bok"), tmp_path / "arbete", "aby", "annan")
    count = iter(range(1, 10**6))

    class Killed(BaseException):
        pass

    def last(do):
        def call(*arguments, **options):
            if next(count) >= step:
                raise Killed
            return do(*arguments, **options)

        return call

    killed = False
    with monkeypatch.context() as patch:
        for name in ("rename", "replace", "link", "mkdir"):
            patch.setattr(os, name, last(getattr(os, name)))
        try:
            site.publish(books, out, carry_over=False, spare=spare)
        except Killed:
            killed = True
    if not out.exists():
        # The next build puts it back before it does anything else.
        site.prepare(out)
    is_new = all(content(out / name) == content(book) for name, book in books.items())
    # The last change of a name is that of the old site, when the new one stands.
    assert is_new if step >= 10 else killed and content(out) == before
    site.publish(books, out, carry_over=False, spare=spare)
    assert {name: content(out / name) for name in books} == {name: content(book) for name, book in books.items()}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_folder_in_the_spare_s_place_that_is_not_ours_is_left(tmp_path, books, spare):
    spare.mkdir(parents=True)
    (spare / "semester.jpg").write_text("x", encoding="utf-8")
    for _ in range(3):
        site.publish(books, tmp_path / "sajt", carry_over=False, spare=spare)
    assert content(tmp_path / "sajt" / "bro") == content(books["bro"])
    assert [path.name for path in spare.iterdir()] == ["semester.jpg"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
