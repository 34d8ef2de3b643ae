"""A carrier's scans as observations: each once, however often the provider's webhook repeats it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlmodel import Session

from ..domain.easypost import Scan, TrackerUpdate
from ..domain.times import rfc3339
from ..domain.vocabulary import Role
from ..errors import LedgerError
from ..store.tables import CaseRow
from .app import App
from .observation_data import read_observed
from .observations import Stated, take_stated
from .times import check_occurred

_KIND = "scanned"
_BY = Role.CARRIER


def take_scans(app: App, session: Session, case: CaseRow, update: TrackerUpdate, provider: str) -> int:
    """Takes those of an update's scans that the case does not have yet; how many. The service has to hold the carrier's
    key. A case that takes no more, such as an erased one, takes none."""
    try:
        return len(take_stated(app, session, case, list(_stated(app, case, update, provider))))
    except LedgerError:
        return 0


def _stated(app: App, case: CaseRow, update: TrackerUpdate, provider: str) -> Iterator[Stated]:
    for scan in update.scans:
        said = {
            "source": provider,
            "carrier": update.carrier,
            "status": scan.status,
            "status_detail": scan.status_detail,
            "country": scan.location.get("country", ""),
        }
        place = ", ".join(part for name, part in scan.location.items() if name != "country")
        sealed = {"message": scan.message, "location": place, "event": update.event_id}
        try:
            moment = check_occurred(app, scan.occurred_at)
            data, personal = read_observed(_KIND, _present(said), _present(sealed))
        except LedgerError:
            continue  # a time in the future, or a status that is no word: another update may say it better
        yield Stated(_KIND, _BY, moment, data, personal, _source(app, case, update, scan, provider))


def _present(values: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _source(app: App, case: CaseRow, update: TrackerUpdate, scan: Scan, provider: str) -> str:
    """What names a scan: all that it says, which may name people, as a keyed hash."""
    said = (scan.status, scan.status_detail, scan.message, *(f"{name}={part}" for name, part in scan.location.items()))
    parcel = (update.carrier, update.tracking_code, rfc3339(scan.occurred_at))
    return f"{provider}:{app.vault.blind_index('scan', case.case_id, *parcel, *said)}"
