"""Official files: found in every layout, fetched whole or not at all, refused when they are not the official ones."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from itax_metrics.errors import DataError
from itax_tasks import data
from itax_tasks.data import DataFile, UnpinnedFile
from itax_tasks.settings import Settings

ROWS = [{"task_id": f"toy/{number}", "prompt": "π = 3\u2028"} for number in range(50)]
CONTENT = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
PACKED = gzip.compress(CONTENT, mtime=0)
OTHER = CONTENT.replace(b"toy/7", b"toy/8")


class Origin(BaseHTTPRequestHandler):
    """Serves the toy file, whole and in every broken way."""

    def do_GET(self) -> None:
        bodies = {
            "/whole": PACKED,
            "/plain": CONTENT,
            "/recompressed": gzip.compress(CONTENT, compresslevel=1, mtime=1234567),
            "/altered": gzip.compress(OTHER, mtime=0),
            "/page": b"<html>Please log in</html>",
            "/short": PACKED[: len(PACKED) // 2],
            "/cut": PACKED,
        }
        if self.path == "/chunks":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n" % len(PACKED) + PACKED[:40])
            return
        if self.path == "/garbage":
            self.wfile.write(b"this is no HTTP\r\n\r\n")
            return
        body = bodies.get(self.path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:40] if self.path == "/cut" else body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on standard error."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server on the loopback interface."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Origin) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A mirror folder and a state folder, both empty; no proxy in between."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "mirror").mkdir()
    return Settings(data_dir=tmp_path / "mirror", state_dir=tmp_path / "state")


def _file(origin: str | None = None, name: str = "toy.jsonl.gz", hub: str | None = None) -> DataFile:
    return DataFile("toys", name, hashlib.sha256(CONTENT).hexdigest(), len(ROWS), origin, "MIT", hub)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Callable[[DataFile], None]:
    """Put one file into the table in place of the official ones."""

    def replace_table(file: DataFile) -> None:
        monkeypatch.setattr(data, "files", lambda: {(file.benchmark, file.name): file})

    return replace_table


def _left_behind(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.cache_dir.rglob("*") if path.is_file())


# Fetching


@pytest.mark.parametrize("path", ["/whole", "/plain", "/recompressed"])
def test_official_content_is_fetched_however_it_is_packed(path: str, address: str, settings: Settings) -> None:
    """The digest is of the content, so a recompressed or unpacked mirror serves as well."""
    target = data.fetch(_file(address + path), settings)
    assert CONTENT == gzip.decompress(target.read_bytes())


def test_a_packed_origin_is_unpacked_for_a_plain_name(address: str, settings: Settings) -> None:
    """A file keeps what its name promises: no gzip under `.jsonl`."""
    target = data.fetch(_file(address + "/whole", name="toy.jsonl"), settings)
    assert CONTENT == target.read_bytes()


def test_a_fetched_file_lies_in_the_cache_under_its_official_name(address: str, settings: Settings) -> None:
    """One file is left, with its official name, below its benchmark's folder."""
    target = data.fetch(_file(address + "/whole"), settings)
    assert settings.cache_dir / "toys" / "toy.jsonl.gz" == target
    assert ["toy.jsonl.gz"] == _left_behind(settings)


def test_progress_ends_at_the_whole_length(address: str, settings: Settings) -> None:
    """The callback hears of every byte and of the announced total."""
    heard: list[tuple[int, int | None]] = []
    data.fetch(_file(address + "/whole"), settings, lambda done, total: heard.append((done, total)))
    assert (len(PACKED), len(PACKED)) == heard[-1]


@pytest.mark.parametrize("path", ["/altered", "/page", "/short", "/cut", "/chunks", "/garbage", "/nowhere"])
def test_a_bad_download_leaves_nothing_and_names_origin_and_remedy(path: str, address: str, settings: Settings) -> None:
    """Altered, foreign, truncated or missing content: one DataError, no file, and advice that can be followed."""
    with pytest.raises(DataError) as refusal:
        data.fetch(_file(address + path), settings)
    message = str(refusal.value)
    assert [] == _left_behind(settings)
    assert address + path in message
    assert "ITAX_DATA_DIR" in message
    assert ".fetch-" not in message  # a scratch file that is gone is nothing to delete


def test_no_network_names_both_remedies(settings: Settings) -> None:
    """An unreachable origin: the folder, or a machine with network."""
    with pytest.raises(DataError, match=r"ITAX_DATA_DIR.*itax data fetch toys"):
        data.fetch(_file("http://127.0.0.1:9/nothing-listens"), settings)


def test_a_file_without_origin_is_not_sent_to_a_command_that_cannot_help(settings: Settings) -> None:
    """No address: the remedy is the folder and the data set that publishes the rows, not `itax data fetch`."""
    with pytest.raises(DataError) as refusal:
        data.fetch(_file(None, hub="someone/toys"), settings)
    message = str(refusal.value)
    assert "ITAX_DATA_DIR" in message
    assert "someone/toys" in message
    assert "itax data fetch" not in message


def test_rows_come_through_the_hub_where_there_is_no_address(
    settings: Settings, tmp_path: Path, known: Callable[[DataFile], None]
) -> None:
    """A hub file in another encoding is accepted by the digest of its rows, and read like any other."""
    rows = [{"task_id": "toy/1", "n": 1, "tags": {"a": "x"}}, {"task_id": "toy/2", "n": 2, "tags": {"a": "\u00e9"}}]
    hub = tmp_path / "hub"
    hub.mkdir()
    (hub / "test.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    lines = [json.dumps(row, sort_keys=True, separators=(",", ":")) + "\n" for row in rows]
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    file = data.DataFile(
        "toys", "toy.jsonl.gz", "0" * 64, 2, None, "MIT", hub=str(hub), hub_file="test.jsonl", rows_sha256=digest
    )
    known(file)
    data.fetch(file, settings)
    assert rows == [dict(row) for row in data.load("toys", "toy.jsonl.gz", settings).rows]


def test_altered_hub_rows_are_refused(settings: Settings, tmp_path: Path) -> None:
    """Other rows than the table's digest says leave nothing behind."""
    (tmp_path / "test.jsonl").write_text('{"task_id": "toy/1"}\n')
    file = data.DataFile(
        "toys", "toy.jsonl.gz", "0" * 64, 1, None, "MIT", hub=str(tmp_path), hub_file="test.jsonl", rows_sha256="1" * 64
    )
    with pytest.raises(DataError, match="not the official"):
        data.fetch(file, settings)
    assert not list(settings.cache_dir.rglob("*.gz"))


def test_an_interrupted_download_leaves_nothing(address: str, settings: Settings) -> None:
    """Ctrl-C in the middle: neither a half file nor a scratch file."""

    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        data.fetch(_file(address + "/whole"), settings, interrupt)
    assert [] == _left_behind(settings)


def test_a_failed_fetch_keeps_what_was_there(address: str, settings: Settings) -> None:
    """A good file in the cache survives a bad download of the same name."""
    target = data.fetch(_file(address + "/whole"), settings)
    with pytest.raises(DataError):
        data.fetch(_file(address + "/altered"), settings)
    assert CONTENT == gzip.decompress(target.read_bytes())


def test_an_unusable_cache_folder_is_one_clear_error(address: str, tmp_path: Path, settings: Settings) -> None:
    """A state folder that cannot be written is named, with the setting that moves it."""
    (tmp_path / "state").write_text("a file, no folder")
    with pytest.raises(DataError, match="ITAX_STATE_DIR"):
        data.fetch(_file(address + "/whole"), settings)


# Finding and loading


@pytest.mark.parametrize("folder", ["toys", "."])
@pytest.mark.parametrize(("name", "content"), [("toy.jsonl.gz", PACKED), ("toy.jsonl", CONTENT)])
def test_every_layout_of_a_mirror_is_read(
    folder: str, name: str, content: bytes, settings: Settings, known: Callable[[DataFile], None]
) -> None:
    """With or without the benchmark's folder, plain or gzip."""
    assert settings.data_dir is not None
    (settings.data_dir / folder).mkdir(exist_ok=True)
    (settings.data_dir / folder / name).write_bytes(content)
    known(_file())
    assert tuple(ROWS) == data.load("toys", "toy.jsonl.gz", settings).rows


def test_plain_content_under_a_gzip_name_is_read(settings: Settings, known: Callable[[DataFile], None]) -> None:
    """Some browsers unpack and keep the name; the content decides."""
    assert settings.data_dir is not None
    (settings.data_dir / "toy.jsonl.gz").write_bytes(CONTENT)
    known(_file())
    assert len(ROWS) == len(data.load("toys", "toy.jsonl.gz", settings).rows)


def test_a_json_array_is_read(settings: Settings, known: Callable[[DataFile], None]) -> None:
    """A `.json` file is one array of rows."""
    content = json.dumps(ROWS).encode()
    assert settings.data_dir is not None
    (settings.data_dir / "toy.json").write_bytes(content)
    known(DataFile("toys", "toy.json.gz", hashlib.sha256(content).hexdigest(), len(ROWS), None, "MIT"))
    assert tuple(ROWS) == data.load("toys", "toy.json.gz", settings).rows


def test_the_record_says_what_was_read(settings: Settings, known: Callable[[DataFile], None]) -> None:
    """Results keep name, digest of the content, rows and whether it was the user's mirror."""
    assert settings.data_dir is not None
    (settings.data_dir / "toy.jsonl.gz").write_bytes(PACKED)
    known(_file())
    expected = {
        "name": "toy.jsonl.gz",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "rows": len(ROWS),
        "source": "data_dir",
    }
    assert expected == data.load("toys", "toy.jsonl.gz", settings).record


def test_a_missing_file_is_fetched_once(address: str, settings: Settings, known: Callable[[DataFile], None]) -> None:
    """The first use downloads, the next one reads the cache."""
    known(_file(address + "/whole"))
    first = data.load("toys", "toy.jsonl.gz", settings)
    known(_file(address + "/nowhere"))
    assert first == data.load("toys", "toy.jsonl.gz", settings)
    assert "cache" == first.record["source"]


def test_the_mirror_comes_before_the_cache(settings: Settings) -> None:
    """ITAX_DATA_DIR is what the user asked for."""
    assert settings.data_dir is not None
    (settings.cache_dir / "toys").mkdir(parents=True)
    for folder in (settings.cache_dir / "toys", settings.data_dir):
        (folder / "toy.jsonl.gz").write_bytes(PACKED)
    assert settings.data_dir / "toy.jsonl.gz" == data.find(_file(), settings)


@pytest.mark.parametrize("content", [gzip.compress(OTHER, mtime=0), OTHER, b"", b"\x00\xff\x00"], ids=repr)
def test_other_content_is_refused_with_the_remedy(
    content: bytes, settings: Settings, known: Callable[[DataFile], None]
) -> None:
    """Altered rows are no official rows: the message names the file and what to do."""
    assert settings.data_dir is not None
    path = settings.data_dir / "toy.jsonl.gz"
    path.write_bytes(content)
    known(_file())
    with pytest.raises(
        DataError, match=r"not the official toy\.jsonl\.gz.*Delete it and run `itax data fetch toys`"
    ) as no:
        data.load("toys", "toy.jsonl.gz", settings)
    assert str(path) in str(no.value)


def test_a_cut_gzip_is_refused_with_the_remedy(settings: Settings) -> None:
    """Half a file is unreadable, which is said of that file."""
    assert settings.data_dir is not None
    path = settings.data_dir / "toy.jsonl.gz"
    path.write_bytes(PACKED[:-20])
    with pytest.raises(DataError, match=r"cannot be read.*Delete it and run `itax data fetch") as refusal:
        data.verify(_file(), settings)
    assert str(path) in str(refusal.value)


def test_a_file_altered_after_it_was_read_is_noticed(settings: Settings, known: Callable[[DataFile], None]) -> None:
    """Rows kept in memory belong to one version of the file only."""
    assert settings.data_dir is not None
    path = settings.data_dir / "toy.jsonl.gz"
    path.write_bytes(PACKED)
    known(_file())
    data.load("toys", "toy.jsonl.gz", settings)
    path.write_bytes(OTHER)
    os.utime(path, ns=(1, 1))
    with pytest.raises(DataError, match="not the official"):
        data.load("toys", "toy.jsonl.gz", settings)


def test_verify_of_nothing_is_none(settings: Settings) -> None:
    """No local copy is no error; nothing is fetched either."""
    assert data.verify(_file("http://127.0.0.1:9/"), settings) is None


# Versions whose digest is not known


UNPINNED = UnpinnedFile("toys", "toy-v2.jsonl.gz", len(ROWS), ("task_id", "prompt"), "MIT", "someone/toys", "v2")


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> None:
    """One published version without a digest."""
    monkeypatch.setattr(data, "unpinned", lambda: {(UNPINNED.benchmark, UNPINNED.name): UNPINNED})


def _written(rows: list[Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("name", ["toys/toy-v2.jsonl.gz", "toy-v2.jsonl"])
def test_an_unpinned_version_is_recorded_by_the_digest_of_its_rows(
    name: str, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever its layout and encoding; it says that it is not pinned, in the record and in one warning."""
    assert settings.data_dir is not None
    path = settings.data_dir / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(PACKED if name.endswith(".gz") else CONTENT)
    found = data.load_unpinned("toys", "toy-v2.jsonl.gz", settings)
    canonical = "".join(json.dumps(row, sort_keys=True, separators=(",", ":")) + "\n" for row in ROWS).encode()
    expected = {"name": "toy-v2.jsonl.gz", "sha256": hashlib.sha256(canonical).hexdigest(), "rows": len(ROWS)}
    assert tuple(ROWS) == found.rows
    assert {**expected, "source": "data_dir", "pinned": False} == found.record
    assert found == data.load_unpinned("toys", "toy-v2.jsonl.gz", settings)
    assert [True] == [str(path) in record.getMessage() for record in caplog.records]


@pytest.mark.usefixtures("published")
def test_an_unpinned_version_comes_from_its_split_of_the_hub_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept in the cache, and has the digest that a file of the same rows has."""
    asked = []

    def hub_rows(name: str, split: str, settings: Settings) -> list[dict[str, str]]:
        asked.append((name, split))
        return [dict(row) for row in ROWS]

    monkeypatch.setattr(data, "hub_rows", hub_rows)
    first, second = (data.load_unpinned("toys", "toy-v2.jsonl.gz", settings) for _ in range(2))
    assert [("someone/toys", "v2")] == asked
    assert ["toy-v2.jsonl.gz"] == _left_behind(settings)
    assert first == second
    assert "cache" == first.record["source"]
    assert settings.data_dir is not None
    (settings.data_dir / "toy-v2.jsonl").write_bytes(CONTENT)
    assert first.record["sha256"] == data.load_unpinned("toys", "toy-v2.jsonl.gz", settings).record["sha256"]


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (_written(ROWS[:-1]), "it has 49 rows, expected 50"),
        (_written([{"task_id": row["task_id"], "text": row["prompt"]} for row in ROWS]), "no text under prompt"),
        (_written([ROWS[0], *ROWS[:-1]]), "some task_id occurs twice"),
        (_written([[], *ROWS[1:]]), "no text under prompt, task_id"),
        (b"{", "is no file of JSON lines"),
        (b"\xff", "is no file of JSON lines"),
        (PACKED[:-20], "cannot be read"),
    ],
)
def test_rows_of_another_form_are_refused(content: bytes, why: str, settings: Settings) -> None:
    """Number, columns and ids; the message names the file."""
    assert settings.data_dir is not None
    path = settings.data_dir / "toy-v2.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=why) as refusal:
        data.load_unpinned("toys", "toy-v2.jsonl.gz", settings)
    assert str(path) in str(refusal.value)


@pytest.mark.usefixtures("published")
def test_a_pinned_file_under_the_name_of_another_version_is_refused(
    settings: Settings, known: Callable[[DataFile], None]
) -> None:
    """The one content that is known not to be that version."""
    canonical = "".join(json.dumps(row, sort_keys=True, separators=(",", ":")) + "\n" for row in ROWS).encode()
    known(replace(_file(), rows_sha256=hashlib.sha256(canonical).hexdigest()))
    assert settings.data_dir is not None
    (settings.data_dir / "toy-v2.jsonl").write_bytes(CONTENT)
    with pytest.raises(DataError, match=r"holds the rows of toy\.jsonl\.gz, which is another version"):
        data.load_unpinned("toys", "toy-v2.jsonl.gz", settings)


@pytest.mark.usefixtures("published")
def test_a_hub_split_of_another_form_is_not_kept(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written before it was checked."""
    monkeypatch.setattr(data, "hub_rows", lambda *_: ROWS[:3])
    with pytest.raises(DataError, match="the split v2 of someone/toys is not toy-v2"):
        data.load_unpinned("toys", "toy-v2.jsonl.gz", settings)
    assert [] == _left_behind(settings)


@pytest.mark.usefixtures("published")
def test_an_unpinned_version_that_is_nowhere_names_every_place(settings: Settings) -> None:
    """The folders that were looked into, the hub set, and the columns that are wanted."""
    # An empty copy stands for the hub, so that nobody is asked.
    assert settings.data_dir is not None
    (settings.data_dir / "someone" / "toys").mkdir(parents=True)
    with pytest.raises(DataError, match=r"split v2 of the hub set someone/toys.*\(task_id, prompt\)") as refusal:
        data.load_unpinned("toys", "toy-v2.jsonl.gz", settings)
    for place in (settings.data_dir, settings.cache_dir / "toys"):
        assert f"{place}/toy-v2.jsonl.gz" in str(refusal.value)


# The table


def test_no_unpinned_version_bears_the_name_of_a_pinned_file() -> None:
    """A file with a digest is never read without it."""
    names = {file.name for file in data.files().values()}
    assert [] == [file.name for file in data.unpinned().values() if file.name in names]
    assert all(file.rows > 0 and "task_id" in file.fields and file.licence for file in data.unpinned().values())


def test_every_entry_is_well_formed() -> None:
    """Digest, rows, licence and a name that tells the format, for each file of the table."""
    for file in data.files().values():
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256), file
        assert (file.rows > 0) is not file.name.endswith(".py"), file
        assert file.licence, file
        assert re.fullmatch(r"[\w.-]+\.jsonl?\.gz|\w+\.(json|py)", file.name), file
        assert file.origin or file.hub, file


def test_every_origin_is_pinned() -> None:
    """An address names a commit or a release, so that the digest stays the right one."""
    loose = [
        file.origin
        for file in data.files().values()
        if file.origin and not re.search(r"^https://[^ ]+/([0-9a-f]{40}|releases/download/v[\d.]+)/", file.origin)
    ]
    assert [] == loose


def test_no_two_entries_are_one_file() -> None:
    """Names are unique even where a mirror has no folders; digests are unique too."""
    entries = list(data.files().values())
    assert len(entries) == len({file.name for file in entries})
    assert len(entries) == len({file.sha256 for file in entries})


def test_benchmarks_come_in_the_order_of_the_table() -> None:
    """The first benchmark of the table is the first one named."""
    assert "hefim" == data.benchmarks()[0]
    assert {file.benchmark for file in data.files().values()} == set(data.benchmarks())


@pytest.mark.parametrize("key", sorted(data.files()), ids="/".join)
def test_a_local_official_file_verifies(key: tuple[str, str], tmp_path: Path) -> None:
    """The user's copy has the stated digest and the stated rows."""
    folder = os.environ.get("ITAX_DATA_DIR")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ITAX_DATA_DIR does not name a folder with the official benchmark files")
    settings = Settings(data_dir=Path(folder), state_dir=tmp_path)
    file = data.files()[key]
    if data.find(file, settings) is None:
        pytest.skip(f"{file.name} is not in ITAX_DATA_DIR")
    if not file.rows:
        assert data.text(*key, settings)
        return
    assert file.rows == len(data.load(*key, settings).rows)
