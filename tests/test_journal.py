"""Lines that go to the journal say how bad they are; all others stay as they are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from live import COMMAND, clean_environment

from monitor.journal import graded, leads_to_journal


def named(fd: int) -> str:
    status = os.fstat(fd)
    return f"{status.st_dev}:{status.st_ino}"


def said(*words: str, cwd: Path, journal: bool) -> str:
    """Give a command whose errors go to a pipe, which is the journal or is not."""
    reader, writer = os.pipe()
    environment = clean_environment(JOURNAL_STREAM=named(writer) if journal else "1:2", HOME=str(cwd))
    subprocess.run(
        [*COMMAND, *words], stdout=subprocess.DEVNULL, stderr=writer, cwd=cwd, env=environment, check=False, timeout=60
    )
    os.close(writer)
    with os.fdopen(reader) as pipe:
        return pipe.read()


CONFIG = 'foo = 1\ninterval = 3\n[accounts.main]\napi_key = "key-of-main-0001"\n'


def test_a_mistake_is_an_error_in_the_journal_and_what_is_odd_a_warning(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(CONFIG)
    lines = said("config", "check", cwd=tmp_path, journal=True).splitlines()
    assert [line[:4] for line in lines] == ["<4>w", "<3>/", "<3>/"]
    assert lines[0].startswith("<4>warning: no channel: ")
    assert said("config", "check", cwd=tmp_path, journal=False) == "".join(f"{line[3:]}\n" for line in lines)


def test_what_keeps_run_from_starting_is_an_error_in_the_journal(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("foo = 1\n")
    lines = said("run", cwd=tmp_path, journal=True).splitlines()
    assert lines
    assert all(line.startswith("<3>Error: ") for line in lines)


def test_a_line_that_is_written_in_parts_is_graded_once(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w", encoding="ascii") as file:
        stream = graded(file, {"JOURNAL_STREAM": named(file.fileno())})
        assert stream is not None
        for part in ("one", " line\nWarning: two\n", "é"):
            stream.write(part)
        with pytest.raises(TypeError):
            stream.write(b"bytes")  # type: ignore[arg-type]
        stream.flush()
        assert (tmp_path / "journal").read_bytes() == b"<3>one line\n<4>Warning: two\n<3>\\xe9"
        stream.detach()  # type: ignore[attr-defined]


def test_a_stream_that_leads_elsewhere_is_left_as_it_is() -> None:
    assert graded(sys.stderr, {}) is sys.stderr
    with Path(os.devnull).open() as nowhere:
        assert not leads_to_journal(nowhere, {"JOURNAL_STREAM": "1:2"})
        assert graded(nowhere, {"JOURNAL_STREAM": "1:2"}) is nowhere
