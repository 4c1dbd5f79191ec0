"""Threads for what would hold up the event loop, and waiting for them: they can't be cancelled."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Final, Self, TypeVar

T = TypeVar("T")

_NO_MORE: Final = None


class Threads:
    """A few threads that work for an event loop, each at one thing at a time.

    The standard library's executor keeps a future and a lock of its own for every piece of work,
    beside the event loop's: that took as long as most of what is done here.
    """

    def __init__(self, number: int, name: str) -> None:
        """Start *number* of them; they are called *name*."""
        self._waiting: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads = [
            Thread(target=self._serve, name=f"{name}-{each}", daemon=True) for each in range(number)
        ]
        self._closed = False
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def run(self, work: Callable[..., T], *arguments: Any) -> "asyncio.Future[T]":
        """Have *work* done, and give what will be its result.

        Cancelling that undoes nothing; what was not begun by then is left out. `RuntimeError` once
        they are closed.
        """
        if self._closed:
            msg = "these threads do nothing more"
            raise RuntimeError(msg)
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.put(partial(_do, answer, work, arguments))
        return answer

    def close(self) -> None:
        """Wait until all that was asked for is done. Again is fine."""
        self._closed = True
        for _ in self._threads:
            self._waiting.put(_NO_MORE)
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        for do in iter(self._waiting.get, _NO_MORE):
            do()
            del do  # an idle thread keeps nobody's bytes


def _do(answer: "asyncio.Future[T]", work: Callable[..., T], arguments: tuple[Any, ...]) -> None:
    if answer.cancelled():
        return
    try:
        result = work(*arguments)
    except StopIteration as error:  # which means something else to whoever awaits
        _tell(answer, answer.set_exception, RuntimeError(repr(error)))
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the caller's to hear
        _tell(answer, answer.set_exception, error)
        # Its traceback leads here; would it go on to the error, both would stay, and all they know.
        del answer, arguments
    else:
        _tell(answer, answer.set_result, result)


def _tell(answer: "asyncio.Future[Any]", settle: Callable[[Any], None], outcome: object) -> None:
    def tell() -> None:
        if not answer.cancelled():
            settle(outcome)

    with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
        answer.get_loop().call_soon_threadsafe(tell)


async def see_through(
    running: "asyncio.Future[T]", *, on_cancel: Callable[[], object] | None = None
) -> T:
    """Wait for *running* to end, even when cancelled, so that nothing goes on behind one's back.

    *on_cancel* may hasten the end. The cancellation is raised once *running* is done.
    """
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        if on_cancel:
            on_cancel()
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # heard, or it would be reported as lost
        raise
