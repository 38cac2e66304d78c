"""A fleet on Dask: `python dask_distributed.py assistants.yaml apply tcp://scheduler:8786`.

Without an address it is a cluster of this machine. Every worker needs the same checkout at the same path, and the keys
in its environment: a unit carries neither files nor secrets. `pure=False`: the same unit later is new work. Dask may
run a unit again, which does no harm.
"""

from __future__ import annotations

import sys

from dask.distributed import Client

from deployer import fleet


def main(file: str, verb: str, client: Client) -> fleet.FleetReport:
    """Do it wave by wave; the next begins only when every account of the one before is well."""
    found, results = fleet.Fleet.load(file), list[fleet.UnitResult]()
    for wave in found.units(verb):
        results += client.gather(client.map(fleet.run, wave, pure=False))
        if not all(one.ok for one in results):
            break
    return found.report(results, verb)


if __name__ == "__main__":
    with Client(*sys.argv[3:4]) as connected:
        report = main(*sys.argv[1:3], connected)
    print(report.data["counts"])
    sys.exit(0 if report.ok else 1)
