"""The exception hierarchy. A class exists only where a caller handles it differently.

    PostroomError
    ├── Refused                 a request of a person or an agent is refused: the error says why and what to do
    │   ├── Invalid             the request itself is malformed                            (HTTP 422, exit 2)
    │   ├── Unauthenticated     no token, or one that is unknown, expired or revoked       (HTTP 401)
    │   │   └── AccessEnded     signed in before, and disabled, revoked or expired since   (HTTP 401)
    │   ├── Forbidden           authenticated, but not permitted: role, scope, owner       (HTTP 403)
    │   ├── NotFound            no such thing, or not one of yours                         (HTTP 404)
    │   ├── Conflict            the state has changed: decided already, digest differs     (HTTP 409)
    │   │   └── ChecklistOpen   a signature with open checklist items: says which          (HTTP 409)
    │   ├── Unconfirmed             loosens a guarded desk: its name must be typed first           (HTTP 428)
    │   ├── TooLarge            over a limit that protects the desk                        (HTTP 413)
    │   └── UnsupportedMedia    the body is of another media type                          (HTTP 415)
    └── Unavailable             the desk cannot answer now; nothing was written            (HTTP 503)
        ├── Overloaded          the writer's queue is full
        └── NoAnswer            a request or a commit was sent and its answer is lost: it may have been done

The gateway answers with `http`, and its client raises the class of that status (`refusal_of`): one table for both.
What happens to mail (bounced, deferred, held) is a value of `core.model`, never an exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class PostroomError(Exception):
    """Root of all errors that Postroom raises on purpose."""


class Refused(PostroomError):
    """The request is not permitted or not possible.

    `error` is the stable code a program branches on, `reason` a sentence for a person, `fix` what to do next.
    """

    error = "refused"
    http: ClassVar[int] = 400

    def __init__(self, reason: str, *, error: str | None = None, fix: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.error = error or type(self).error
        self.fix = fix


class Invalid(Refused):
    """The request is malformed. `problems` lists (field, problem) pairs."""

    error = "invalid_request"
    http = 422

    def __init__(
        self,
        reason: str,
        *,
        error: str | None = None,
        fix: str | None = None,
        problems: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(reason, error=error, fix=fix)
        self.problems = problems


class Unauthenticated(Refused):
    error = "unauthenticated"
    http = 401


class AccessEnded(Unauthenticated):
    """The operator was signed in and no longer is: a console exits, the API answers 401."""


class Forbidden(Refused):
    error = "forbidden"
    http = 403


class NotFound(Refused):
    error = "not_found"
    http = 404


class Conflict(Refused):
    error = "conflict"
    http = 409


class ChecklistOpen(Conflict):
    """The checklist is incomplete: `open_items` must be affirmed, each of `found_false` needs a reason. Item codes."""

    error = "checklist"

    def __init__(
        self, reason: str, *, fix: str | None = None, open_items: Sequence[str] = (), found_false: Sequence[str] = ()
    ) -> None:
        super().__init__(reason, fix=fix)
        self.open_items = tuple(open_items)
        self.found_false = tuple(found_false)


class Unconfirmed(Refused):
    """The caller asked for tightening only, and this would loosen; nothing was done."""

    error = "unconfirmed"
    http = 428


class TooLarge(Refused):
    error = "too_large"
    http = 413


class UnsupportedMedia(Refused):
    error = "unsupported_media_type"
    http = 415


class Unavailable(PostroomError):
    """The desk cannot answer now; nothing was written. `retry_after` is in seconds."""

    error = "unavailable"
    http: ClassVar[int] = 503

    def __init__(self, reason: str, *, retry_after: int = 5) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class Overloaded(Unavailable):
    """The writer's queue is full; try again."""

    error = "overloaded"


class NoAnswer(Unavailable):
    """A request or a commit was sent, and the connection was lost before its answer: it may have been done. Look."""


def refusal_of(http: int) -> type[Refused]:
    """The class of the refusals that are answered with an HTTP status."""
    return next((kind for kind in Refused.__subclasses__() if kind.http == http), Refused)
