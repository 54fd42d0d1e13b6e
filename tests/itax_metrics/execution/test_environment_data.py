"""Data put into a pinned environment: all of them or nothing, seen by programs, part of keys and records."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import shutil
import socket
import stat
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from itax_metrics.errors import ConfigError, ExecutionError
from itax_metrics.execution import LocalExecutor, Program, environment_creation, environment_data, environments, probe
from itax_metrics.execution.environment_data import Resource
from itax_metrics.execution.environments import Pins
from itax_metrics.records import Status

TOY = Pins("toy", f"{sys.version_info[0]}.{sys.version_info[1]}", (), "this test", True, ("json",))
CSV = b"bill,tip\n10,1\n"


def words() -> bytes:
    """A corpus as its publisher packs it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("words/en", "tea\n")
    return packed.getvalue()


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A folder of what there is to fetch."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / "tips.csv").write_bytes(CSV)
    (folder / "words.zip").write_bytes(words())
    return folder


@pytest.fixture
def served(mirror: Path) -> Iterator[str]:
    """The same by HTTP on this machine."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(mirror))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: str) -> Path:
    """A folder with an environment that has two things to fetch."""
    resources = (
        Resource(f"{served}/tips.csv", "seaborn/tips.csv", sha256=hashlib.sha256(CSV).hexdigest()),
        Resource(f"{served}/words.zip", "nltk/corpora", "zip"),
    )
    monkeypatch.setattr(environments, "pinned", lambda: {"toy": TOY})
    monkeypatch.setattr(environment_creation, "_VENV", ("-m", "venv", "--without-pip"))
    monkeypatch.setattr(environment_data, "listed", lambda: {"toy": resources})
    environment_creation.create("toy", tmp_path / "envs")
    return tmp_path / "envs"


def test_every_listed_resource_has_an_address_and_a_name_of_its_own() -> None:
    """A mirror keeps all files of an environment in one folder."""
    assert {"ds1000": 5, "bigcodebench": 7} == {name: len(found) for name, found in environment_data.listed().items()}
    for found in environment_data.listed().values():
        assert len(found) == len({resource.name for resource in found}) == len({r.address for r in found})
        assert all(resource.address.startswith("https://") for resource in found)
        assert {"file", "zip", "california"} >= {resource.form for resource in found}


def test_data_come_from_their_addresses_or_from_a_mirror(toy: Path, mirror: Path, served: str) -> None:
    """By HTTP, from an address, from a folder: the same data, the same digest."""
    assert "" == environments.find("toy", toy).data
    found = [environment_data.seed("toy", toy, source=source) for source in (None, served, str(mirror))]
    assert 1 == len({environment.data for environment in found})
    assert CSV == (found[0].folder / environments.DATA / "seaborn" / "tips.csv").read_bytes()
    assert "data" in environments.record(found[0])


def test_what_cannot_be_fetched_is_named_all_at_once(toy: Path, mirror: Path) -> None:
    """Nothing changes, neither the data that are there nor the environment."""
    before = environment_data.seed("toy", toy)
    (mirror / "tips.csv").unlink()
    (mirror / "words.zip").unlink()
    with pytest.raises(ExecutionError, match=r"2 of 2 data files .* tips\.csv, words\.zip .* env_unavailable"):
        environment_data.seed("toy", toy)
    assert before == environments.find("toy", toy)
    assert [] == [name for name in os.listdir(toy / "toy") if name.startswith(".itax-data")]


def test_a_pinned_file_with_other_content_is_refused(toy: Path, mirror: Path) -> None:
    """Where somebody pins it."""
    (mirror / "tips.csv").write_bytes(b"bill,tip\n")
    with pytest.raises(ExecutionError, match=r"is not tips\.csv as published"):
        environment_data.seed("toy", toy)
    assert "" == environments.find("toy", toy).data


def test_an_archive_that_is_none_is_refused(toy: Path, mirror: Path) -> None:
    """A proxy's page of apologies, for instance."""
    (mirror / "words.zip").write_bytes(b"<html>")
    with pytest.raises(ExecutionError, match=r"words\.zip is no zip archive"):
        environment_data.seed("toy", toy)


def test_a_download_that_is_cut_off_is_refused(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body shorter than announced is no file, though nobody pins its content."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\nbill,tip\n")

        threading.Thread(target=answer, daemon=True).start()
        resource = Resource(f"http://127.0.0.1:{server.getsockname()[1]}/tips.csv", "seaborn/tips.csv")
        monkeypatch.setattr(environment_data, "listed", lambda: {"toy": (resource,)})
        with pytest.raises(ExecutionError, match=r"tips\.csv: cut off after 9 of 10000 bytes"):
            environment_data.seed("toy", toy)
    assert "" == environments.find("toy", toy).data


def test_everybody_may_read_the_data(toy: Path) -> None:
    """Programs of a run by root are another user's, whatever the umask was."""
    before = os.umask(0o077)
    try:
        environment_data.seed("toy", toy)
    finally:
        os.umask(before)
    data = toy / "toy" / environments.DATA
    modes = {path.is_dir(): set[int]() for path in data.rglob("*")}
    for path in (data, *data.rglob("*")):
        modes[path.is_dir()].add(stat.S_IMODE(path.stat().st_mode))
    assert {True: {0o755}, False: {0o644}} == modes


@pytest.mark.parametrize("change", [{"place": "nltk/words"}, {"form": "file", "place": "nltk/corpora/words.zip"}])
def test_where_data_lie_is_part_of_their_digest(
    toy: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
) -> None:
    """The same bytes in another place, or packed, are other data to a program."""
    before = environment_data.seed("toy", toy).data
    moved = tuple(replace(each, **change) if each.form == "zip" else each for each in environment_data.listed()["toy"])
    monkeypatch.setattr(environment_data, "listed", lambda: {"toy": moved})
    assert before != environment_data.seed("toy", toy).data


def test_old_data_stay_when_the_new_ones_cannot_be_moved_in(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error between the two renames puts them back and is told as ours."""
    before = environment_data.seed("toy", toy)
    rename = os.replace

    def refuse_new(source: Path, target: Path) -> None:
        if source.name == "new":
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "replace", refuse_new)
    with pytest.raises(ExecutionError, match=r"cannot be put into .*No space left on device.*Nothing was changed"):
        environment_data.seed("toy", toy)
    assert before == environments.find("toy", toy)
    assert (toy / "toy" / environments.DATA / "seaborn" / "tips.csv").is_file()
    assert [] == [name for name in os.listdir(toy / "toy") if name.startswith(".itax-data")]


def test_what_a_killed_call_left_is_cleared(toy: Path, mirror: Path) -> None:
    """Killed between the two renames, it is put right by the next call, even one that fails."""
    before = environment_data.seed("toy", toy)
    environment = toy / "toy"
    (environment / ".itax-data-killed").mkdir()
    os.replace(environment / environments.DATA, environment / ".itax-data-killed" / "old")
    shutil.copytree(environment / ".itax-data-killed", environment / ".itax-data-earlier" / "new")
    (mirror / "tips.csv").unlink()
    with pytest.raises(ExecutionError, match="could not be fetched"):
        environment_data.seed("toy", toy)
    assert before == environments.find("toy", toy)
    assert [] == [name for name in os.listdir(environment) if name.startswith(".itax-data")]


def test_two_calls_at_once_are_one_too_many(toy: Path) -> None:
    """The second would take the first one's work for left-overs."""
    held = os.open(toy / "toy", os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ExecutionError, match="by another process"):
            environment_data.seed("toy", toy)
    finally:
        os.close(held)


def test_data_stay_when_an_environment_is_made_again(toy: Path) -> None:
    """Made again with the same pins, it needs no network and no mirror."""
    before = environment_data.seed("toy", toy)
    assert before == environment_creation.create("toy", toy, force=True)
    assert CSV == (toy / "toy" / environments.DATA / "seaborn" / "tips.csv").read_bytes()


def test_data_of_other_pins_do_not_stay(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library of another version may not read what its predecessor converted."""
    environment_data.seed("toy", toy)
    monkeypatch.setattr(environments, "pinned", lambda: {"toy": replace(TOY, requirements=("json==1",))})
    monkeypatch.setattr(environment_creation, "_install", lambda *_: None)
    for module in (environments, environment_creation):
        monkeypatch.setattr(module, "installed", lambda _: ("json==1",))
    assert "" == environment_creation.create("toy", toy, force=True).data
    assert not (toy / "toy" / environments.DATA).exists()


def test_environments_without_data_say_so(toy: Path) -> None:
    """And which have any."""
    with pytest.raises(ConfigError, match="classeval has no data to fetch"):
        environment_data.seed("classeval", toy)


@pytest.mark.skipif(not probe().contained, reason="this machine does not contain programs")
def test_programs_read_the_data_where_the_libraries_look(toy: Path) -> None:
    """The variables of seaborn and NLTK; the same program without data is another one to the cache."""
    source = (
        "import os\n"
        "assert open(os.environ['SEABORN_DATA'] + '/tips.csv').read().startswith('bill')\n"
        "assert open(os.environ['NLTK_DATA'] + '/corpora/words/en').read() == 'tea\\n'\n"
        "assert 'SCIKIT_LEARN_DATA' not in os.environ\n"
    )
    program = Program(source, environment="toy")
    statuses, runtimes = [], []
    for data in (False, True):
        if data:
            environment_data.seed("toy", toy)
        with LocalExecutor(environments_folder=toy, workers=1) as executor:
            statuses.append(executor.run([program])[0].status)
            runtimes.append(executor._runtime("python", "toy"))
    assert [Status.ERROR, Status.PASSED] == statuses
    assert 2 == len(set(runtimes))
