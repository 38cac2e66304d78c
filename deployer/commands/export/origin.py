"""Which account is exported: of a manifest, by its URL, or the embedded one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.errors import UsageError
from deployer.manifest.accounts import EMBEDDED, choose
from deployer.manifest.load import Sources, load
from deployer.model import AccountSettings, ProblemsFound

KEYS = ("DEPLOYER_API_KEY", "OPENAI_API_KEY")
_NAME = "live"


@dataclass(frozen=True, slots=True)
class Origin:
    """`accounts` is what the new manifest says of accounts, `root` the folder of an embedded account.

    `project` is None where none is known yet.
    """

    root: Path
    settings: AccountSettings
    accounts: Mapping[str, Any]
    project: str | None

    @property
    def account(self) -> str | None:
        """Give what --account must say from now on."""
        return self.settings.name if self.settings.name in self.accounts else None


def of_manifest(file: Path, account: str | None) -> Origin:
    """Give an account of a manifest, whose resources need not be sound."""
    sources = load(file)
    if sources.main is None:
        raise ProblemsFound(sources.problems)
    settings, problems = choose(sources, account, os.environ, offline=False)
    if problems:
        raise ProblemsFound(problems)
    project = sources.main.data.get("project")
    return Origin(sources.root, settings, _accounts(sources), project if isinstance(project, str) else None)


def _accounts(sources: Sources) -> dict[str, Any]:
    """Give them as they are written, secrets by reference; their variables belong to the other manifest."""
    return {
        name: {key: value for key, value in entry.value.items() if key != "variables"}
        for name, entry in sources.accounts.items()
        if isinstance(entry.value, dict)
    }


def of_url(root: Path, api: str | None, base_url: str) -> Origin:
    """Give an account that no manifest names yet; its key comes from the environment."""
    if api is None:
        raise UsageError("--base-url needs --api: which API does the account speak?")
    if "@" in base_url.partition("://")[2].partition("/")[0]:
        raise UsageError("--base-url holds a password, and the URL is written into the manifest; take it out")
    key = next((name for name in KEYS if os.environ.get(name)), None)
    if key is None:
        raise UsageError(f"set the account's key in {' or '.join(KEYS)}")
    settings = AccountSettings(_NAME, api, base_url, os.environ[key])
    entry = {"api": api, "base_url": base_url.replace("${", "$${"), "api_key": f"${{env.{key}}}"}
    return Origin(root, settings, {_NAME: entry}, None)


def embedded(root: Path, api: str | None) -> Origin:
    if api in (None, EMBEDDED.api):
        return Origin(root, EMBEDDED, {}, None)
    return Origin(root, AccountSettings(_NAME, str(api), limits=EMBEDDED.limits), {_NAME: {"api": api}}, None)
