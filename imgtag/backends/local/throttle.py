"""How many wrong passwords are too many."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from imgtag.domain.errors import Unavailable

MAX_NAMES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Pace:
    """*burst* tries at once, and one more every *interval*."""

    burst: int
    interval: timedelta


@dataclass(frozen=True, slots=True)
class _Level:
    """Tries not yet forgotten, as they stood *at* a time."""

    tries: float
    at: datetime

    def now(self, now: datetime, pace: Pace) -> float:
        return max(0.0, self.tries - max(now - self.at, timedelta(0)) / pace.interval)


class SignInThrottle:
    """Slows down guessing, for one name and for all names together, and locks nobody out.

    A try counts from its start, so that a thousand at the same time are no way around it, and is
    forgiven when the password was right. Each name has *name_pace*. When all names together have
    used up *world_pace*, somebody tries one password on many names: then a name gets a single try
    at once, existing or not, but those who know their password still get in.
    """

    def __init__(
        self,
        name_pace: Pace = Pace(10, timedelta(seconds=30)),
        world_pace: Pace = Pace(100, timedelta(seconds=1)),
    ) -> None:
        self._name_pace = name_pace
        self._world_pace = world_pace
        self._names: OrderedDict[str, _Level] = OrderedDict()
        self._world: _Level | None = None

    def begin(self, name: str, now: datetime) -> None:
        """Count a try, or raise `Unavailable`, code ``too_many_sign_ins``, and count nothing."""
        tries = self._tries(name, now)
        world = self._world.now(now, self._world_pace) if self._world else 0.0
        allowed = self._name_pace.burst if world < self._world_pace.burst else 1
        if tries + 1 > allowed:
            wait = (tries + 1 - allowed) * self._name_pace.interval.total_seconds()
            msg = "too many wrong passwords; try again later"
            raise Unavailable(msg, code="too_many_sign_ins", retry_after_seconds=wait)
        self._remember(name, _Level(tries + 1, now))
        self._world = _Level(min(world, self._world_pace.burst) + 1, now)

    def forgive(self, name: str, now: datetime) -> None:
        """Forget every try of *name*: it signed in."""
        self._names.pop(name, None)
        self._give_back(now)

    def undo(self, name: str, now: datetime) -> None:
        """Uncount one try of *name*, which told nobody whether the password was right."""
        self._remember(name, _Level(max(0.0, self._tries(name, now) - 1), now))
        self._give_back(now)

    def _give_back(self, now: datetime) -> None:
        if self._world:
            self._world = _Level(max(0.0, self._world.now(now, self._world_pace) - 1), now)

    def _tries(self, name: str, now: datetime) -> float:
        level = self._names.get(name)
        return level.now(now, self._name_pace) if level else 0.0

    def _remember(self, name: str, level: _Level) -> None:
        self._names[name] = level
        self._names.move_to_end(name)
        if len(self._names) > MAX_NAMES:
            self._names.popitem(last=False)
