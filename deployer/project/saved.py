"""A plan in a file: made by `plan --out`, applied by `apply --plan` exactly as it was reviewed, or not at all.

It is not the file that is sent: the plan is made again, from the manifest and the account as they are now, with the
same options, and must have the same fingerprint. So nothing can be smuggled in, and nothing that moved goes unseen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deployer import json_text
from deployer.engine import plan_json
from deployer.engine.plan_json import plan_data
from deployer.errors import DeployerError
from deployer.model import Address, OnDrift, Plan
from deployer.project.results import PlanOptions, ProjectPlan
from deployer.wording import listed

_SHOWN = 5
_AGAIN = ("plan", "--out", "plan.json")


def write(file: Path, plan: Plan) -> None:
    """Write the plan as JSON (schemas/plan.schema.json); it holds no secrets. DeployerError when it cannot be."""
    from deployer.render.lines import plain_json

    data = json.dumps(ProjectPlan.of(plan).to_dict(), ensure_ascii=False, indent=2)
    try:
        file.write_text(f"{plain_json(data)}\n", encoding="utf-8")
    except OSError as error:
        raise DeployerError(
            f"the plan cannot be saved as {file} ({error.strerror}); name a file in a folder that may be written"
        ) from None


SavedPlan = Plan | Mapping[str, Any] | Path | str
"""A plan that was made earlier: as a value, as the data of `to_dict`, or as the file that `plan --out` wrote."""


def of(plan: SavedPlan) -> Mapping[str, Any]:
    """Return the data of a plan that was made earlier; DeployerError if it is none."""
    if isinstance(plan, Plan):
        data: Mapping[str, Any] = json.loads(json.dumps(ProjectPlan.of(plan).to_dict()))
        return data
    return _checked(plan, "this") if isinstance(plan, Mapping) else read(Path(plan))


def read(file: Path) -> Mapping[str, Any]:
    """Read a saved plan and check that it is one, whole and unchanged."""
    if file.exists() and not file.is_file():  # to read a pipe would wait for ever
        raise DeployerError(f"{file} is not a regular file; name the file that plan --out wrote")
    try:
        data = json_text.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DeployerError(f"{file} cannot be read ({error.strerror}); name the file that plan --out wrote") from None
    except ValueError as error:
        why = str(error) if isinstance(error, json_text.TooDeep) else "not JSON"
        raise _no_longer(f"{file} is no plan of this deployer (it is {why})") from None
    return _checked(data, str(file))


def _checked(data: Any, name: str) -> Mapping[str, Any]:
    from deployer.manifest import schema

    if json_text.deeper_than(data, json_text.MOST_DEPTH):
        why: str | None = f"it is {json_text.TooDeep(json_text.MOST_DEPTH)}"
    else:
        why = schema.misfit("plan.schema.json", data)
    if why:
        raise _no_longer(f"{name} is no plan of this deployer ({why[:200]})")
    if plan_json.fingerprint_of(data) != data["fingerprint"]:
        raise _no_longer(f"{name} was changed after it was made")
    found: Mapping[str, Any] = data
    return found


def shown(data: Mapping[str, Any]) -> ProjectPlan:
    """Return a plan that was saved, to be shown: it has no operations."""
    return ProjectPlan.of(plan_json.read(data))


def options(data: Mapping[str, Any]) -> PlanOptions:
    """Return what the plan was made with."""
    scope = data["scope"]
    targets = tuple(map(Address.parse, scope.get("targets", ())))
    return PlanOptions(scope["prune"], OnDrift(scope["on_drift"]), scope["check_files"], scope["origin"], targets)


def check(plan: Plan, data: Mapping[str, Any]) -> None:
    """Raise unless the plan of this moment is the one that was saved; the message says what moved."""
    now = json.loads(json.dumps(plan_data(plan)))
    if now["project"] != data["project"]:
        raise _no_longer(f"the plan was made for another project ({data['project']})")
    if now["account"] != data["account"]:
        where, name = " · ".join(map(str, data["account"].values())), data["account"]["name"]
        made = f"the plan was made for another account ({where})"
        if now["account"]["name"] != name:
            raise DeployerError(f"{made}; apply it there: --account {name}")
        raise _no_longer(made)
    if plan_json.fingerprint_of(now) == data["fingerprint"]:
        return
    declared, moved = now["manifest"] != data["manifest"], []
    live = _moved(now, data, _live if declared else dict)
    if declared:
        other = [name for name in _moved(now, data, dict) if name not in live]
        moved.append("the manifest changed" + (f" ({listed(other, _SHOWN)})" if other else ""))
    if live:
        moved.append(f"{listed(live, _SHOWN)} moved on the account")
    raise _no_longer(f"the plan is out of date: {' and '.join(moved) or 'something else moved'}")


def _no_longer(what: str) -> DeployerError:
    return DeployerError(f"{what}; make a new plan with ", run=_AGAIN, after=" and have it reviewed")


def expected(plan: Plan, fingerprint: str) -> None:
    """Raise unless the plan of this moment has the fingerprint of the one that was reviewed."""
    found = plan_json.fingerprint(plan)
    if found != fingerprint:
        raise DeployerError(
            f"this is not the plan that was reviewed (its fingerprint is {found[:12]}…, not {fingerprint[:12]}…): "
            "git or the account moved since; make a new plan and have it reviewed"
        )


def _moved(now: Mapping[str, Any], data: Mapping[str, Any], side: Callable[[Any], object]) -> list[str]:
    """Return the addresses of which a side of the change is another one now."""
    before, after = ({one["address"]: one for one in plan["changes"]} for plan in (data, now))
    return [name for name in sorted({*before, *after}) if side(before.get(name, {})) != side(after.get(name, {}))]


def _live(change: Mapping[str, Any]) -> object:
    """Return what a change says of the account alone: when git moved as well, the rest of it tells nothing."""
    return change.get("id"), change.get("reviewed")
