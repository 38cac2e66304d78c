"""Put `schemas/manifest.schema.json` together from the fragments of the kinds; `--check` only compares."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from deployer.manifest.sections import manifest_schema

FILE = Path(__file__).parent.parent / "schemas" / "manifest.schema.json"


def main() -> None:
    text = json.dumps(manifest_schema().data, ensure_ascii=False, indent=2) + "\n"
    if "--check" not in sys.argv[1:]:
        FILE.write_text(text, encoding="utf-8")
    elif FILE.read_text(encoding="utf-8") != text:
        sys.exit(f"{FILE.name} is not what its fragments say: run scripts/make_manifest_schema.py")


if __name__ == "__main__":
    main()
