"""How far an apply is: uploads, documents, requests, and the time that is left."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.engine.cost import cost, seconds
from deployer.model import AttachFiles, Operation, Plan, Upload


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

    Bytes and documents are told as they come; an operation that ends counts in full even when nothing was told of it
    (its bytes were on the account already).
    """

    def __init__(self, plan: Plan) -> None:
        operations = [one for change in plan.pending for one in change.operations]
        uploads = [one for one in operations if isinstance(one, Upload)]
        self.files = Track(len(uploads))
        self.bytes = Track(sum(one.file.size for one in uploads))
        self.documents = Track(sum(len(one.members) for one in operations if isinstance(one, AttachFiles)))
        self.requests = Track(sum(map(cost, operations)))
        self._least = seconds(plan)
        self._uploaded = self._attached = 0

    def count(self, operation: Operation | None, sent: int, ready: int) -> None:
        """Take in bytes that went out, documents that became ready, and an operation that ended."""
        self.bytes.add(sent)
        self.documents.add(ready)
        if operation:
            self._operation(operation)

    def _operation(self, operation: Operation) -> None:
        self.requests.add(cost(operation))
        if isinstance(operation, Upload):
            self.files.add(1)
            self._uploaded += operation.file.size
            self.bytes.reach(self._uploaded)
        elif isinstance(operation, AttachFiles):
            self._attached += len(operation.members)
            self.documents.reach(self._attached)

    def left(self, elapsed: float) -> float:
        """Estimate the seconds that are left: by what goes slowest so far, and never less than the limits allow."""
        tracks = (self.files, self.bytes, self.documents, self.requests)
        rates = [elapsed * (one.total - one.done) / one.done for one in tracks if one.done]
        return max([self._least - elapsed, *rates])
