"""Hold the answer to a write against what was sent: what the service dropped or changed is told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from deployer.engine import stamp
from deployer.engine.canonical import same
from deployer.kinds import Kind
from deployer.wording import cut

_SHOWN = 40


def unheeded(kind: Kind, sent: Mapping[str, Any], answer: Mapping[str, Any]) -> list[str]:
    """Give a sentence for each field that was not taken as it was sent; known normalisations are none.

    What an answer does not mention cannot be told from here; the next plan will.
    """
    wanted, found = stamp.fields(kind.canonical(sent, {})), stamp.fields(kind.canonical(answer, {}))
    return list(_sentences(wanted, found, told="metadata" in answer))


def _sentences(wanted: Mapping[str, Any], found: Mapping[str, Any], *, told: bool) -> Iterator[str]:
    for path, value in sorted(wanted.items()):
        missing = path.startswith("metadata/") and told
        if (path in found or missing) and not same(value, found.get(path)):
            yield f"the service answered {path} {_short(found.get(path))} where {_short(value)} was sent"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return cut(text, _SHOWN)
