"""How the modules beside this one change moto: by wrapping a method, never by copying one."""

from collections.abc import Callable
from functools import wraps
from typing import Any


def after(owner: type, name: str, change: Callable[..., Any]) -> None:
    """Call *change* with the result, the object and the arguments; what it gives is the result."""
    original = getattr(owner, name)

    @wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return change(original(self, *args, **kwargs), self, *args, **kwargs)

    setattr(owner, name, method)


def amend(owner: type, name: str, change: Callable[[Any], Any]) -> None:
    """Pass what a property gives through *change*."""
    original = getattr(owner, name).fget
    setattr(owner, name, property(lambda self: change(original(self))))
