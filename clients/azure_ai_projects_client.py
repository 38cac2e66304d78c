"""azure-ai-projects: named agents, their versions and endpoints, and the project's files and stores."""

from __future__ import annotations

import os
import time
from typing import Any

from azure.ai.projects import AIProjectClient
from azure.ai.projects.models import (
    AgentEndpointConfig,
    AutoCodeInterpreterToolParam,
    CodeInterpreterTool,
    FileSearchTool,
    FixedRatioVersionSelectionRule,
    FunctionTool,
    PromptAgentDefinition,
    VersionSelector,
)
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from checks import Checks

NAME = "Demo-Agent"


class Token:
    """A credential that needs nobody."""

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken("any", int(time.time()) + 3600)


class Loopback(BearerTokenCredentialPolicy):
    """Sends a token over http, which only this machine hears."""

    def on_request(self, request: Any) -> None:
        request.context.options.setdefault("enforce_https", False)
        super().on_request(request)


def connected() -> AIProjectClient:
    endpoint = os.environ["OPENAI_BASE_URL"].removesuffix("/v1") + "/api/projects/demo"
    policy = Loopback(Token(), "https://ai.azure.com/.default")
    return AIProjectClient(endpoint, Token(), authentication_policy=policy, retry_total=0)


def versions(checks: Checks, client: AIProjectClient) -> None:
    tools = [
        FunctionTool(name="f", parameters={"type": "object", "properties": {}}, strict=False, description="d"),
        FileSearchTool(vector_store_ids=["vs_1"], max_num_results=5),
        CodeInterpreterTool(container=AutoCodeInterpreterToolParam(file_ids=[])),
    ]
    definition = PromptAgentDefinition(model="gpt-6-luna", instructions="Answer.", temperature=0.2, tools=tools)
    first = client.agents.create_version(NAME, definition=definition, metadata={"a": "b"}, description="first")
    checks.same("create_version", (first.id, first.version, first.metadata), (f"{NAME}:1", "1", {"a": "b"}))
    checks.same("… its definition", first.definition.as_dict(), definition.as_dict())
    bare = client.agents.create_version(NAME, definition=PromptAgentDefinition(model="gpt-6-luna"))
    checks.same("… without anything", (bare.description, bare.metadata), ("", {}))
    checks.same("… no field that was not sent", bare.definition.as_dict(), {"kind": "prompt", "model": "gpt-6-luna"})
    for number in range(3, 25):
        client.agents.create_version(NAME, definition=PromptAgentDefinition(model="m", instructions=str(number)))
    listed = [one.version for one in client.agents.list_versions(NAME, limit=10)]
    checks.same("list_versions, newest first", listed, [str(number) for number in range(24, 0, -1)])
    ascending = [one.version for one in client.agents.list_versions(NAME, order="asc")]
    checks.same("… oldest first", ascending, listed[::-1])
    checks.same("get_version", client.agents.get_version(NAME, "1").description, "first")
    checks.same("get", client.agents.get(NAME).versions.latest.version, "24")
    client.agents.delete_version(NAME, "24")
    again = client.agents.create_version(NAME, definition=PromptAgentDefinition(model="m"))
    checks.same("a number is never used again", again.version, "25")
    for number in range(3, 24):
        client.agents.delete_version(NAME, str(number))


def agents(checks: Checks, client: AIProjectClient) -> None:
    for name in ("a", "b", "c"):
        client.agents.create_version(name, definition=PromptAgentDefinition(model="m"))
    checks.same("list", {one.name for one in client.agents.list(limit=2)}, {NAME, "a", "b", "c"})
    checks.same("list, by kind", {one.name for one in client.agents.list(kind="prompt")}, {NAME, "a", "b", "c"})
    rule = FixedRatioVersionSelectionRule(agent_version="1", traffic_percentage=100)
    selector = VersionSelector(version_selection_rules=[rule])
    found = client.agents.update_details(NAME, agent_endpoint=AgentEndpointConfig(version_selector=selector))
    rules = found.agent_endpoint.version_selector.version_selection_rules
    checks.same("update_details", [one.agent_version for one in rules], ["1"])
    client.agents.disable(NAME)
    checks.same("disable", client.agents.get(NAME).state, "disabled")
    client.agents.enable(NAME)
    checks.same("enable", client.agents.get(NAME).state, "enabled")
    for name in ("a", "b", "c"):
        client.agents.delete(name)
    checks.same("delete", [one.name for one in client.agents.list()], [NAME])


def errors(checks: Checks, client: AIProjectClient) -> None:
    for what, call in (
        ("an unknown agent", lambda: client.agents.get("none")),
        ("an unknown version", lambda: client.agents.get_version(NAME, "99")),
    ):
        try:
            call()
            checks.same(what, "found", "not found")
        except ResourceNotFoundError as error:
            checks.same(what, error.error.code if error.error else None, "not_found")
    try:
        client.agents.create_version(
            NAME, body={"definition": {"kind": "prompt", "model": "m", "tools": [{"type": "x"}]}}
        )
        checks.same("an unknown tool", "made", "refused")
    except HttpResponseError as error:
        checks.same("an unknown tool", (error.status_code, error.error.code), (400, "invalid_payload"))
    try:
        client.agents.create_version("under_score", definition=PromptAgentDefinition(model="m"))
        checks.same("a name with an underscore", "made", "refused")
    except HttpResponseError as error:
        checks.same("a name with an underscore", error.status_code, 400)


def project(checks: Checks, client: AIProjectClient) -> None:
    with client.get_openai_client() as openai:
        file = openai.files.create(purpose="assistants", file=("a.md", b"Suwon is a city."))
        store = openai.vector_stores.create(name="Docs")
        held = openai.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, attributes={"a": "b"})
        checks.same("vector_stores.files.create", (held.status, held.attributes), ("completed", {"a": "b"}))
        checks.same(
            "vector_stores.files.list", [one.id for one in openai.vector_stores.files.list(store.id)], [file.id]
        )
        reference = {"agent_reference": {"type": "agent_reference", "name": NAME, "version": "1"}}
        tools = client.agents.get_version(NAME, "1").definition.as_dict() | {"tools": []}
        named = client.agents.create_version(NAME, body={"definition": tools})
        reference["agent_reference"]["version"] = named.version
        said = openai.responses.create(input="Which colour do you like?", extra_body=reference)
        checks.same("responses.create by an agent's name", said.output_text, "My favourite colour is blue.")
        openai.vector_stores.delete(store.id)
        openai.files.delete(file.id)


with Checks() as found, connected() as connection:
    versions(found, connection)
    agents(found, connection)
    errors(found, connection)
    project(found, connection)
