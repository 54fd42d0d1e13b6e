"""Data put into a pinned environment: all of them or nothing, seen by programs, part of keys and records."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import threading
import zipfile
from collections.abc import Iterator
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
