"""What is known so far during an execution: ids and things done, by key; whoever needs a key waits for it here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Keys:
    """Each key becomes known, or is given up with a reason; then it is settled for good."""

    known: dict[str, str]
    given_up: dict[str, str] = field(default_factory=dict)
    _waiting: dict[str, list[Callable[[], None]]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, known: Mapping[str, str]) -> Keys:
        return cls(dict(known))

    def learn(self, key: str, value: str = "") -> None:
        if key not in self.given_up:
            self.known[key] = value
        self._settle(key)

    def give_up(self, key: str, why: str) -> None:
        if key not in self.known:
            self.given_up.setdefault(key, why)
        self._settle(key)

    def _settle(self, key: str) -> None:
        for call in self._waiting.pop(key, ()):
            call()

    def settled(self, key: str) -> bool:
        return key in self.known or key in self.given_up

    def lacking(self, keys: Collection[str]) -> str | None:
        """Give why one of the keys will never be known; None when none of them was given up."""
        return next((self.given_up[key] for key in keys if key in self.given_up), None)

    def when_settled(self, keys: Collection[str], call: Callable[[], None]) -> None:
        """Call once all of the keys are settled; at once when they are."""
        missing = [key for key in keys if not self.settled(key)]
        if not missing:
            call()
            return
        left = len(missing)

        def one_less() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                call()

        for key in missing:
            self._waiting[key].append(one_less)
