"""What of the Agents API is not here: each of its paths answers 404 in the API's form, through the real client."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.server.talk import talking

_TARGET: Any = {"type": "existing_session", "session_id": "session_1"}
Call = Callable[[openai.OpenAI], Any]
_CALLS: dict[str, Call] = {
    "environments.create": lambda api: api.beta.agents.environments.create(environment={"type": "openai_hosted"}),
    "environments.retrieve": lambda api: api.beta.agents.environments.retrieve("env_1"),
    "environments.list": lambda api: api.beta.agents.environments.list(),
    "environments.files.list": lambda api: api.beta.agents.environments.files.list("env_1"),
    "templates.create": lambda api: api.beta.agents.environments.templates.create(),
    "templates.retrieve": lambda api: api.beta.agents.environments.templates.retrieve("tmpl_1"),
    "templates.list": lambda api: api.beta.agents.environments.templates.list(),
    "templates.update": lambda api: api.beta.agents.environments.templates.update("tmpl_1"),
    "templates.delete": lambda api: api.beta.agents.environments.templates.delete("tmpl_1"),
    "automations.create": lambda api: api.beta.agents.automations.create(
        name="a", target=_TARGET, type="once", run_at=2_000_000_000
    ),
    "automations.retrieve": lambda api: api.beta.agents.automations.retrieve("auto_1"),
    "automations.list": lambda api: api.beta.agents.automations.list(),
    "automations.pause": lambda api: api.beta.agents.automations.pause("auto_1"),
    "automations.delete": lambda api: api.beta.agents.automations.delete("auto_1"),
    "automations.invocations.create": lambda api: api.beta.agents.automations.invocations.create("auto_1"),
    "automations.invocations.list": lambda api: api.beta.agents.automations.invocations.list("auto_1"),
    "vaults.list": lambda api: api.beta.agents.vaults.list(),
    "vaults.create": lambda api: api.beta.agents.vaults.create(name="v"),
    "vaults.retrieve": lambda api: api.beta.agents.vaults.retrieve("vault_1"),
    "vaults.credentials.list": lambda api: api.beta.agents.vaults.credentials.list("vault_1"),
    "sessions.subagents": lambda api: api.beta.agents.sessions.subagents.retrieve("sub_1", session_id="session_1"),
    "sessions.artifacts": lambda api: api.beta.agents.sessions.artifacts.retrieve("art_1", session_id="session_1"),
    "sessions.artifacts.content": lambda api: api.beta.agents.sessions.artifacts.content("a", session_id="session_1"),
    "sessions.traces": lambda api: api.beta.agents.sessions.traces.list("session_1"),
}


def test_what_is_not_here_answers_404_in_the_form_of_the_api(tmp_path: Path) -> None:
    with talking(tmp_path) as talk:
        for name, call in _CALLS.items():
            with pytest.raises(openai.NotFoundError) as refused:
                call(talk.client)
            body: Any = refused.value.body
            assert set(body) == {"message", "type", "param", "code"}, name
            assert body["type"] == "invalid_request_error", name
            assert body["message"], name
