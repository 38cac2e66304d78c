"""What docs/faults.md says is so: its examples are read and run, and no key is missing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.testclient import TestClient

from deployer.server import EmbeddedAccount, read_faults
from deployer.server.faults.reading import _ON_DOCUMENTS, _ON_REQUESTS

PAGE = (Path(__file__).parents[2] / "docs" / "faults.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL))


def test_the_file_is_one() -> None:
    faults = read_faults(yaml.safe_load(BLOCKS["yaml"]))
    assert (faults.seed, len(faults.requests), len(faults.documents)) == (7, 4, 1)


@pytest.mark.parametrize("entry", re.findall(r"`(\{(?:on|ingest):.*?\})`", PAGE))
def test_every_entry_in_the_text_is_one(entry: str) -> None:
    assert len(read_faults({"faults": [yaml.safe_load(entry)]}).requests) == 1


@pytest.mark.parametrize("setting", re.findall(r"^\| `(\w+: [^`]+)` \|", PAGE, re.MULTILINE))
def test_every_setting_in_the_tables_is_right(setting: str) -> None:
    data: dict[str, Any] = yaml.safe_load(setting)
    on = "DELETE /v1/files/*" if "leave" in data else "GET *"
    place = {"ingest": "*"} if "fail" in data else {"on": on}
    effect = {} if set(data) - {"rate", "calls", "times"} else {"delay": 1}
    read_faults({"faults": [place | effect | data]})


def test_every_key_is_on_the_page() -> None:
    told = set(re.findall(r"`(\w+)(?:: [^`]*)?`", PAGE))
    assert {*_ON_REQUESTS, *_ON_DOCUMENTS} <= told


def test_the_line_of_the_log_has_the_keys_that_it_has(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = []
    with EmbeddedAccount(tmp_path, log=lines.append) as account, TestClient(account.app) as api:
        api.get("/v1/models")
    assert list(lines[0]) == list(json.loads(BLOCKS["json"]))


def test_the_test_in_the_text_passes(tmp_path: Path) -> None:
    scope: dict[str, Any] = {}
    exec(BLOCKS["python"], scope)  # noqa: S102 (our own page)
    scope["test_a_lost_answer"](tmp_path)
