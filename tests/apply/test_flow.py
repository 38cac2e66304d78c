"""The order in which steps run: by what they need, however they are listed and whatever fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.apply.flow import WIDTH, Flow, Promises
from deployer.errors import DeployerError
from deployer.model import Address, AttachFiles, Create, Operation


def step(name: str, needs: Sequence[str] = ()) -> Create:
    return Create(Address("assistant", name), {}, gives=name, after=tuple(needs))


def run(steps: Sequence[Create], fails: frozenset[str], stop_at: str | None = None) -> tuple[list[str], Flow, Promises]:
    """Run the steps; give what was done, in order."""
    keys, done, stop = Promises.of({}), [], asyncio.Event()

    async def do(one: Operation) -> None:
        assert isinstance(one, Create)
        assert one.gives
        await asyncio.sleep(0)
        if one.gives in fails:
            raise DeployerError(f"{one.gives} failed")
        if one.gives == stop_at:
            stop.set()
        done.append(one.gives)
        keys.learn(one.gives)

    async def all_of_it() -> Flow:
        flow = Flow(keys, do, stop)
        await flow.run(tuple(steps))
        return flow

    return done, asyncio.run(asyncio.wait_for(all_of_it(), 10)), keys


@st.composite
def graphs(draw: st.DrawFn) -> list[Create]:
    count = draw(st.integers(0, 40))
    steps = []
    for number in range(count):
        needs = draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        steps.append(step(f"s{number}", [f"s{need}" for need in sorted(needs)]))
    return steps


@given(graphs(), st.sets(st.integers(0, 40), max_size=4))
def test_every_step_runs_after_what_it_needs_or_not_at_all(steps: list[Create], failing: set[int]) -> None:
    fails = frozenset(f"s{number}" for number in failing)
    done, flow, keys = run(steps, fails)
    place = {name: index for index, name in enumerate(done)}
    expected: set[str] = set()
    for one in steps:
        assert one.gives
        assert keys.settled(one.gives)
        if one.needs <= expected and one.gives not in fails:
            expected.add(one.gives)
            assert all(place[need] < place[one.gives] for need in one.needs)
    assert set(done) == expected
    assert len(done) + len(flow.failures) + flow.left_out == len(steps)


def test_once_stopped_nothing_more_is_started() -> None:
    chain = [step("a"), step("b", ["a"]), step("c", ["b"])]
    done, flow, keys = run(chain, frozenset(), stop_at="a")
    assert done == ["a"]
    assert (flow.failures, flow.left_out) == ([], 2)
    assert keys.given_up == {"b": "interrupted", "c": "interrupted"}


def test_what_was_given_up_elsewhere_leaves_out_what_needs_it() -> None:
    keys = Promises.of({"known": "id"})
    seen: list[str] = []
    keys.when_settled(["known"], lambda: seen.append("at once"))
    keys.when_settled(["known", "a", "b"], lambda: seen.append("both"))
    keys.learn("a")
    assert seen == ["at once"]
    keys.give_up("b", "it needs vector_store/x")
    assert seen == ["at once", "both"]
    assert keys.lacking(["a", "b"]) == "it needs vector_store/x"
    keys.learn("b")
    assert "b" not in keys.known, "what was given up stays so"


def test_however_many_batches_wait_others_can_send() -> None:
    """A batch mostly waits for the account; here until the very last request was sent."""
    keys, done, last = Promises.of({"store": "vs_1"}), [], asyncio.Event()
    batches = [AttachFiles("store", (), f"batch{number}") for number in range(2 * WIDTH)]

    async def do(one: Operation) -> None:
        if isinstance(one, AttachFiles):
            await last.wait()
        else:
            last.set()
        done.append(one)

    async def run_all() -> None:
        await asyncio.wait_for(Flow(keys, do, asyncio.Event()).run((*batches, step("last"))), 10)

    asyncio.run(run_all())
    assert done == [step("last"), *batches]


@pytest.mark.parametrize("settle", (Promises.learn, lambda keys, key: keys.give_up(key, "it needs vector_store/x")))
def test_who_is_told_after_he_was_stopped_starts_nothing(settle: Callable[[Promises, str], None]) -> None:
    keys, done = Promises.of({}), []

    async def do(one: Operation) -> None:
        done.append(one)

    async def stopped() -> None:
        flow = Flow(keys, do, asyncio.Event())
        work = asyncio.create_task(flow.run((AttachFiles("store", (), "batch"), step("b", ["a"]))))
        await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        for key in ("store", "a"):
            settle(keys, key)
        await asyncio.sleep(0)

    asyncio.run(stopped())
    assert done == []
