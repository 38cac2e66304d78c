"""New ids in the shapes of the recorded answers."""

from __future__ import annotations

import secrets
import string

_ALPHANUMERIC = string.ascii_letters + string.digits
_LENGTHS = {"asst_": 24, "file-": 22}


def new_id(prefix: str) -> str:
    """Make an id: `asst_` has 24 letters and digits, `file-` has 22, any other prefix 32 hexadecimal digits."""
    if prefix in _LENGTHS:
        return prefix + "".join(secrets.choice(_ALPHANUMERIC) for _ in range(_LENGTHS[prefix]))
    return prefix + secrets.token_hex(16)
