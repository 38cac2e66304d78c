"""`deployer serve` as a process: it starts, says where it is, keeps others out, and stops when it is told to."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import openai
import pytest

from tests.contract.served import serve

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # the SDK's view of assistants


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGINT))
def test_it_stops_cleanly_on_a_signal_and_keeps_what_it_has(tmp_path: Path, number: signal.Signals) -> None:
    with serve(tmp_path) as one:
        assert re.fullmatch(
            r"The embedded account in .+ is at http://127\.0\.0\.1:\d+/v1 \(Ctrl-C stops it\)\n", one.said
        )
        with openai.OpenAI(base_url=one.base_url, api_key="any") as client:
            made = client.beta.assistants.create(model="m", name="수학 교사")
        assert one.stop(number) == (0, "")
    with serve(tmp_path) as again, openai.OpenAI(base_url=again.base_url, api_key="other") as client:
        assert client.beta.assistants.retrieve(made.id).name == "수학 교사"


def test_on_an_address_that_others_reach_it_makes_a_key_and_asks_for_it(tmp_path: Path) -> None:
    with serve(tmp_path, "--host", "0.0.0.0") as one:  # noqa: S104 (the case under test)
        found = re.match(r"API key \(made for this run\): (\S{20,})\n", one.said)
        assert found
        base_url = one.base_url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        with openai.OpenAI(base_url=base_url, api_key="wrong-key-1234", max_retries=0) as client:
            with pytest.raises(openai.AuthenticationError) as caught:
                client.beta.assistants.list()
            assert (caught.value.status_code, caught.value.code) == (401, "invalid_api_key")
            assert "wrong-key-1234" not in str(caught.value)
        with openai.OpenAI(base_url=base_url, api_key=found[1], max_retries=0) as client:
            assert client.beta.assistants.list().data == []


def test_a_given_key_is_required_and_not_printed(tmp_path: Path) -> None:
    with serve(tmp_path, "--key", "sk-of-the-house") as one:
        assert "sk-of-the-house" not in one.said
        with openai.OpenAI(base_url=one.base_url, api_key="another", max_retries=0) as client:
            with pytest.raises(openai.AuthenticationError):
                client.models.list()
            assert client.with_options(api_key="sk-of-the-house").models.list().data


def test_a_port_in_use_is_told_in_one_sentence(tmp_path: Path) -> None:
    with serve(tmp_path / "one") as one:
        port = one.base_url.rpartition(":")[2].removesuffix("/v1")
        with (
            pytest.raises(AssertionError, match=rf"cannot serve on 127\.0\.0\.1:{port} from \S+ \(Address already in"),
            serve(tmp_path / "two", "--port", port),
        ):
            pass
