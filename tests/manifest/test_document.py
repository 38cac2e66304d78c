"""Places: of values, of keys, and of what is not there."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from deployer.manifest.document import SourceDocument
from deployer.manifest.yaml12 import read

SECTIONS = {"vector_stores": "vector_store", "assistants": "assistant"}
TEXT = "assistants:\n  tutor:\n    tools:\n      - {type: function}\n"


@pytest.mark.parametrize(
    ("path", "value", "key"),
    (
        ((), "m:1:1", "m:1:1"),
        (("assistants",), "m:2:3", "m:1:1"),
        (("assistants", "tutor"), "m:3:5", "m:2:3"),
        (("assistants", "tutor", "tools", 0), "m:4:9", "m:4:9"),
        (("assistants", "tutor", "tools", 0, "type"), "m:4:16", "m:4:10"),
        (("assistants", "tutor", "name"), "m:3:5", "m:3:5"),
        (("assistants", "tutor", "tools", 7, "type"), "m:4:7", "m:4:7"),
        (("zzz", "tutor"), "m:1:1", "m:1:1"),
    ),
)
def test_places(path: Sequence[str | int], value: str, key: str) -> None:
    document = SourceDocument("m", *read(TEXT))
    assert (str(document.position(path)), str(document.key_position(path))) == (value, key)


@pytest.mark.parametrize(
    ("path", "start", "words"),
    (
        ((), "", ""),
        (("project",), "", "project"),
        (("assistants",), "", "assistants"),
        (("assistants", "tutor"), "", "assistant/tutor"),
        (("vector_stores", "docs", "files", 0), "", "vector_store/docs.files[0]"),
        (("accounts", "live", "api"), "", "accounts.live.api"),
        (("include", 0), "", "include[0]"),
        (("parameters", "type"), "assistant/tutor.tools[1]", "assistant/tutor.tools[1].parameters.type"),
        (("assistants", "type"), "assistant/tutor.tools[1]", "assistant/tutor.tools[1].assistants.type"),
    ),
)
def test_addresses(path: Sequence[str | int], start: str, words: str) -> None:
    assert SourceDocument("m", *read(TEXT), SECTIONS).address(path, start) == words


def test_a_document_that_has_no_sections_calls_everything_by_its_keys() -> None:
    assert SourceDocument("m", *read(TEXT)).address(("assistants", "tutor", "tools", 0)) == "assistants.tutor.tools[0]"
