"""Models: `/v1/models`, a table of what is known, with the day on which a model shuts down or did."""

from __future__ import annotations

from deployer.server.state import ApiCall, Operation
from deployer.server.wire import ApiError, Json

# Recorded answers: id and time of creation. Ids that no recording has bear the day of their dated name, or else 0.
_CREATED = {
    "gpt-3.5-turbo": 1677610602,
    "gpt-3.5-turbo-0125": 1706048358,
    "gpt-4": 1687882411,
    "gpt-4-0613": 1686588896,
    "gpt-4-turbo": 1712361441,
    "gpt-4-turbo-2024-04-09": 1712601677,
    "gpt-4.1": 1744316542,
    "gpt-4.1-2025-04-14": 1744315746,
    "gpt-4.1-mini": 1744318173,
    "gpt-4.1-mini-2025-04-14": 1744317547,
    "gpt-4.1-nano": 1744321707,
    "gpt-4.1-nano-2025-04-14": 1744321025,
    "gpt-4o": 1715367049,
    "gpt-4o-2024-05-13": 1715368132,
    "gpt-4o-2024-08-06": 1722814719,
    "gpt-4o-2024-11-20": 1739331543,
    "gpt-4o-mini": 1721172741,
    "gpt-4o-mini-2024-07-18": 1721172717,
    "gpt-5": 1754425777,
    "gpt-5-2025-08-07": 1754075360,
    "gpt-5-chat-latest": 1754073306,
    "gpt-5-mini": 1754425928,
    "gpt-5-mini-2025-08-07": 1754425867,
    "gpt-5-nano": 1754426384,
    "gpt-5-nano-2025-08-07": 1754426303,
    "gpt-5-pro": 0,
    "gpt-5-pro-2025-10-06": 1759708800,
    "gpt-5.1": 0,
    "gpt-5.1-2025-11-13": 1762992000,
    "gpt-5.2": 0,
    "gpt-5.2-pro": 0,
    "gpt-5.4": 0,
    "gpt-5.4-mini": 0,
    "gpt-5.4-nano": 0,
    "gpt-5.4-nano-2026-03-17": 1773705600,
    "gpt-5.5": 0,
    "gpt-5.5-2026-04-23": 1776902400,
    "gpt-5.6-luna": 0,
    "gpt-5.6-sol": 0,
    "gpt-5.6-terra": 0,
    "gpt-6-astra": 0,
    "gpt-6-luna": 0,
    "gpt-6-sol": 0,
    "gpt-6.1-sol": 0,
    "gpt-6.1-terra": 0,
    "o1": 1734375816,
    "o1-pro": 1742251791,
    "o3": 1744225308,
    "o3-2025-04-16": 1744133301,
    "o3-mini": 1737146383,
    "o3-pro": 1748475349,
    "o3-pro-2025-06-10": 1749166761,
    "o4-mini": 1744225351,
    "text-embedding-3-large": 1705953180,
    "text-embedding-3-small": 1705948997,
}
_OWNERS = dict.fromkeys(("gpt-3.5-turbo", "gpt-4", "gpt-4-0613"), "openai")  # everything else: "system"

# The deprecations page and the SDK's notes (see the API's `shutdown_date`).
_SHUTDOWNS = {
    "2026-07-23": ("gpt-5-chat-latest",),
    "2026-10-23": (
        "gpt-3.5-turbo",
        "gpt-3.5-turbo-0125",
        "gpt-4",
        "gpt-4-0613",
        "gpt-4-turbo",
        "gpt-4-turbo-2024-04-09",
        "gpt-4.1-nano",
        "gpt-4.1-nano-2025-04-14",
        "gpt-4o-2024-05-13",
        "o1",
        "o1-pro",
        "o3-mini",
        "o4-mini",
    ),
    "2026-12-11": (
        "gpt-5",
        "gpt-5-2025-08-07",
        "gpt-5-mini",
        "gpt-5-mini-2025-08-07",
        "gpt-5-nano",
        "gpt-5-nano-2025-08-07",
        "gpt-5-pro",
        "gpt-5-pro-2025-10-06",
        "o3",
        "o3-2025-04-16",
        "o3-pro",
        "o3-pro-2025-06-10",
    ),
    "2027-01-14": (
        "gpt-4.1",
        "gpt-4.1-2025-04-14",
        "gpt-4.1-mini",
        "gpt-4.1-mini-2025-04-14",
        "gpt-4o",
        "gpt-4o-2024-08-06",
        "gpt-4o-2024-11-20",
        "gpt-4o-mini",
        "gpt-4o-mini-2024-07-18",
    ),
    "2027-04-01": ("gpt-5.1", "gpt-5.1-2025-11-13", "gpt-5.4-nano", "gpt-5.4-nano-2026-03-17"),
}
_SHUTDOWN_OF = {model: date for date, models in _SHUTDOWNS.items() for model in models}


def index(_call: ApiCall) -> Json:
    return {"object": "list", "data": [_shown(model) for model in _CREATED]}


def get(call: ApiCall) -> Json:
    return _shown(_known(call.path["model"]))


def delete(call: ApiCall) -> Json:
    raise ApiError(403, f"You have insufficient permissions to delete the model '{_known(call.path['model'])}'.")


def _known(model: str) -> str:
    if model not in _CREATED:
        raise ApiError(404, f"The model '{model}' does not exist", param="model", code="model_not_found")
    return model


def _shown(model: str) -> Json:
    return {
        "id": model,
        "object": "model",
        "created": _CREATED[model],
        "owned_by": _OWNERS.get(model, "system"),
        "shutdown_date": _SHUTDOWN_OF.get(model),
    }


OPERATIONS: list[Operation] = [
    ("GET", "/v1/models", index),
    ("GET", "/v1/models/{model}", get),
    ("DELETE", "/v1/models/{model}", delete),
]
