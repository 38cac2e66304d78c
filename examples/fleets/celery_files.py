"""A fleet on Celery, with folders in place of a broker: `python celery_files.py assistants.yaml apply` beside a worker.

    FLEET_QUEUE=/srv/queue celery -A celery_files worker --pool prefork

`task_acks_late`: a unit whose worker died is run again, which does no harm. With another broker only the URLs change.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from celery import Celery, group

from deployer import fleet

QUEUE = Path(os.environ.get("FLEET_QUEUE", "queue")).absolute()
for name in ("messages", "results"):
    (QUEUE / name).mkdir(parents=True, exist_ok=True)
app = Celery("fleets", broker="filesystem://", backend=f"file://{QUEUE / 'results'}")
app.conf.update(
    broker_transport_options={
        "data_folder_in": str(QUEUE / "messages"),
        "data_folder_out": str(QUEUE / "messages"),
        "control_folder": str(QUEUE / "control"),
    },
    task_serializer="pickle",
    result_serializer="pickle",
    accept_content=["pickle"],  # the queue is ours alone: whoever writes to it runs code on the workers
    task_acks_late=True,
    worker_prefetch_multiplier=1,
)
run = app.task(fleet.run, name="fleet.run")


def main(file: str, verb: str, seconds: float = 3600.0) -> fleet.FleetReport:
    """Do it wave by wave; the next begins only when every account of the one before is well."""
    found, results = fleet.Fleet.load(file), list[fleet.UnitResult]()
    for wave in found.units(verb):
        if wave:
            results += group(run.s(unit) for unit in wave).apply_async().get(timeout=seconds)
        if not all(one.ok for one in results):
            break
    return found.report(results, verb)


if __name__ == "__main__":
    report = main(*sys.argv[1:3])
    print(report.data["counts"])
    sys.exit(0 if report.ok else 1)
