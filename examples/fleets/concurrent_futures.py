"""A fleet on warm worker processes of this machine: `python concurrent_futures.py assistants.yaml apply`.

Each worker imports and compiles once, and then does one account after another. A unit may be run more than once: when a
worker dies, run this again, and what is done is found done.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from deployer import fleet


def main(file: str, verb: str, workers: int = 4) -> fleet.FleetReport:
    """Do it wave by wave; the next begins only when every account of the one before is well."""
    found, results = fleet.Fleet.load(file), list[fleet.UnitResult]()
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for wave in found.units(verb):
            results += pool.map(fleet.run, wave)
            if not all(one.ok for one in results):
                break
    return found.report(results, verb)


if __name__ == "__main__":
    report = main(*sys.argv[1:3])
    print(report.data["counts"])
    sys.exit(0 if report.ok else 1)
