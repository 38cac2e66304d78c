"""A bad day: refusals, errors, broken connections and failed ingestions, by chance, over a whole apply.

Thousands of documents over HTTP in `benchmarks/bad_day.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.faulty import BAD_DAY, day, undone, write

DOCUMENTS = 200
APPLIES = 4
SEEDS = (1, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(2, 10)))

MANIFEST = """
vector_stores:
  docs: {files: [{path: "docs/**", attributes: {team: blue}}]}
  more: {files: [more/**]}
assistants:
  tutor:
    model: gpt-6-luna
    tools:
      - {type: file_search, vector_stores: [docs]}
      - {type: code_interpreter, files: [data/*]}
"""


def documents(edition: str) -> dict[str, str]:
    """Give the files: some change from one edition to the next, some come and some go."""
    changed = {f"docs/{number}.md": f"# {number}\n{edition if number % 10 == 0 else ''}" for number in range(DOCUMENTS)}
    added = {f"more/{edition}-{number}.txt": f"{number}" for number in range(DOCUMENTS // 10)}
    return {**changed, **added, "data/numbers.csv": f"{edition}\n1\n"}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    root = tmp_path_factory.mktemp("project")
    result = []
    with day(root) as calm:
        for edition in ("first", "second"):
            write(root, MANIFEST, documents(edition))
            calm.converge()
            result.append(calm.whole.told)
    return result


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_it_converges_without_duplicates_and_without_orphans(
    tmp_path: Path, undisturbed: list[list[str]], seed: int
) -> None:
    """What one apply could not do it says; what may have been done it never does twice; the next ones do the rest."""
    root = tmp_path / "project"
    root.mkdir()
    with day(root, *BAD_DAY, seed=seed) as bad:
        for edition, expected in zip(("first", "second"), undisturbed, strict=True):
            write(root, MANIFEST, documents(edition))
            for _ in range(APPLIES):
                left = undone(bad.apply())
                assert all(why for _, why in left)
                if not left:
                    break
            assert left == []
            assert bad.plan().pending == ()
            assert bad.whole.told == expected
