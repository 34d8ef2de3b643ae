"""Finding a case by what is sealed: the consumer's name, their e-mail, the order.

Sealed fields cannot be searched, so keyed hashes of them stand beside (blind indexes), made with a key that is not in
the database, and other ones for each merchant: who reads the tables learns which cases share a name, and no name. They
are found whole, word by word: of a blind index there is no beginning. An erasure deletes them.
"""

from __future__ import annotations

import re
import unicodedata

from ..store.case_lists import Search
from ..store.tables import CaseWord
from .app import App
from .inputs import CaseInput

_WORD = re.compile(r"\w+")
_MOST_WORDS = 10


def tracking_index(app: App, account_id: int | None, carrier: str, tracking_code: str) -> str:
    """The blind index of a parcel: one merchant, one carrier whatever its capitals, one tracking code."""
    return app.vault.blind_index("tracking", str(account_id), carrier.casefold(), tracking_code)


def consumer_index(app: App, account_id: int | None, email: str) -> str:
    """The blind index of a person at one merchant, whatever the address's capitals."""
    return app.vault.blind_index("consumer", str(account_id), email.casefold())


def words_of_name(name: str) -> list[str]:
    """The words of a name, without case and accents: `José Müller` is `jose`, `muller`."""
    plain = "".join(each for each in unicodedata.normalize("NFKD", name) if not unicodedata.combining(each))
    return sorted(set(_WORD.findall(plain.casefold())))[:_MOST_WORDS]


def words_of_case(app: App, account_id: int | None, case_id: str, request: CaseInput) -> list[CaseWord]:
    """What lets a new case be found by its sealed fields."""
    hashes = [_name_word(app, account_id, word) for word in words_of_name(request.consumer.name or "")]
    if request.order and request.order.reference:
        hashes.append(_order(app, account_id, request.order.reference))
    return [CaseWord(word=each, case_id=case_id) for each in hashes]


def search_for(app: App, account_id: int | None, text: str) -> Search:
    """A text as everything that it may be. Without an account only what is not sealed is searched."""
    if account_id is None:
        return Search(text)
    return Search(
        text,
        order=_order(app, account_id, text),
        person=consumer_index(app, account_id, text) if "@" in text else None,
        name=tuple(_name_word(app, account_id, word) for word in words_of_name(text)),
    )


def _name_word(app: App, account_id: int | None, word: str) -> str:
    return app.vault.blind_index("name", str(account_id), word)


def _order(app: App, account_id: int | None, reference: str) -> str:
    return app.vault.blind_index("order", str(account_id), reference.strip().casefold())
