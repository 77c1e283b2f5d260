"""Operations of the console, run in the background: each answer or refusal is said once, and none is lost on leaving.

A decision made a moment before `q` is written before the console ends, and before it leaves for another desk.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

from textual.worker import Worker, WorkerState

from console.desk_guard import DeskGuard
from console.personal_app import PersonalApp
from core.durations import MINUTE
from core.errors import AccessEnded, NoAnswer, PostroomError, Refused

if TYPE_CHECKING:
    from console.operations import Operation
    from console.screens.desk_screen import DeskScreen

T = TypeVar("T")


class OperationApp(PersonalApp[int]):
    """An app that runs operations at the desk it shows."""

    _guard: DeskGuard
    _alarm = ("", 0)
    _under_way = 0
    _leaving = False

    @property
    def now(self) -> int:
        """UTC microseconds, by the desk's clock."""
        raise NotImplementedError

    @property
    def desk_screen(self) -> DeskScreen | None:
        """The desk screen that is visible, below any dialog."""
        for screen in reversed(self.screen_stack):
            if hasattr(screen, "apply_update"):
                return cast("DeskScreen", screen)  # only these screens are told; their classes would import the ORM
        return None

    def run_operation(
        self,
        operation: Operation[T],
        then: Callable[[T], None],
        *,
        otherwise: Callable[[str], None] | None = None,
        ended: Callable[[], None] | None = None,
    ) -> None:
        """Run an operation in the background; `then` runs with the answer.

        Why there is none goes to `otherwise`, or becomes a notice. `ended` runs before either, whatever came of it.
        """
        self._under_way += 1
        run = partial(self._run_operation, operation, then, otherwise, ended or (lambda: None))
        self.run_worker(run, group="operations", exit_on_error=False)  # type: ignore[arg-type]  # Textual wants None inferred

    async def _run_operation(
        self,
        operation: Operation[T],
        then: Callable[[T], None],
        otherwise: Callable[[str], None] | None,
        ended: Callable[[], None],
    ) -> None:
        try:
            try:
                answer = await self._guard.act(operation)
            finally:
                ended()
        except AccessEnded:
            return  # the whole screen says so
        except Refused as error:
            why = f"{error.reason}{' - ' + error.fix if error.fix else ''}"
            (otherwise or partial(self.say, severity="warning"))(why)
        except PostroomError as error:
            if otherwise is not None:
                otherwise(f"could not load: {error}")
            elif isinstance(error, NoAnswer):
                self.say(f"no answer: it may have been done; look again before you repeat it ({error})", "error")
                if (screen := self.desk_screen) is not None:
                    screen.read_again()
            else:
                self.say(f"not done: {error}", "error")
        else:
            then(answer)
        finally:
            self._under_way -= 1
            if self._leaving and not self._under_way:
                self.exit(0)

    def alarm(self, text: str) -> None:
        """Approvals come faster than anyone can read: tell the reviewer, and keep it in the footer for a minute."""
        self._alarm = (text, self.now + MINUTE)
        self.say(text, "warning")

    @property
    def alarm_text(self) -> str:
        text, until = self._alarm
        return f"▲ {text}" if text and self.now < until else ""

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR:
            self.report(event.worker.error)

    def report(self, error: BaseException | None) -> None:
        """Tell of a mistake of ours; the console goes on, because whoever uses it needs it now."""
        self.say(f"internal error, please report it: {error!r}", "error")
