"""Run every benchmark, each in a process of its own, so that none pays for another's imports; exit 1 if one misses."""

from __future__ import annotations

import subprocess
import sys

NAMES = (
    "house",
    "startup",
    "daily_loop",
    "validate_speed",
    "hashing",
    "plan_latency",
    "apply_latency",
    "no_ops",
    "listing",
    "pacing",
    "knowledge",
    "bad_day",
    "kill_matrix",
    "any_service",
    "upload_memory",
    "replay_agreement",
    "conversations",
    "surfaces",
    "function_schemas",
    "python_callables",
)


def main() -> int:
    missed = [
        name for name in NAMES if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
    ]
    print(f"\nmissed: {', '.join(missed)}" if missed else f"\nall {len(NAMES)} benchmarks reach their bars")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
