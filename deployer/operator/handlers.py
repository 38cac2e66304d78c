"""What kopf calls: `kopf run -m deployer.operator.handlers --all-namespaces`.

ConfigMaps and Secrets are indexed, so that one that appears later is seen at the next round. The folders of resources
are below the folder that DEPLOYER_OPERATOR_FOLDER names; all that counts is on the accounts, so it may be an emptyDir.
"""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import kopf

from deployer.operator.reconciling import ProjectFiles, Reconciled, destroyed, reconciled, told, waiting

GROUP, VERSION, PLURAL = "deployer.dev", "v1alpha1", "assistantprojects"
INTERVAL = 300.0
_TICK = float(os.environ.get("DEPLOYER_OPERATOR_TICK", "5"))
_AGAIN = 15.0
_FOLDER = Path(os.environ.get("DEPLOYER_OPERATOR_FOLDER") or tempfile.gettempdir()) / "deployer-operator"


@kopf.index("v1", "configmaps")
async def configmaps(namespace: str, name: str, body: Mapping[str, Any], **_: Any) -> dict[Any, Any]:
    return {(namespace, name): dict(body.get("data") or {})}


@kopf.index("v1", "secrets")
async def secrets(namespace: str, name: str, body: Mapping[str, Any], **_: Any) -> dict[Any, Any]:
    return {(namespace, name): dict(body.get("data") or {})}


def _sources(spec: Mapping[str, Any], place: tuple[str, str, str], maps: Any, keys: Any) -> ProjectFiles | list[str]:
    """Return the files and secrets of a resource, or the names of what is not there yet."""
    namespace, name, uid = place
    files, environ, missing = dict[str, str](), dict[str, str](), list[str]()
    if "manifest" in spec:
        files["assistants.yaml"] = spec["manifest"]
    elif wanted := (spec.get("manifestFrom") or {}).get("configMap"):
        found = next(iter(maps.get((namespace, wanted), ())), None)
        missing += [f"ConfigMap {wanted}"] if found is None else []
        files |= found or {}
    for wanted in spec.get("secrets") or ():
        data = next(iter(keys.get((namespace, wanted), ())), None)
        missing += [f"Secret {wanted}"] if data is None else []
        environ |= {key: base64.b64decode(value).decode() for key, value in (data or {}).items()}
    return missing or ProjectFiles(_FOLDER / namespace / f"{name}-{uid}", files, environ)


def _due(spec: Mapping[str, Any], status: Mapping[str, Any], generation: int, now: datetime) -> bool:
    """Whether a round is due: the resource changed, something was missing, or its interval is over."""
    if status.get("observedGeneration") != generation:
        return True
    ready = next((one for one in status.get("conditions") or () if one["type"] == "Ready"), None)
    pause = min(float(spec.get("interval", INTERVAL)), INTERVAL if ready and ready["status"] == "True" else _AGAIN)
    return (now - datetime.fromisoformat(status["lastRound"])).total_seconds() >= pause


@kopf.timer(GROUP, VERSION, PLURAL, interval=_TICK, initial_delay=0.0)
async def round_of(  # noqa: PLR0913 (what kopf hands in)
    *,
    spec: Mapping[str, Any],
    status: Mapping[str, Any],
    meta: Mapping[str, Any],
    body: Mapping[str, Any],
    patch: Any,
    memo: Any,
    configmaps: Any,
    secrets: Any,
    **_: Any,
) -> None:
    """Do a round where one is due, and patch the status."""
    now, generation = datetime.now(UTC), int(meta.get("generation", 1))
    status = memo.get("status") or status  # what was patched last may not have come back yet
    if not _due(spec, status, generation, now):
        return
    place = (str(meta["namespace"]), str(meta["name"]), str(meta.get("uid", "")))
    sources = _sources(spec, place, configmaps, secrets)
    found = waiting(sources) if isinstance(sources, list) else await reconciled(spec, sources)
    when = now.isoformat(timespec="seconds")
    _announce(body, found, status)
    memo["status"] = {
        "conditions": told(found, status.get("conditions") or (), generation, when),
        "observedGeneration": generation,
        "lastRound": when,
        "resources": found.resources,
        "account": found.account,
    }
    patch.status.update(memo["status"])


def _announce(body: Mapping[str, Any], found: Reconciled, status: Mapping[str, Any]) -> None:
    """Post an event for what was done, and for each condition that is another one than before."""
    before = {one["type"]: (one["status"], one["reason"]) for one in status.get("conditions") or ()}
    if found.changed:
        kopf.info(body, reason="Applied", message=f"{found.changed} changed on account {found.account}")
    for one in found.conditions:
        if before.get(one.type) == (str(one.status), one.reason):
            continue
        if one.status is (one.type != "Ready"):
            kopf.warn(body, reason=one.reason, message=f"{one.type}: {one.message}"[:1024])


@kopf.on.delete(GROUP, VERSION, PLURAL)
async def gone(*, spec: Mapping[str, Any], meta: Mapping[str, Any], configmaps: Any, secrets: Any, **_: Any) -> None:
    """Let go of the resource; with `deletion: Destroy` only when all that it owns is deleted from the account."""
    if spec.get("deletion", "Keep") != "Destroy":
        return
    place = (str(meta["namespace"]), str(meta["name"]), str(meta.get("uid", "")))
    sources = _sources(spec, place, configmaps, secrets)
    why = f"not there: {', '.join(sources)}" if isinstance(sources, list) else await destroyed(spec, sources)
    if why:
        raise kopf.TemporaryError(why, delay=_AGAIN)
