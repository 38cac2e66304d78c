"""What a run leaves behind, damaged: caches, the journal, a saved plan, snapshots. A sentence, or it is ignored."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from deployer import load_bundle
from deployer.errors import DeployerError
from tests.support.mutations import mutated
from tests.support.state_files import BUNDLES, StateFiles, flaw, state_files


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> StateFiles:
    return state_files(tmp_path_factory.mktemp("state") / "project")


def try_many(kept: StateFiles, first: int, count: int) -> None:
    codes: set[int] = set()
    for seed in range(first, first + count):
        what, result = kept.trial(Random(seed))  # noqa: S311
        assert not flaw(result), f"{seed}: {flaw(result)}: {what}\n{result.out}{result.err}"
        codes.add(result.code)
    assert codes >= {0, 1}, "some are ignored, some are refused"


@pytest.mark.slow
def test_a_damaged_file_is_told_or_ignored(kept: StateFiles) -> None:
    """Caches and journals only save work; plans and snapshots say what to do."""
    try_many(kept, 0, 40)


@pytest.mark.nightly
@pytest.mark.parametrize("thousand", range(20))
def test_many_damaged_files_are_told_or_ignored(kept: StateFiles, thousand: int) -> None:
    try_many(kept, 1_000 * (thousand + 1), 1_000)


def test_a_damaged_bundle_is_loaded_or_refused(kept: StateFiles, tmp_path: Path) -> None:
    """By an application, which has nothing of deployer but this."""
    (sound, *_) = [content for path, content in kept.sound.items() if path.parent.name == BUNDLES]
    loaded = 0
    for seed in range(300):
        (tmp_path / "b.json").write_bytes(mutated(Random(seed), sound))  # noqa: S311
        try:
            found = load_bundle(tmp_path / "b.json", "hello")
        except DeployerError as error:
            assert "b.json" in str(error)  # noqa: PT017 (each of many)
        else:
            loaded += 1
            assert found["input"][-1] == {"role": "user", "content": "hello"}
    assert 0 < loaded < 300


def test_a_sound_file_does_what_it_is_for(kept: StateFiles) -> None:
    """Else nothing of the above would be about damage."""
    for path in kept.sound:
        for command in kept.commands(path):
            result = kept.run(command)
            assert (result.code, flaw(result)) in {(0, ""), (64, "")}, result.out + result.err
