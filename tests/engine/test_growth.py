"""What planning costs grows with what goes, and no faster: set elements are counted, where C code would hide them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deployer.engine.uploads import Releases


class Counted(list[str]):
    """Ids that were attached anew; `read` counts how often one of them is looked at."""

    read = 0

    def __iter__(self) -> Iterator[str]:
        for one in super().__iter__():
            self.read += 1
            yield one


@pytest.mark.parametrize("size", (10, 1000))
def test_files_that_go_are_compared_once_with_those_that_stay(size: int) -> None:
    releases, used = Releases(), Counted(f"stays-{number}" for number in range(size))
    for number in range(size):
        releases.add(f"goes-{number}", "vector_store/docs", f"key {number}")
    deletes = releases.deletes({}, used)
    assert [len(found) for found in deletes.values()] == [size]
    assert used.read == size
