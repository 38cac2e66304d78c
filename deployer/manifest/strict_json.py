"""Read JSON and keep the place of every key and value.

JSON is YAML, but for a few corners: what calls itself JSON must be that, its data are as a JSON parser gives them, and
only the places come from the YAML parser.
"""

from __future__ import annotations

import json
import re
from typing import Any

from deployer.manifest import yaml12
from deployer.manifest.yaml12 import Mark, YamlError

_SURROGATE = re.compile(r"\\u[dD]([89a-fA-F][0-9a-fA-F]{2})")


def read(text: str) -> tuple[Any, Mark]:
    """Give the data and its marks; YamlError on the first thing that is wrong."""
    try:
        data = json.loads(text, parse_constant=lambda name: _refuse_constant(text, name))
    except json.JSONDecodeError as error:
        what = f"this is not valid JSON ({error.msg.lower()})"
        raise YamlError(what, "mend the syntax at this place or just before it", error.lineno, error.colno) from None
    except RecursionError:
        raise YamlError(f"nested deeper than {yaml12.MAX_DEPTH} levels", "flatten it", 1, 1) from None
    except ValueError:  # Python refuses whole numbers of more than 4300 digits
        raise YamlError("a number is too large", "write a smaller one, or quote it", 1, 1) from None
    # YAML has no pairs of surrogates: for the places, private characters of the same length stand in for them.
    _, mark = yaml12.read(_SURROGATE.sub(r"\\ue\1", text))
    if _SURROGATE.search(text):
        _refuse_halves(data)
    return data, mark


def _refuse_constant(text: str, name: str) -> None:
    where = yaml12.place(text, text.find(name))
    raise YamlError(f"JSON has no number {name}", "write another number, or quote it", *where)


def _refuse_halves(data: Any) -> None:
    """Half a pair is no character: no text that holds one can be sent."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise YamlError("half a surrogate pair (\\ud800 to \\udfff) stands here", "write both halves", 1, 1) from None
