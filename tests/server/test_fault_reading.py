"""What a file of faults may say, and the sentence for what it may not."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from deployer.server import Faults, FaultsError, read_faults
from deployer.server.faults import RequestPattern


@pytest.mark.parametrize(
    ("fault", "message"),
    (
        ({"status": 500}, "faults[0]: a fault must say where it strikes: either on (requests) or ingest (documents)"),
        ({"on": "*", "ingest": "*"}, "faults[0]: a fault must say where it strikes: either on (requests) or "),
        ("GET *", "faults[0]: a fault must say where it strikes: either on (requests) or ingest (documents)"),
        ({"on": "*", "rate": 0.1}, "faults[0]: this fault does nothing; give it one of delay, stale, leave, status,"),
        ({"ingest": "*", "times": 1}, "faults[0]: this fault does nothing; give it one of delay, fail"),
        ({"ingest": "*", "delay": 1, "fail": "server_error"}, "faults[0]: delay and fail are two faults: give each"),
        ({"on": "*", "stat": 500, "delay": 1}, "faults[0].stat: unknown key stat; did you mean status?"),
        ({"ingest": "*", "status": 500, "delay": 1}, "faults[0].status: unknown key status; known are ingest, rate"),
        ({"on": "*", "status": 200}, "faults[0].status: status must be a status between 400 and 599"),
        ({"on": "*", "status": True}, "faults[0].status: status must be a status between 400 and 599"),
        ({"on": "*", "delay": -1}, "faults[0].delay: delay must be a number of seconds, at most a day"),
        ({"on": "*", "delay": float("nan")}, "faults[0].delay: delay must be a number of seconds"),
        ({"on": "*", "rate": 2, "delay": 1}, "faults[0].rate: rate must be a number between 0 and 1"),
        ({"on": "*", "calls": [], "delay": 1}, "faults[0].calls: calls must be a list of whole numbers, 1 or more"),
        ({"on": "*", "calls": [0], "delay": 1}, "faults[0].calls: calls must be a list of whole numbers, 1 or more"),
        ({"on": "*", "times": 1.5, "delay": 1}, "faults[0].times: times must be a whole number, 1 or more"),
        ({"on": "*", "drop": True}, "faults[0].drop: drop must be before or after or halfway"),
        ({"on": "*", "truncate": False}, "faults[0].truncate: truncate must be true, or be left out"),
        ({"on": "*", "content_type": "a\r\nb: c"}, "faults[0].content_type: content_type must be text"),
        ({"on": 7, "delay": 1}, "faults[0].on: on must be text"),
        ({"on": "POST /v1/file", "delay": 1}, "faults[0].on: no endpoint is 'POST /v1/file'; did you mean 'POST /v1/f"),
        ({"on": "", "delay": 1}, "faults[0].on: no endpoint is ''"),
        ({"on": "PUT /v1/files", "delay": 1}, "faults[0].on: PUT is no method of this API: use GET, POST, DELETE, *"),
        ({"on": "*", "stale": 1}, "faults[0].stale: stale is for reads: put it on GET"),
        ({"on": "DELETE *", "leave": "files"}, "faults[0].leave: leave must be memberships"),
        ({"on": "GET *", "leave": "memberships"}, "faults[0].leave: leave is for deleted files: put it on DELETE /v1"),
        ({"on": "*", "retry_after": 1, "delay": 1}, "faults[0].retry_after: retry_after means nothing without status"),
        ({"ingest": "*", "fail": "oops"}, "faults[0].fail: fail must be server_error or invalid_file or unsupp"),
    ),
)  # fmt: skip
def test_one_sentence_for_what_is_wrong(fault: Any, message: str) -> None:
    with pytest.raises(FaultsError) as caught:
        read_faults({"faults": [fault]})
    assert str(caught.value).startswith(message)
    assert len(caught.value.flaws) == 1


@pytest.mark.parametrize(
    ("data", "messages"),
    (
        ([], ["faults must be a mapping with the key faults, and perhaps seed"]),
        (None, ["faults must be a mapping with the key faults, and perhaps seed"]),
        ({}, ["faults must be a list"]),
        ({"faults": {}}, ["faults: faults must be a list"]),
        (
            {"seed": "x", "fault": [], "faults": [{"on": "*"}, {"ingest": "*", "delay": 1}, {"on": "GET *", "rat": 1}]},
            [
                "fault: unknown key fault; did you mean faults?",
                "seed: must be a whole number",
                "faults[0]: this fault does nothing",
                "faults[2].rat: unknown key rat; did you mean rate?",
                "faults[2]: this fault does nothing",
            ],
        ),
    ),
)
def test_everything_is_told_at_once(data: Any, messages: list[str]) -> None:
    with pytest.raises(FaultsError) as caught:
        read_faults(data)
    assert [str(flaw)[: len(message)] for flaw, message in zip(caught.value.flaws, messages, strict=True)] == messages


def test_yaml_with_the_old_meaning_of_on() -> None:
    faults = read_faults(yaml.safe_load("faults: [{on: GET *, delay: 1}]"))
    assert [fault.pattern for _, fault in faults.requests] == [RequestPattern("GET", None)]


def test_no_faults_are_a_good_day() -> None:
    assert read_faults({"faults": []}) == Faults()


@pytest.mark.parametrize(
    ("pattern", "request_line", "matches"),
    (
        ("*", "GET /v1/files", True),
        ("GET *", "GET /v1/files", True),
        ("GET *", "POST /v1/files", False),
        ("/v1/files", "POST /v1/files", True),
        ("GET /v1/files", "GET /v1/files/file-1", False),
        ("GET /v1/files/*", "GET /v1/files/file-1", True),
        ("GET /v1/files/*", "GET /v1/files/file-1/content", False),
        ("GET /v1/files/*", "GET /v1/files", False),
        ("GET /v1/files/**", "GET /v1/files/file-1/content", True),
        ("GET /v1/files/**", "GET /v1/files", True),
        ("GET /v1/vector_stores/*/files/*", "GET /v1/vector_stores/vs_1/files/file-1", True),
        ("GET /v1/vector_stores/*/files/*", "GET /v1/vector_stores/vs_1/file_batches/vsfb_1", False),
    ),
)
def test_patterns(pattern: str, request_line: str, matches: bool) -> None:  # noqa: FBT001 (a case's expectation)
    assert RequestPattern.of(pattern).matches(*request_line.split()) is matches
