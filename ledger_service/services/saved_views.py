"""Lists of cases under a name, so that an account sees them again: what is kept is the question, never an answer."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from pydantic import Field
from sqlmodel import Session

from ..domain.times import from_chain, rfc3339
from ..errors import Conflict, NotFound
from ..store import saved_views as sql
from ..store.case_lists import Search
from ..store.keys import lock_account
from ..store.tables import Account, CaseRow, SavedView
from .app import App
from .blind_indexes import search_for
from .case_lists import CaseQuery
from .idempotency import IdempotencyClaim, complete
from .inputs import Input, Word

MOST = 100  # of one account


class ViewInput(Input):
    name: Word
    query: CaseQuery = Field(default_factory=CaseQuery, description="The parameters of `GET /v1/cases`, without page.")


def list_views(app: App, account: Account) -> dict[str, Any]:
    """An account's views, by name."""
    with app.database.read() as session:
        items = [_answer(view) for view in sql.views_of(session, account.id or 0)]
    return {"items": items, "next_cursor": None}


def save_view(
    app: App, account: Account, request: ViewInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """A new view. Raises Conflict for a name that is taken, and for one view too many."""
    with app.database.write() as session:
        lock_account(session, account.id or 0)
        views = sql.views_of(session, account.id or 0)
        _require_free(views, request.name, None)
        if len(views) >= MOST:
            raise Conflict(f"You have {MOST} views already.", field="name", remedy="Delete one first.")
        view = SavedView(
            view_id="view_" + secrets.token_hex(8),
            account_id=account.id or 0,
            name=request.name,
            query=_text(request),
            created_at=app.clock.seconds(),
        )
        session.add(view)
        body = _answer(view)
        complete(session, idempotency, 201, body)
    return body


def replace_view(app: App, account: Account, view_id: str, request: ViewInput) -> dict[str, Any]:
    """Gives a view another name or question. Raises NotFound, or Conflict for a name that is taken."""
    with app.database.write() as session:
        lock_account(session, account.id or 0)
        view = _own(session, account, view_id)
        _require_free(sql.views_of(session, account.id or 0), request.name, view_id)
        view.name, view.query = request.name, _text(request)
        session.add(view)
        return _answer(view)


def delete_view(app: App, account: Account, view_id: str) -> None:
    """Raises NotFound for a view that is not there, or somebody else's."""
    with app.database.write() as session:
        session.delete(_own(session, account, view_id))


def forget_person(app: App, session: Session, case: CaseRow) -> None:
    """Deletes its merchant's views that look for the person of a case, or for the case itself, before it is erased:
    they hold in plain words what is sealed elsewhere."""
    words = sql.words_of(session, case.case_id)
    for view in sql.views_of(session, case.account_id):
        text = CaseQuery.model_validate_json(view.query).q
        if text is not None and _looks_for(search_for(app, case.account_id, text), case, words):
            session.delete(view)


def _looks_for(search: Search, case: CaseRow, words: set[str]) -> bool:
    is_person = search.person is not None and search.person == case.consumer_index
    is_named = bool(search.name) and words.issuperset(search.name)
    return is_person or is_named or search.order in words or search.text == case.reference


def _own(session: Session, account: Account, view_id: str) -> SavedView:
    view = sql.find_view(session, view_id)
    if view is None or view.account_id != account.id:
        raise NotFound("There is no such view, or it is not yours.", field="view_id", remedy="Check the id.")
    return view


def _require_free(views: Sequence[SavedView], name: str, own: str | None) -> None:
    if any(view.name == name and view.view_id != own for view in views):
        raise Conflict(f"You have a view named {name!r} already.", field="name", remedy="Choose another name.")


def _text(request: ViewInput) -> str:
    return request.query.model_dump_json(exclude_none=True)


def _answer(view: SavedView) -> dict[str, Any]:
    query = CaseQuery.model_validate_json(view.query)
    return {
        "view_id": view.view_id,
        "name": view.name,
        "query": query.model_dump(mode="json", exclude_none=True),
        "created_at": rfc3339(from_chain(view.created_at)),
    }
