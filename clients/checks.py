"""What every client's program uses: where the account is, and a line for each thing that was tried."""

from __future__ import annotations

import os
import sys
from typing import Any, Self


def client_options() -> dict[str, Any]:
    """How a client of `openai` finds the account: its address stands in the environment."""
    return {"base_url": os.environ["OPENAI_BASE_URL"], "api_key": os.environ["OPENAI_API_KEY"], "max_retries": 0}


class Checks:
    """Prints what came out of each thing that was tried; the program ends with 1 if something was wrong."""

    def __init__(self) -> None:
        self._failed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._failed and error[0] is None:
            sys.exit(1)

    def same(self, what: str, found: Any, wanted: Any) -> None:
        good = found == wanted
        self._failed = self._failed or not good
        print(
            f"{'ok' if good else 'NOT OK'}  {what}" + ("" if good else f": {found!r} instead of {wanted!r}"), flush=True
        )
