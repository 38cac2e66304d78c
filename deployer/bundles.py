"""What an application loads: the parameters of an assistant for `responses.create`, from the file that apply wrote.

It imports nothing but the standard library's JSON, and sends no request.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from deployer.errors import DeployerError

if TYPE_CHECKING:
    from os import PathLike

VERSION = 1
"""Of the format (schemas/bundle.schema.json)."""


def load_bundle(
    path: str | PathLike[str],
    message: str | Sequence[dict[str, Any]] | None = None,
    *,
    begins: bool = True,
) -> dict[str, Any]:
    """Return the keyword arguments of `responses.create` for the assistant in a bundle; a new dictionary each time.

    `message` becomes the input: text, or items of the Responses API. Instructions that hold for a whole conversation
    are its first item with some models: they go before the message, unless the conversation does not begin here
    (`begins=False`, with `conversation` or `previous_response_id`). DeployerError when there is no such file, or it is
    no bundle.
    """
    parameters = _parameters(path)
    opening = parameters.pop("input", [])
    items = [{"role": "user", "content": message}] if isinstance(message, str) else list(message or ())
    if items or (opening and begins):
        parameters["input"] = [*(opening if begins else ()), *items]
    return parameters


def _parameters(path: str | PathLike[str]) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (pathlib costs as much as all the rest)
            data = json.load(file)
    except OSError as error:
        raise DeployerError(f"the bundle {path} cannot be read ({error.strerror}); check the path, or apply") from None
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict) or "bundle" not in data or not isinstance(data.get("parameters"), dict):
        raise DeployerError(f"{path} is no bundle of deployer, or a damaged one; remove it and apply again")
    if data["bundle"] != VERSION:
        raise DeployerError(
            f"{path} is a bundle of version {data['bundle']}; this deployer reads version {VERSION}: update it"
        )
    found: dict[str, Any] = data["parameters"]
    if not isinstance(found.get("input", []), list):
        raise DeployerError(f"{path} is a damaged bundle: its input is no list; remove it and apply again")
    return found
