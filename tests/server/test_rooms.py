"""The embedded account beside the tool: the import contracts know every package there is."""

from __future__ import annotations

import pkgutil
import tomllib
from pathlib import Path
from typing import Any

import deployer
import deployer.server

_CONTRACTS = Path(__file__).parents[2] / "pyproject.toml"
_SHARED = {"deployer.functions"}  # pure rules that both may know


def _contracts() -> list[dict[str, Any]]:
    settings = tomllib.loads(_CONTRACTS.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return found


def test_the_embedded_account_may_import_nothing_of_the_tool_but_functions() -> None:
    forbidden = {
        module
        for contract in _contracts()
        if contract["type"] == "forbidden" and contract["source_modules"] == ["deployer.server"]
        for module in contract["forbidden_modules"]
    }
    packages = {f"deployer.{module.name}" for module in pkgutil.iter_modules(deployer.__path__)}
    assert packages - forbidden - _SHARED - {"deployer.server", "deployer.__main__"} == set()


def test_every_room_of_the_embedded_account_has_its_layer() -> None:
    layers = next(contract for contract in _contracts() if contract["name"] == "The rooms of the embedded account")
    placed = {room.strip() for layer in layers["layers"] for room in layer.split("|")}
    assert placed == {f"deployer.server.{module.name}" for module in pkgutil.iter_modules(deployer.server.__path__)}
