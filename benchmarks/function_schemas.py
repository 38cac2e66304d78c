"""How long the 8,888 functions of bfcl-eval take to check on one core, and which rules they break.

The package is a requirement of this benchmark alone: `pip download --no-deps bfcl-eval`, unpack it, and name its folder
`bfcl_eval` or `bfcl_eval/data` with DEPLOYER_BFCL; or install it. Without it nothing is measured.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, told
from deployer.functions.check import check_function
from deployer.functions.rules import Finding

FUNCTIONS = 8888
MOST_SECONDS = 10
Function = dict[str, Any]


def main() -> int:
    folder = data_folder()
    if folder is None:
        print("function schemas: not measured; bfcl-eval is not installed and DEPLOYER_BFCL names no folder of it")
        return 0
    functions = list(read(folder))
    since = time.process_time()
    found = [check_function(function, "assistants") for function in functions]
    seconds = time.process_time() - since
    print(table(found))
    return told(
        [
            Figure("functions of bfcl-eval", len(functions), FUNCTIONS, at_least=True),
            Figure("all of them checked, CPU", seconds, MOST_SECONDS, " s"),
        ]
    )


def data_folder() -> Path | None:
    """Find the package's data without importing it, which would import a dozen SDKs."""
    named = os.environ.get("DEPLOYER_BFCL")
    spec = None if named else importlib.util.find_spec("bfcl_eval")
    folder = Path(named) if named else Path(spec.origin).parent if spec and spec.origin else None
    if folder is not None and (folder / "data").is_dir():
        folder /= "data"
    return folder if folder is not None and folder.is_dir() else None


def read(folder: Path) -> Iterator[Function]:
    """Give every function of the questions and of the multi-turn documents, not those of `unused_datasets`."""
    for file in sorted([*folder.glob("*.json"), *folder.glob("multi_turn_func_doc/*.json")]):
        yield from _functions(_rows(file.read_text(encoding="utf-8")))


def _rows(text: str) -> list[Any]:
    """Most files have one JSON value a line; some are one value as a whole."""
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def _functions(value: Any) -> Iterator[Function]:
    if isinstance(value, dict) and isinstance(value.get("name"), str) and "parameters" in value:
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _functions(inner)


def table(found: Sequence[Sequence[Finding]]) -> str:
    """Write how many functions break which rule, as Markdown."""
    severities = {finding.rule: finding.severity for findings in found for finding in findings}
    counts = Counter(rule for findings in found for rule in {finding.rule for finding in findings})
    rows = [f"| `{rule}` | {severities[rule]} | {count} |" for rule, count in counts.most_common()]
    clean = sum(not findings for findings in found)
    return "\n".join(["| rule | severity | functions |", "|---|---|---|", *rows, f"| none | | {clean} |", ""])


if __name__ == "__main__":
    sys.exit(main())
