"""What happens in a turn, as one stream of typed events, and the channels on which they are heard.

A face renders these events as its own server-sent events. They come in this order: `TurnMoved` for each new status;
inside, for each step, `StepBegan`, its items (`ItemBegan`, pieces, `ItemEnded`), `StepEnded`. What an event carries is
already in the database when the event is heard.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Self

from deployer.server.runs.turn import Turn, TurnStep
from deployer.server.wire import Json

_MOST_KEPT = 100


@dataclass(frozen=True)
class TurnEvent:
    """Something that happened; `turn` is the turn as it was at that moment."""

    turn: Turn


@dataclass(frozen=True)
class TurnMoved(TurnEvent):
    """The turn has a new status."""


@dataclass(frozen=True)
class StepBegan(TurnEvent):
    step: TurnStep


@dataclass(frozen=True)
class StepEnded(TurnEvent):
    """A step is over, whatever its end; `items` are all that it made."""

    step: TurnStep
    items: tuple[Json, ...]


@dataclass(frozen=True)
class ItemEvent(TurnEvent):
    """Something about an item; `index` is its place among the items that the turn made."""

    item: Json
    index: int


@dataclass(frozen=True)
class ItemGiven(ItemEvent):
    """The turn was given an item, at its beginning or in the middle; the index means nothing."""


@dataclass(frozen=True)
class ItemBegan(ItemEvent):
    pass


@dataclass(frozen=True)
class ItemEnded(ItemEvent):
    pass


@dataclass(frozen=True)
class ItemAnswered(ItemEvent):
    """The output of a function call has come: `item` is the `function_call_output`."""


@dataclass(frozen=True)
class ItemPiece(ItemEvent):
    """A piece of an item that is being made: of its text, refusal, arguments or code, by the item's type.

    `part` is the place in the content of a message, and `citation` comes with an empty text.
    """

    text: str
    part: int = 0
    refusal: bool = False
    citation: Json | None = None


class Subscription:
    """One listener's events, from when it subscribed; any thread may publish, one event loop listens."""

    def __init__(self, channels: Channels, key: str) -> None:
        self._channels, self._key = channels, key
        self._events: deque[TurnEvent | None] = deque()
        self.replayed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.Event | None = None
        self._told = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self._channels.unsubscribe(self._key, self)

    def replay(self, events: Iterable[TurnEvent]) -> None:
        """Put events before all that will come."""
        self._events.extend(events)
        self.replayed = True

    def put(self, event: TurnEvent | None) -> None:
        """Add an event, or None: that no other will come."""
        self._events.append(event)
        loop, wake = self._loop, self._wake
        if loop is not None and wake is not None and not self._told:
            self._told = True  # one wake-up for all that comes until the listener looks
            try:
                loop.call_soon_threadsafe(wake.set)
            except RuntimeError:  # the listener's loop is closed: no one hears this
                self.close()

    async def batches(self, quiet_seconds: float) -> AsyncIterator[list[TurnEvent]]:
        """Yield events as they come; an empty batch after so long without any."""
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            self._told = False
            batch: list[TurnEvent] = []
            while self._events:
                event = self._events.popleft()
                if event is None:
                    yield batch
                    return
                batch.append(event)
            if batch:
                yield batch
                continue
            try:
                await asyncio.wait_for(self._wake.wait(), quiet_seconds)
            except TimeoutError:
                yield []


class Channels:
    """Who listens to what: a key is the id of a turn or of a conversation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, list[Subscription]] = {}
        self._kept: dict[str, list[TurnEvent]] = {}

    def subscribe(self, key: str, *, replay: bool = False) -> Subscription:
        """Listen from now on; with `replay`, from the beginning, if the events are kept."""
        subscription = Subscription(self, key)
        with self._lock:
            self._listeners.setdefault(key, []).append(subscription)
            if replay and key in self._kept:
                subscription.replay(self._kept[key])
        return subscription

    def keep(self, key: str) -> None:
        """Keep the events of a turn for those who will listen later; of so many turns, the oldest are forgotten."""
        with self._lock:
            self._kept[key] = []
            while len(self._kept) > _MOST_KEPT:
                del self._kept[next(iter(self._kept))]

    def unsubscribe(self, key: str, subscription: Subscription) -> None:
        with self._lock:
            rest = [one for one in self._listeners.get(key, ()) if one is not subscription]
            if rest:
                self._listeners[key] = rest
            else:
                self._listeners.pop(key, None)

    def publish(self, events: Iterable[TurnEvent]) -> None:
        for event in events:
            with self._lock:
                if event.turn.id in self._kept:
                    self._kept[event.turn.id].append(event)
                listeners = [*self._listeners.get(event.turn.id, ()), *self._listeners.get(event.turn.parent, ())]
            for listener in listeners:
                listener.put(event)

    def close(self) -> None:
        """Let every listener know that nothing more will come."""
        with self._lock:
            listeners = [one for several in self._listeners.values() for one in several]
        for listener in listeners:
            listener.put(None)
