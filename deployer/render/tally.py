"""How far an apply is: uploads, documents, requests, and the time that is left."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.engine.cost import cost, seconds
from deployer.model import Attach, Plan, Step, Upload


@dataclass(slots=True)
class Track:
    """One thing that is counted up to a total."""

    total: int
    done: int = 0

    def __str__(self) -> str:
        return f"{self.done:,} of {self.total:,}"

    @property
    def open(self) -> bool:
        return self.done < self.total

    def add(self, count: int) -> None:
        """Count on, or back: what is sent again counts once."""
        self.done = max(0, min(self.total, self.done + count))

    def reach(self, count: int) -> None:
        """Count at least so much."""
        self.done = min(self.total, max(self.done, count))


class Tally:
    """What a plan sends, and how much of it is done.

    Bytes and documents are told as they come; a step that ends counts in full even when nothing was told of it (its
    bytes were on the account already).
    """

    def __init__(self, plan: Plan) -> None:
        steps = [step for change in plan.pending for step in change.steps]
        uploads = [step for step in steps if isinstance(step, Upload)]
        self.files = Track(len(uploads))
        self.bytes = Track(sum(step.file.size for step in uploads))
        self.documents = Track(sum(len(step.members) for step in steps if isinstance(step, Attach)))
        self.requests = Track(sum(map(cost, steps)))
        self._least = seconds(plan)
        self._uploaded = self._attached = 0

    def count(self, step: Step | None, sent: int, ready: int) -> None:
        """Take in bytes that went out, documents that became ready, and a step that ended."""
        self.bytes.add(sent)
        self.documents.add(ready)
        if step:
            self._step(step)

    def _step(self, step: Step) -> None:
        self.requests.add(cost(step))
        if isinstance(step, Upload):
            self.files.add(1)
            self._uploaded += step.file.size
            self.bytes.reach(self._uploaded)
        elif isinstance(step, Attach):
            self._attached += len(step.members)
            self.documents.reach(self._attached)

    def left(self, elapsed: float) -> float:
        """Estimate the seconds that are left: by what goes slowest so far, and never less than the limits allow."""
        tracks = (self.files, self.bytes, self.documents, self.requests)
        rates = [elapsed * (one.total - one.done) / one.done for one in tracks if one.done]
        return max([self._least - elapsed, *rates])
