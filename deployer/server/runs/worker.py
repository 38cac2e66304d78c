"""The worker: it takes queued turns from the database, plays them, and sees to it that each of them ends.

A turn that is queued belongs to the process that queued it. A process holds what it plays with a lease and renews it;
where a process was killed, another one, or the next one, ends what was in progress as failed and plays what was queued.
All turns of a process are tasks of one event loop in a thread of its own, which begins with the first turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from deployer.server.runs import records
from deployer.server.runs.answers import Answerer
from deployer.server.runs.events import Channels, ItemAnswered, StepEnded, TurnEvent, TurnMoved
from deployer.server.runs.loop import Player, SteeredError, TurnLostError, interrupted, made_by
from deployer.server.runs.turn import (
    CANCELLED,
    CANCELLING,
    COMPLETED,
    EXPIRED,
    FAILED,
    IN_PROGRESS,
    INCOMPLETE,
    QUEUED,
    Turn,
    pending_calls,
)
from deployer.server.storage import Storage
from deployer.server.storage.disk import Complaints, disk_trouble
from deployer.server.wire import Json

LOOK_SECONDS = 0.5  # how often is looked for turns that expire, lose their process or are cancelled by another one
_MOST_TURNS = 512  # at once
_STOP_SECONDS = 5.0
_INGESTION_SECONDS, _MOST_LOOKS = 60.0, 1200  # how long files of a conversation are waited for, in how many looks
_STOPPED = {"code": "server_error", "message": "The server stopped while it was working on this."}
logger = logging.getLogger(__name__)


class StoreSearch(Protocol):
    """Looks something up in the stores of a tool; None to one that `waits`, while that is not possible yet."""

    def __call__(self, tool: Json, queries: list[str], *, waits: bool) -> list[Json] | None: ...


@dataclass
class TurnTransaction:
    """One transaction about turns, and the events that are published when it is committed."""

    db: sqlite3.Connection
    events: list[TurnEvent] = field(default_factory=list)
    rings: bool = False


class Turns:
    """All turns of an account: queueing, answering, cancelling and playing them.

    `search` looks something up in the vector stores of a `file_search` tool, `keep_file` makes a file of a name and
    bytes, and returns its id.
    """

    def __init__(  # noqa: PLR0913 (all that it works with; no two of them belong together)
        self,
        storage: Storage,
        clock: Callable[[], float],
        answerer: Answerer,
        *,
        search: StoreSearch,
        keep_file: Callable[[str, bytes], str],
        complaints: Complaints,
        lease: float,
    ) -> None:
        self._storage, self._clock, self._answerer = storage, clock, answerer
        self._keep_file = keep_file
        self._search, self._complaints, self._lease = search, complaints, lease
        self.channels = Channels()
        self.plays = answerer.plays
        self._owner = secrets.token_hex(8)
        self._order = threading.Lock()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._stopping = False

    # ---- what faces do, in any thread

    @contextlib.contextmanager
    def change(self) -> Iterator[TurnTransaction]:
        """One transaction; its events are published in the order of commits, and queued turns are taken up."""
        with self._order:
            with self._storage.write() as db:
                change = TurnTransaction(db)
                yield change
            self.channels.publish(change.events)
        if change.rings:
            self.ring()

    def queue(self, change: TurnTransaction, turn: Turn, items: Iterable[Json] = ()) -> None:
        """Add a turn, to be played; `items` are what it is given beside its conversation."""
        records.add_turn(change.db, turn)
        records.add_items(change.db, turn.parent, items, turn.id)
        self._hold(change.db, turn)
        change.rings = True

    def answer_calls(self, change: TurnTransaction, turn: Turn, outputs: list[Json]) -> Turn:
        """Add outputs of function calls; once every call has one, the turn is queued again."""
        records.add_items(change.db, turn.parent, outputs, turn.id)
        items = records.items_of_turn(change.db, turn.id)
        indices = {item["call_id"]: index for index, item in enumerate(made_by(items)) if "call_id" in item}
        events: list[TurnEvent] = []
        if not pending_calls(items):
            for step in turn.steps:
                if step.status == IN_PROGRESS:
                    ended = replace(step, status=COMPLETED, ended_at=int(self._clock()))
                    turn = turn.with_step(ended)
                    own = [item for item in items if item.get("step") == step.id]
                    events.append(StepEnded(turn, ended, (*own, *outputs_of(own, items))))
            turn = replace(turn, status=QUEUED)
            events.append(TurnMoved(turn))
            records.save_turn(change.db, turn)
            self._hold(change.db, turn)
            change.rings = True
        change.events += [ItemAnswered(turn, output, indices[output["call_id"]]) for output in outputs] + events
        return turn

    def cancel(self, change: TurnTransaction, turn: Turn) -> Turn:
        """Have an active turn cancelled: it is, as soon as whoever plays it has stopped."""
        turn = replace(turn, status=CANCELLING)
        records.save_turn(change.db, turn)
        change.events.append(TurnMoved(turn))
        change.rings = True
        return turn

    def _hold(self, db: sqlite3.Connection, turn: Turn) -> None:
        records.lease(db, [turn.id], self._owner, self._clock() + self._lease)

    # ---- the thread

    def ring(self) -> None:
        """Have the thread look for work now; the first time starts it."""
        with self._starting:
            if self._stopping:
                return
            if self._thread is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._run, args=(self._loop,), name="turns", daemon=True)
                self._thread.start()
            elif self._loop is not None:
                self._loop.call_soon_threadsafe(self._wake.set)

    @property
    def busy(self) -> bool:
        """Whether there is anything to play, or to wait for."""
        with self._storage.read() as db:
            return records.any_active(db)

    def look(self) -> None:
        """Begin to work, if another process has left work behind."""
        if self.busy:
            self.ring()

    def stop(self) -> None:
        """End what is in progress as failed, every stream, and the thread."""
        with self._starting:
            self._stopping = True
            thread, loop = self._thread, self._loop
            self._thread = None
        if thread is not None and loop is not None:
            loop.call_soon_threadsafe(self._wake.set)
            thread.join(_STOP_SECONDS)
        self.channels.close()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        with contextlib.closing(loop):
            loop.run_until_complete(self._work())

    async def _work(self) -> None:
        look_at = 0.0
        loop = asyncio.get_running_loop()
        while not self._stopping:
            self._wake.clear()
            try:
                if loop.time() >= look_at:
                    self._look_after()
                    look_at = loop.time() + LOOK_SECONDS
                self._stop_cancelled()
                self._take_up()
            except sqlite3.Error as error:
                self._report(error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), LOOK_SECONDS)
        await self._close()

    async def _close(self) -> None:
        tasks = dict(self._tasks)
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        await self._answerer.close()
        with contextlib.suppress(sqlite3.Error), self._storage.write() as db:
            records.release(db, self._owner)

    def _report(self, error: sqlite3.Error) -> None:
        if found := disk_trouble(error):
            self._complaints.about(found)
        else:
            logger.error("turns cannot use the database", exc_info=error)

    # ---- what is to be done

    def _take_up(self) -> None:
        """Play what is queued, and end what has been cancelled or left behind."""
        room = _MOST_TURNS - len(self._tasks)
        with self._storage.read() as db:
            if not room or not records.unattended_turns(db, self._clock(), self._owner, self._tasks, room):
                return
        with self.change() as change:
            found = records.unattended_turns(change.db, self._clock(), self._owner, self._tasks, room)
            queued = [turn for turn in found if turn.status == QUEUED]
            for turn in found:
                if turn.status == CANCELLING:
                    self._end(change, turn, CANCELLED)
                elif turn.status == IN_PROGRESS:
                    self._end(change, turn, FAILED, _STOPPED)
            started = [replace(turn, status=IN_PROGRESS, started_at=int(self._clock())) for turn in queued]
            for turn in started:
                records.save_turn(change.db, turn)
                self._hold(change.db, turn)
            change.events += [TurnMoved(turn) for turn in started]
        for turn in started:
            self._tasks[turn.id] = asyncio.get_running_loop().create_task(self._play(turn))

    async def _play(self, turn: Turn) -> None:
        player = Player(self, self._answerer, turn)
        try:
            try:
                await player.play()
            except (TurnLostError, asyncio.CancelledError):
                self._stopped(player)
        except sqlite3.Error as error:  # the lease runs out, and the turn ends as failed when there is room again
            self._report(error)
        finally:
            del self._tasks[turn.id]
            self._wake.set()  # there may be more to take up, or to end

    def _stopped(self, player: Player) -> None:
        """End a turn that was stopped in the middle, with what it has half written, unless another process has it."""
        with self.change() as change:
            turn = records.turn_by_id(change.db, player.turn.id)
            if turn is None or not turn.active or not records.is_held_by(change.db, turn.id, self._owner):
                return
            if player.half is not None:
                records.save_item(change.db, player.half)
            if turn.status == CANCELLING:
                self._end(change, turn, CANCELLED)
            elif turn.expires_at is not None and turn.expires_at <= self._clock():
                self._end(change, turn, EXPIRED)
            else:
                self._end(change, turn, FAILED, _STOPPED)

    def _stop_cancelled(self) -> None:
        """Stop playing what is no longer to be played."""
        if self._tasks:
            with self._storage.read() as db:
                for turn_id in records.not_in_progress(db, self._tasks):
                    self._tasks[turn_id].cancel()

    def _look_after(self) -> None:
        """Renew the leases, and end what has expired."""
        now = self._clock()
        if self._tasks:
            with self._storage.write() as db:
                records.renew(db, self._tasks, self._owner, now + self._lease)
        with self._storage.read() as db:
            due = records.due_turns(db, now, self._owner)
        for turn in due:
            if task := self._tasks.get(turn.id):
                task.cancel()
        if idle := [turn for turn in due if turn.id not in self._tasks]:
            with self.change() as change:
                for turn in idle:
                    self._end(change, turn, EXPIRED)

    def _end(self, change: TurnTransaction, turn: Turn, status: str, error: Json | None = None) -> None:
        items = records.items_of_turn(change.db, turn.id)
        turn, halves, events = interrupted(turn, items, status, int(self._clock()), error)
        for item in halves:
            records.save_item(change.db, item)
        self._store(change, turn)
        change.events += events

    @staticmethod
    def _store(change: TurnTransaction, turn: Turn) -> None:
        """Write a turn; one that has ended goes if it is not to be kept, and joins its conversation if it has one."""
        if turn.status in (COMPLETED, INCOMPLETE) and turn.joins:
            records.join(change.db, turn.id, turn.joins)
        if turn.active or turn.keep:
            records.save_turn(change.db, turn)
        else:
            records.remove_turn(change.db, turn.id)

    # ---- the stage of those who play

    def now(self) -> int:
        return int(self._clock())

    def context(self, turn: Turn) -> list[Json]:
        with self._storage.read() as db:
            return records.context_of(db, turn)

    def own_items(self, turn: Turn) -> list[Json]:
        with self._storage.read() as db:
            return records.items_of_turn(db, turn.id)

    def write(
        self,
        turn: Turn,
        events: Iterable[TurnEvent],
        *,
        new: Iterable[Json] = (),
        changed: Iterable[Json] = (),
        given: int | None = None,
    ) -> None:
        with self.change() as change:
            if not records.is_held_by(change.db, turn.id, self._owner, IN_PROGRESS):
                raise TurnLostError
            if given is not None and records.count_given(change.db, turn.id) > given:
                raise SteeredError
            records.add_items(change.db, turn.parent, new, turn.id)
            for item in changed:
                records.save_item(change.db, item)
            self._store(change, turn)
            change.events += events

    def publish(self, event: TurnEvent) -> None:
        self.channels.publish([event])

    def keep_image(self, output: Json) -> Json:
        if "content" not in output:
            return output
        return {"type": output["type"], "file_id": self._keep_file(output["filename"], output["content"])}

    async def search(self, tool: Json, queries: Iterable[str]) -> list[Json]:
        """Search, once the files of the conversation have been ingested, or after a minute (file search guide)."""
        words = list(queries)
        for left in reversed(range(_MOST_LOOKS)):
            found = await asyncio.to_thread(self._search, tool, words, waits=left > 0)
            if found is not None:
                return found
            await asyncio.sleep(_INGESTION_SECONDS / _MOST_LOOKS)
        return []


def outputs_of(calls: Iterable[Json], items: Iterable[Json]) -> list[Json]:
    """Return the outputs of these calls."""
    wanted = {call["call_id"] for call in calls if call["type"] == "function_call"}
    return [item for item in items if item["type"] == "function_call_output" and item["call_id"] in wanted]
