"""What a flood of guesses costs, and whom it holds up."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from argon2 import PasswordHasher

from imgtag.backends import Context
from imgtag.backends.local.accounts import LocalAccounts, open_local
from imgtag.backends.local.passwords import PasswordHashing, hashing
from imgtag.backends.local.throttle import MAX_NAMES, Pace, SignInThrottle
from imgtag.domain.errors import ImgtagError, Unauthenticated, Unavailable
from imgtag.settings import Settings
from imgtag.testing.clock import FixedClock

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse"


@asynccontextmanager
async def opened(
    data_dir: Path, clock: FixedClock, hasher: PasswordHasher = QUICK
) -> AsyncIterator[LocalAccounts]:
    """Open mode ``local`` as a process does."""
    async with AsyncExitStack() as stack:
        settings = Settings.model_validate({"data_dir": data_dir, "auth": "local"})
        context = Context(settings, clock, stack)
        yield await stack.enter_async_context(open_local(context, hasher=hasher))


@pytest.fixture
async def accounts(tmp_path: Path, clock: FixedClock) -> AsyncIterator[LocalAccounts]:
    """A server with local accounts, and nobody yet."""
    async with opened(tmp_path, clock) as accounts:
        yield accounts


class GatedHasher(PasswordHasher):
    """Hashes when it is let to, and counts how many do at once."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.open = threading.Event()
        self._lock = threading.Lock()
        self._running = 0
        self.most = 0
        self.jobs = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
        """Wait at the gate, then compare."""
        with self._lock:
            self._running += 1
            self.jobs += 1
            self.most = max(self.most, self._running)
        try:
            assert self.open.wait(30)
            return super().verify(hash, password)
        finally:
            with self._lock:
                self._running -= 1


class TestFlood:
    """A thousand guesses."""

    @pytest.fixture
    def hasher(self) -> Iterator[GatedHasher]:
        """A hasher that is let go at the end, whatever happens."""
        hasher = GatedHasher()
        yield hasher
        hasher.open.set()

    async def test_line_is_short(self, hasher: GatedHasher) -> None:
        """Two hash at once, fourteen wait, and the others are told to come again."""
        with hashing(hasher) as passwords:
            answers: list[str] = []

            async def guess() -> None:
                try:
                    await passwords.verify(None, "guess")
                    answers.append("wrong")
                except Unavailable as refused:
                    answers.append(refused.code)
                    if len(answers) == 84:
                        hasher.open.set()

            async with asyncio.timeout(30), asyncio.TaskGroup() as group:
                for _ in range(100):
                    group.create_task(guess())
            assert answers.count("wrong") == 16
            assert answers.count("too_many_sign_ins") == 84
            assert hasher.most == 2

    async def test_cancelled_requests_keep_their_place(self, hasher: GatedHasher) -> None:
        """Hanging up does not make room for more work than the threads can do."""
        passwords = PasswordHashing(hasher, at_once=1, waiting=1)
        try:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(passwords.verify(None, "guess"))
                await asyncio.to_thread(self.began, hasher)
                running.cancel()
            assert hasher.jobs == 1
            async with asyncio.TaskGroup() as group:
                waiting = group.create_task(passwords.verify(None, "guess"))
                await asyncio.sleep(0)
                with pytest.raises(Unavailable):
                    await passwords.verify(None, "guess")
                hasher.open.set()
                assert await waiting is False
        finally:
            hasher.open.set()
            passwords.close()

    def began(self, hasher: GatedHasher) -> None:
        """Wait until a job stands at the gate."""
        deadline = time.monotonic() + 30
        while not hasher.jobs:
            assert time.monotonic() < deadline
            threading.Event().wait(0.001)

    async def test_guessing_one_name(self, accounts: LocalAccounts, clock: FixedClock) -> None:
        """Of a thousand guesses at one name ten are checked, and others sign in meanwhile."""
        await accounts.add_user("ada", PASSWORD)
        await accounts.add_user("bob", PASSWORD)
        told: list[ImgtagError] = []
        for _ in range(1000):
            with pytest.raises((Unauthenticated, Unavailable)) as refused:
                await accounts.sign_in("ada", "guess")
            told.append(refused.value)
        assert sum(isinstance(error, Unauthenticated) for error in told) == 10
        assert told[-1].code == "too_many_sign_ins"
        await accounts.sign_in("bob", PASSWORD)
        clock.advance(timedelta(seconds=30))
        await accounts.sign_in("ada", PASSWORD)

    async def test_a_full_line_is_no_wrong_password(
        self, tmp_path: Path, clock: FixedClock, hasher: GatedHasher
    ) -> None:
        """A try that could not be checked does not count against the name."""
        async with opened(tmp_path, clock, hasher) as accounts:
            await accounts.add_user("ada", PASSWORD)
            async with asyncio.TaskGroup() as group:
                for _ in range(16):
                    group.create_task(accounts._passwords.verify(None, "guess"))
                await asyncio.sleep(0)
                for _ in range(50):
                    with pytest.raises(Unavailable):
                        await accounts.sign_in("ada", PASSWORD)
                hasher.open.set()
            await accounts.sign_in("ada", PASSWORD)


class TestThrottle:
    """The arithmetic of tries."""

    def test_many_names(self, clock: FixedClock) -> None:
        """When many names are tried, each has one try; those who know their password get in."""
        throttle = SignInThrottle(world_pace=Pace(20, timedelta(seconds=1)))
        for number in range(20):
            throttle.begin(f"name {number}", clock.now())
        throttle.begin("ada", clock.now())
        with pytest.raises(Unavailable):
            throttle.begin("ada", clock.now())
        throttle.begin("bob", clock.now())
        throttle.forgive("bob", clock.now())
        throttle.begin("bob", clock.now())
        clock.advance(timedelta(minutes=1))
        throttle.begin("ada", clock.now())
        throttle.begin("ada", clock.now())

    def test_says_when(self, clock: FixedClock) -> None:
        """Who waits as long as told may try again."""
        throttle = SignInThrottle(name_pace=Pace(2, timedelta(seconds=30)))
        for _ in range(2):
            throttle.begin("ada", clock.now())
        clock.advance(timedelta(seconds=10))
        with pytest.raises(Unavailable) as refused:
            throttle.begin("ada", clock.now())
        clock.advance(timedelta(seconds=refused.value.retry_after_seconds))
        throttle.begin("ada", clock.now())

    def test_remembers_only_so_many(self, clock: FixedClock) -> None:
        """Made-up names can't fill the memory."""
        throttle = SignInThrottle()
        for number in range(MAX_NAMES + 10):
            throttle.begin(f"name {number}", clock.now())
        assert len(throttle._names) == MAX_NAMES
