"""When a live thing was made, however an account writes it down."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

_FINER = 1e11  # seconds reach this in the year 5138: what is larger counts thousandths of them, once or more often


def seconds(created: Any) -> int | None:
    """Return Unix seconds for seconds, milliseconds and finer, as numbers or digits, and for ISO dates; else None.

    Source: astra-assistants-api answers milliseconds where the API says seconds.
    """
    if isinstance(created, str):
        created = _written(created)
    if isinstance(created, bool) or not isinstance(created, int | float):
        return None
    if isinstance(created, float) and not math.isfinite(created):
        return None
    while abs(created) >= _FINER:
        created //= 1000
    return int(created)


def _written(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
