"""Streams that fail under what is being done."""

from __future__ import annotations

import errno
import gc
import io
import os
import sys
from pathlib import Path

import click
import pytest

from deployer.render.lines import Segment
from deployer.render.output import Lasting, lasting, prepare, silence
from deployer.render.text import console

FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


class Failing(io.StringIO):
    """A file that takes so many writes and then fails for good; `tries` counts what was tried after that."""

    def __init__(self, good: int, error: OSError) -> None:
        super().__init__()
        self.good, self.error, self.tries = good, error, 0

    def write(self, text: str) -> int:
        if self.good == 0:
            self.tries += 1
            raise self.error
        self.good -= bool(text)  # click tries a stream with nothing
        return super().write(text)


def full(good: int = 0) -> Failing:
    return Failing(good, OSError(errno.ENOSPC, "No space left on device"))


def test_it_falls_silent_at_the_first_failure() -> None:
    file = full(1)
    output = Lasting(file)
    assert [output.write(text) for text in ("one", "two", "three")] == [3, 3, 5]
    output.writelines(["four", "five"])
    output.flush()
    assert (file.getvalue(), file.tries) == ("one", 1)
    assert output.lost is file.error


def test_it_passes_for_the_stream_that_it_stands_for() -> None:
    with Path(os.devnull).open("w", encoding="latin-1", errors="replace") as file:
        output = Lasting(file)
        assert (output.encoding, output.errors) == ("latin-1", "replace")
        assert (output.isatty(), output.fileno(), output.buffer) == (False, file.fileno(), file.buffer)


def test_it_leaves_a_stream_alone_when_it_goes_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner may have closed it long before: then a flush is an error, told by Python 3.13 and later."""
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    with (tmp_path / "output").open("w", encoding="utf-8") as file:
        output = Lasting(file)
        assert output.write("a") == 1
    del output
    gc.collect()
    assert told == []
    with (tmp_path / "output").open("w", encoding="utf-8") as file:
        Lasting(file).write("a")
        gc.collect()
        assert not file.closed


@FULL
def test_what_a_full_disk_holds_back_does_not_fail_again_at_the_end() -> None:
    file = Path("/dev/full").open("w", encoding="utf-8")  # noqa: SIM115 (its end is what is tested)
    output = Lasting(file)
    output.write("held back until it is flushed")
    output.flush()
    assert output.lost
    assert output.lost.errno == errno.ENOSPC
    file.close()


def test_a_stream_without_a_descriptor_needs_no_silence() -> None:
    silence(io.StringIO())


def test_what_is_done_meanwhile_goes_on_and_the_loss_is_told_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = full(1)
    monkeypatch.setattr(sys, "stdout", file)
    with lasting():
        click.echo("one")
        console(sys.stdout).print(Segment("two"))
        click.echo("three")
    assert sys.stdout is file
    assert file.getvalue() == "one\n"
    assert capsys.readouterr().err == (
        "the output could not be written to its end (No space left on device); what is done is done\n"
    )


def test_when_nobody_listens_nobody_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", Failing(0, BrokenPipeError()))
    with lasting() as output:
        click.echo("one")
    assert isinstance(output.lost, BrokenPipeError)
    assert capsys.readouterr().err == ""


def test_what_was_closed_is_empty_and_stderr_never_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout"):
        monkeypatch.setattr(sys, name, None)
    monkeypatch.setattr(sys, "stderr", full())
    prepare()
    with sys.stdin as given, sys.stdout as taken:
        assert given.read() == ""
        assert taken.write("nothing") == 7
    click.echo("nobody can read this", err=True)
