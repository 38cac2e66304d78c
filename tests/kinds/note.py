"""A kind that only the tests know: all that a new one has to bring stands in this module.

A note is a title and lines. It lives in a file, which has no metadata, so its stamp lives beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployer.kinds import Body, Expressed, Kind, Loss, StampHome
from deployer.model import Attrs

FRAGMENT: Mapping[str, Any] = {
    "description": "Notes: a kind that only the tests know.",
    "type": "object",
    "additionalProperties": False,
    "required": ["title"],
    "properties": {
        "title": {"type": "string", "maxLength": 20},
        "lines": {"type": "array", "items": {"type": "string"}},
        "colour": {"type": "string"},
        "protect": {"$ref": "#/$defs/flag"},
    },
}
DEFAULTS: Attrs = {"title": None, "lines": []}


def express(attrs: Attrs) -> Expressed:
    kept = {name: attrs[name] for name in DEFAULTS if name in attrs}
    losses = [Loss(name, f"a note has no {name}") for name in attrs if name not in (*DEFAULTS, "metadata")]
    return Expressed(kept, tuple(losses))


def canonical(raw: Mapping[str, Any], addresses: Mapping[str, str]) -> Attrs:
    del addresses  # a note refers to nothing
    return {name: raw[name] for name in DEFAULTS if name in raw}


def wire(attrs: Attrs, live: Mapping[str, Any] | None) -> Body:
    del live
    return Body({name: attrs[name] for name in DEFAULTS if name in attrs})


KIND = Kind(defaults=DEFAULTS, express=express, canonical=canonical, wire=wire, ownership=StampHome.BESIDE)
