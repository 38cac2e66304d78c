"""For programs: JSON and environment lines."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence

from deployer.engine import fingerprint
from deployer.engine.data import drift_data, plan_data, problem_data
from deployer.errors import DeployerError
from deployer.model import Address, Outcome, Plan, Problem
from deployer.render.plain import plain_json


def plan(value: Plan) -> str:
    """Give the plan as JSON, version 1 (schemas/plan.schema.json)."""
    return _json({**plan_data(value), "fingerprint": fingerprint.of(value)})


def drift(value: Plan) -> str:
    """Give what moved on the account as JSON (schemas/drift.schema.json)."""
    return _json(drift_data(value))


def problems(found: Sequence[Problem]) -> str:
    return _json({"version": 1, "problems": [problem_data(problem) for problem in found]})


def outcomes(values: Sequence[Outcome], *, converged: bool) -> str:
    rows = [
        {
            "address": str(one.address),
            "action": one.action.value,
            "status": one.status.value,
            "why": one.why,
            "id": one.live_id,
            "notes": list(one.notes),
        }
        for one in values
    ]
    return _json({"version": 1, "converged": converged, "outcomes": rows})


def outputs_json(ids: Mapping[Address, str]) -> str:
    return _json({str(address): live_id for address, live_id in ids.items()})


def outputs_env(ids: Mapping[Address, str]) -> str:
    """Give lines for a shell or a dotenv file: `ASSISTANT_MATH_TUTOR_ID=asst_…`."""
    names: dict[str, Address] = {}
    for address in ids:
        first = names.setdefault(_variable(address), address)
        if first != address:
            raise DeployerError(
                f"{first} and {address} have the same variable {_variable(address)}; rename one of them"
            )
    return "\n".join(f"{_variable(address)}={shlex.quote(live_id)}" for address, live_id in ids.items())


def outputs_text(ids: Mapping[Address, str]) -> str:
    width = max((len(str(address)) for address in ids), default=0)
    return "\n".join(f"{address!s:<{width}}  {live_id}" for address, live_id in ids.items())


def _variable(address: Address) -> str:
    return re.sub(r"[^A-Z0-9]", "_", f"{address.kind}_{address.name}_id".upper())


def _json(value: object) -> str:
    return plain_json(json.dumps(value, ensure_ascii=False, indent=2))
