"""Every error that crosses a border inside imgtag.

::

    ImgtagError
    ├── NotFound             absent, or somebody else's: the two look the same
    │   └── Gone             was there once and has ended
    ├── Invalid              asking again with the same words can't help
    │   ├── TooLarge
    │   └── Unsupported
    ├── Conflict             the thing has moved on since it was read
    ├── Unauthenticated      nobody is signed in
    ├── Forbidden            somebody is, and may not
    └── Unavailable          worth retrying
        └── Archived         in some hours, once it was restored

Callers ask two questions only: is it absent (`NotFound`), is it worth retrying (`Unavailable`)?
"""

from typing import ClassVar


class ImgtagError(Exception):
    """Something a caller should know.

    *code* is stable and snake_case, for programs; *detail* is one sentence for people and holds no
    secret, no path of this machine and nothing of another owner.
    """

    default_code: ClassVar[str] = "internal_error"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.default_code


class NotFound(ImgtagError):
    """There is no such thing for this owner."""

    default_code = "not_found"


class Gone(NotFound):
    """It existed and has expired or been revoked."""

    default_code = "gone"


class Invalid(ImgtagError):
    """What was sent can't be accepted; *pointer* is a JSON pointer to the part at fault."""

    default_code = "invalid_request"

    def __init__(self, detail: str, *, code: str | None = None, pointer: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.pointer = pointer


class TooLarge(Invalid):
    """More bytes, pixels or items than the limit."""

    default_code = "too_large"


class Unsupported(Invalid):
    """A format that imgtag does not take."""

    default_code = "unsupported_format"


class Conflict(ImgtagError):
    """The state it was based on is no longer the state."""

    default_code = "conflict"


class Unauthenticated(ImgtagError):
    """Nobody is signed in, or the credential is not (or no longer) valid."""

    default_code = "unauthenticated"


class Forbidden(ImgtagError):
    """Signed in, and not allowed."""

    default_code = "forbidden"


class Unavailable(ImgtagError):
    """A dependency can't answer now. *retry_after_seconds* is a hint for when to ask again."""

    default_code = "unavailable"

    def __init__(
        self, detail: str, *, code: str | None = None, retry_after_seconds: float = 5.0
    ) -> None:
        super().__init__(detail, code=code)
        self.retry_after_seconds = retry_after_seconds


class Archived(Unavailable):
    """The bytes lie where they can't be read before somebody has them restored."""

    default_code = "archived"
