"""What changed functions mean for the application behind them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from deployer.functions.compatibility.compare import compare_all
from deployer.model import Attrs, Effect, FieldChange


def with_effects(fields: Sequence[FieldChange], live: Attrs, desired: Attrs) -> tuple[FieldChange, ...]:
    """Give the field changes of `tools/NAME` their effects; nothing is compared when no function changed."""
    if not any(field.path.startswith("tools/") for field in fields):
        return tuple(fields)
    effects: dict[str, list[Effect]] = defaultdict(list)
    for found in compare_all(_functions(live), _functions(desired)):
        effect = Effect(tuple(found.pointer[1:]), found.what, found.breaking, found.kind)
        effects[f"tools/{found.pointer[0]}"].append(effect)
    return tuple(replace(field, effects=tuple(effects.get(field.path, ()))) for field in fields)


def _functions(attrs: Attrs) -> Mapping[str, Mapping[str, Any]]:
    tools: Mapping[str, Mapping[str, Any]] = attrs.get("tools") or {}
    return {name: tool for name, tool in tools.items() if tool["type"] == "function"}
