"""Whether one more request that writes can be taken. What was answered before is answered again whatever this says."""

from __future__ import annotations

from ..errors import Overloaded, Unavailable
from .app import App
from .health import Readiness

_LATER = 30  # seconds after which something may have changed


class Intake:
    """Asked before anything is begun, so that nothing is left half done."""

    def __init__(self, app: App, readiness: Readiness) -> None:
        self._settings = app.settings
        self._readiness = readiness

    def require_room(self) -> None:
        """Raises Overloaded while too much waits or the disk is nearly full, Unavailable where somebody has to look
        first."""
        look = self._readiness.details()
        if not (look.is_ok("halt") and look.is_ok("identity")):
            raise Unavailable(
                "The ledger has stopped, because the chain is not the one that it knows.",
                remedy="Try again later; the operator has to look first.",
            )
        if not look.is_ok("disk"):
            raise Overloaded("The disk is nearly full.", retry_after=_LATER)
        if look.stored is not None and look.stored.queue.waiting >= self._settings.max_queue:
            raise Overloaded("Too much is waiting for the chain.", retry_after=_LATER)

    def is_delayed(self) -> bool:
        """Whether what is taken now reaches the chain late."""
        return self._readiness.details().delayed
