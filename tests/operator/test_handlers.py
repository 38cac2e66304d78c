"""The operator on an in-memory Kubernetes API: resources reach Ready, drift shows, a restart loses nothing."""

from __future__ import annotations

import asyncio
import base64
import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from deployer.project import Project as Library
from tests.support.live import http

kopf = pytest.importorskip("kopf", reason="not installed: pip install 'deployer[operator]'")
kmock = pytest.importorskip("kmock", reason="not installed: pip install kmock")
pytestmark = [pytest.mark.nightly, pytest.mark.filterwarnings("ignore")]
COUNT = 20
MANIFEST = "version: 1\nproject: p\nassistants: {a: {model: m, instructions: hello}}\n"


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("DEPLOYER_OPERATOR_TICK", "0.5")
    monkeypatch.setenv("DEPLOYER_OPERATOR_FOLDER", str(tmp_path))
    return importlib.reload(importlib.import_module("deployer.operator.handlers"))


@asynccontextmanager
async def api(handlers: Any) -> AsyncIterator[Any]:
    async with kmock.KubernetesEmulator() as mock, kmock.Server(mock) as server:
        kinds = {
            f"{handlers.GROUP}/{handlers.VERSION}/{handlers.PLURAL}": ("AssistantProject", True),
            "v1/namespaces": ("Namespace", False),
            "v1/configmaps": ("ConfigMap", True),
            "v1/secrets": ("Secret", True),
        }
        for key, (kind, namespaced) in kinds.items():
            verbs = ("get", "list", "watch", "patch", "create", "delete")
            mock.resources[key] = kmock.ResourceInfo(
                kind=kind, singular=kind.lower(), namespaced=namespaced, verbs=verbs, subresources=()
            )

        @kopf.on.login(registry=kopf.get_default_registry())
        def login(**_: Any) -> Any:
            return kopf.ConnectionInfo(server=str(server.url), insecure=True)

        yield mock


@asynccontextmanager
async def operating() -> AsyncIterator[None]:
    settings, stop = kopf.OperatorSettings(), asyncio.Event()
    settings.scanning.disabled, settings.posting.enabled = True, False
    work = kopf.operator(settings=settings, clusterwide=True, standalone=True, stop_flag=stop)
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        stop.set()
        await task


def declared(handlers: Any, name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"{handlers.GROUP}/{handlers.VERSION}",
        "kind": "AssistantProject",
        "metadata": {"name": name, "namespace": "ns", "uid": f"uid-{name}", "generation": 1},
        "spec": {"interval": 1, **spec},
    }


async def until(check: Callable[[], bool]) -> None:
    """Wait for a state, for as long as the test may take."""
    while not check():  # noqa: ASYNC110 (the state is in the Kubernetes API)
        await asyncio.sleep(0.2)


def test_resources_reach_ready_and_show_drift(handlers: Any, tmp_path: Path) -> None:
    key = f"{handlers.GROUP}/{handlers.VERSION}/{handlers.PLURAL}"

    async def work() -> None:
        async with api(handlers) as mock:

            def status(name: str, type_: str) -> str:
                found = (dict(mock.objects[key, "ns", name]).get("status") or {}).get("conditions") or ()
                return next((str(one["status"]) for one in found if one["type"] == type_), "")

            names = [f"p{number}" for number in range(COUNT)]
            for name in names:
                mock.objects[key, "ns", name] = declared(handlers, name, manifest=MANIFEST)
            mock.objects[key, "ns", "late"] = declared(handlers, "late", manifestFrom={"configMap": "m"}, secrets=["k"])
            async with operating():
                await until(lambda: all(status(name, "Ready") == "True" for name in names))
                await until(lambda: status("late", "Ready") == "False")
                await edit(tmp_path / "deployer-operator" / "ns" / "p0-uid-p0")
                await until(lambda: status("p0", "Drifted") == "True")
            mock.objects["v1/configmaps", "ns", "m"] = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "m", "namespace": "ns", "uid": "m"},
                "data": {"assistants.yaml": MANIFEST},
            }
            mock.objects["v1/secrets", "ns", "k"] = {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "k", "namespace": "ns", "uid": "k"},
                "data": {"KEY": base64.b64encode(b"x").decode()},
            }
            async with operating():  # a restart, which finds what had been missing
                await until(lambda: status("late", "Ready") == "True")
                assert status("p0", "Drifted") == "True"
                assert all(status(name, "Ready") == "True" for name in names[1:])

    asyncio.run(asyncio.wait_for(work(), 600))


async def edit(folder: Path) -> None:
    project = Library.load(folder / "assistants.yaml", account="embedded", environ={})
    live = (await project.aoutputs())["assistant/a"]
    async with project.open() as session:
        await http(session).write("POST", f"/assistants/{live}", {"instructions": "by hand"})
