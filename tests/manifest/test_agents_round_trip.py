"""A saved agent with every field that the API has, exported: the manifest says it, and nothing is left to do."""

from __future__ import annotations

import shutil
from typing import Any

import yaml

from deployer.kinds import agent, tools
from tests.manifest.foreign import by_hand
from tests.support.project import Project

FUNCTION = {
    "type": "function",
    "name": "open_ticket",
    "description": "Opens a ticket.",
    "parameters": {"type": "object", "properties": {"title": {"type": "string"}, "body": {"type": "string"}}},
    "defer_loading": True,
    "async": True,
}
MCP = {
    "type": "mcp",
    "server_label": "docs",
    "transport": {"type": "http", "server_url": "https://example.org/mcp", "headers": {"x-team": "a"}},
    "allowed_tools": ["find"],
    "connection_origin": "environment",
    "request_metadata": {"a": "b"},
    "required": True,
}
STDIO = {
    "type": "mcp",
    "server_label": "here",
    "transport": {"type": "stdio", "command": "serve", "cwd": "/work", "args": ["--quiet"], "env_vars": ["TOKEN"]},
}
PLACE = {"city": "수원", "country": "KR", "region": None, "timezone": "Asia/Seoul"}
SEARCH = {
    "type": "web_search",
    "allowed_domains": ["example.org"],
    "context_size": "low",
    "location": PLACE,
    "mode": "cached",
}
AGENT: dict[str, Any] = {
    "name": "Everything",
    "model": "gpt-6.1-sol",
    "instructions": "Explain in two sentences.",
    "metadata": {"team": "education"},
    "reasoning": {"effort": "low", "summary": "concise"},
    "text": {"format": {"type": "json_schema", "schema": {"type": "object", "properties": {}}}, "verbosity": "low"},
    "service_tier": "flex",
    "multi_agent": {"enabled": True, "max_concurrent_subagents": 3},
    "compaction": {"async": True},
    "experimental": {"time_awareness": True},
    "tools": [
        FUNCTION,
        MCP,
        STDIO,
        SEARCH,
        {"type": "tool_search"},
        {"type": "computer_use", "include_screenshots": True},
        {"type": "programmatic_tool_calling", "enabled": False},
        {"type": "automations"},
    ],
}


def test_every_field_of_the_kind_is_in_this_agent() -> None:
    assert {tool["type"] for tool in AGENT["tools"]} == set(tools.DEFAULTS)
    said = agent.canonical(AGENT, {})
    assert {*said} - {"metadata"} == set(agent.DEFAULTS)
    assert [name for name, default in agent.DEFAULTS.items() if said[name] == default] == []


def test_what_is_exported_says_all_of_it_and_leaves_nothing_to_do(project: Project) -> None:
    project.manifest("accounts: {here: {api: agents}}\n")
    with by_hand(project.root, "agents") as hand:
        made = hand.make("agents", **AGENT)
    arguments = ("--account", "here", "-f", "assistants.yaml")
    result = project.run("export", "out", "--yes", *arguments)
    assert result.code == 0, result.err
    entry = yaml.safe_load((project.root / "out/assistants.yaml").read_text("utf-8"))["assistants"]["everything"]
    assert entry["multi_agent"] == AGENT["multi_agent"]
    shutil.copytree(project.root / ".deployer", project.root / "out/.deployer", dirs_exist_ok=True)
    again = project.run("plan", "--account", "here", "-f", "out/assistants.yaml", "--exit-code")
    assert again.code == 0, again.out + again.err
    with by_hand(project.root, "agents") as hand:
        now = hand.get(f"agents/{made['id']}")
    kept = {name: value for name, value in now.items() if name not in ("metadata", "updated_at")}
    assert kept == {name: value for name, value in made.items() if name not in ("metadata", "updated_at")}
