"""For programs: plans, drift, problems, outcomes and live ids as JSON; live ids also as columns or variables."""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from deployer.engine import plan_json
from deployer.engine.plan_json import drift_data, problem_data
from deployer.errors import DeployerError
from deployer.functions.rules import RULES
from deployer.model import Address, Plan
from deployer.render.formats import Applied, Findings, FoundFiles
from deployer.render.lines import plain, plain_json
from deployer.render.output import Streams


def plan(value: Plan, to: Streams) -> None:
    """Write the plan, version 1 (schemas/plan.schema.json)."""
    to.say(dumped(plan_json.published(value)))


def drift(value: Plan, to: Streams) -> None:
    """Write what moved on the account (schemas/drift.schema.json)."""
    to.say(dumped(drift_data(value)))


def problems(value: Findings, to: Streams) -> None:
    rows = [
        {**problem_data(problem), **({"evidence": _evidence(problem.rule)} if value.evidence else {})}
        for problem in value.problems
    ]
    to.say(dumped({"version": 1, "problems": rows}))


def _evidence(rule: str) -> list[dict[str, str]]:
    return [asdict(one) for one in RULES[rule].evidence] if rule in RULES else []


def outcomes(value: Applied, to: Streams) -> None:
    """Write what became of a plan, version 1 (schemas/apply.schema.json)."""
    left = len(value.left.pending) if value.left else None
    rest: dict[str, Any] = {"status": str(value.status), "why": value.why, "snapshot": value.snapshot, "left": left}
    if value.tests:
        rest["tests"] = value.tests.to_dict()
    if value.taken_back:
        rest["taken_back"] = value.taken_back.to_dict()
    to.say(dumped(plan_json.applied(value.plan, value.outcomes, value.begun, **rest)))


def files(value: FoundFiles, to: Streams) -> None:
    """Write uploaded files that nothing refers to; `created_at` in seconds since 1970."""
    rows = [
        {"id": one.id, "name": one.name, "bytes": one.size, "created_at": one.created, "why": one.why}
        for one in value.files
    ]
    account = {"name": value.target.name, "api": value.target.api, "base_url": value.target.base_url}
    head = {"version": 1, "project": value.project, "account": account, "deleted": value.deleted}
    to.say(dumped({**head, "files": rows}))


def whole(value: Mapping[str, object], to: Streams) -> None:
    """Write JSON data as it is."""
    to.say(dumped({"version": 1, **value}))


def told(value: Mapping[str, object], to: Streams) -> None:
    """Write data in two columns, what is nested below its name; what is not known is left out."""
    rows = {name: inner for name, inner in value.items() if inner}
    flat = [(name, inner) for name, inner in rows.items() if not isinstance(inner, Mapping)]
    for name, inner in rows.items():
        if isinstance(inner, Mapping):
            flat.append((name, " · ".join(str(one) for one in inner.values() if one)))
    to.say("\n".join(f"{name:<10}{plain(str(inner))}" for name, inner in flat))


_SIGNS = {True: "✓", False: "✗", None: "?"}


def diagnosis(value: Mapping[str, Any], to: Streams) -> None:
    to.say(dumped(value))


def abilities(value: Mapping[str, Any], to: Streams) -> None:
    """Write a line for each ability, with how it was found out, and below it what follows."""
    account = value["account"]
    lines = [f"Account  {account['name']} · {account['api']} · {account['base_url']}", ""]
    for one in value["abilities"]:
        lines.append(f"{_SIGNS[one['able']]} {one['what']}  ({one['how']})")
        lines += [f"    → {one['therefore']}"] if one["therefore"] else []
    to.say("\n".join(map(plain, lines)))


def outputs(ids: Mapping[Address, str], to: Streams) -> None:
    to.say(dumped({str(address): live_id for address, live_id in ids.items()}))


def columns(ids: Mapping[Address, str], to: Streams) -> None:
    width = max((len(str(address)) for address in ids), default=0)
    to.say("\n".join(f"{address!s:<{width}}  {live_id}" for address, live_id in ids.items()))


def environment(ids: Mapping[Address, str], to: Streams) -> None:
    """Write lines for a shell or a dotenv file: `ASSISTANT_MATH_TUTOR_ID=asst_…`.

    Raises a DeployerError where two addresses have the same variable.
    """
    names: dict[str, Address] = {}
    for address in ids:
        first = names.setdefault(_variable(address), address)
        if first != address:
            raise DeployerError(
                f"{first} and {address} have the same variable {_variable(address)}; rename one of them"
            )
    to.say("\n".join(f"{_variable(address)}={shlex.quote(live_id)}" for address, live_id in ids.items()))


def _variable(address: Address) -> str:
    return re.sub(r"[^A-Z0-9]", "_", f"{address.kind}_{address.name}_id".upper())


def dumped(value: object) -> str:
    """Return indented JSON in which no character acts on a terminal."""
    return plain_json(json.dumps(value, ensure_ascii=False, indent=2))
