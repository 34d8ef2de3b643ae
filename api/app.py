"""The API, put together."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import FastAPI
from starlette.routing import BaseRoute

from ledger_service.services.access_trail import AccessTrail
from ledger_service.services.app import App
from ledger_service.services.gauges import make_registry
from ledger_service.services.health import Readiness, Workers
from ledger_service.services.intake import Intake
from ledger_service.services.rate_limits import RateLimits
from ledger_service.services.standing import StandingWatch

from . import errors, openapi, schemas
from .after_restore import AfterRestore
from .afterwards import writing_afterwards
from .dependencies import gather_keys, require_credential
from .load import Load, Shedding
from .looking import Looking
from .observability import Metrics, Observed
from .plain_milestones import PlainMilestones
from .routes import (
    access,
    api_keys,
    audit,
    case_lists,
    cases,
    disputes,
    documents,
    exports,
    imports,
    log,
    milestones,
    observations,
    pages,
    privacy,
    reconciliation,
    sessions,
    statistics,
    status,
    status_observations,
    system,
    webhook_endpoints,
    webhooks,
)
from .security import BodyLimit, SecurityHeaders
from .standing_status import PATH, StandingStatus
from .streaming import Streams
from .writing import gather_milestones

_TAGS = [
    {"name": "sessions", "description": "Signing in at a console."},
    {"name": "cases", "description": "Returns, as the businesses see them."},
    {"name": "milestones", "description": "The signed statements that move a case."},
    {"name": "observations", "description": "The many statements that gate nothing, each an entry of the log."},
    {"name": "log", "description": "The log of observations, for anybody to check."},
    {"name": "status", "description": "The consumer's side, through one signed link."},
    {"name": "disputes", "description": "What arbitrators rule on."},
    {"name": "privacy", "description": "What a person can ask for: erasure, and all that is held about them."},
    {"name": "audit", "description": "What became of the money, and who looked at what."},
    {"name": "webhooks", "description": "What carriers' aggregators send, and what businesses are sent."},
    {"name": "system", "description": "Health, metrics, keys."},
]


def create_app(app: App, workers: Workers | None = None) -> FastAPI:
    """The API of an installation. Whoever made `app` and `workers` owns them: it starts and stops neither."""
    trail = AccessTrail(app)
    api = FastAPI(
        title="After-sales audit ledger",
        version=_version(),
        openapi_tags=_TAGS,
        docs_url=None,  # both pages would load scripts from a CDN, which our pages never do
        redoc_url=None,
        redirect_slashes=False,
        # Ours is in `observability.py`. The framework's looks for a place to export to at every request, and what it
        # exports of an error holds the error's text.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        lifespan=writing_afterwards([trail.flush, lambda: app.uses.flush(app.database)]),
    )
    api.state.ledger = app
    api.state.trail = trail
    api.state.limits = RateLimits(app.settings)
    api.state.load = Load()
    api.state.readiness = readiness = Readiness(app, workers)
    api.state.intake = intake = Intake(app, readiness)
    api.state.streams = Streams(intake)
    api.state.keys = gather_keys(app)
    api.state.taking = gather_milestones(app, api.state.limits, intake)
    api.state.metrics = metrics = Metrics(make_registry(app, readiness))
    errors.install(api)
    api.include_router(case_lists.router)  # first: its paths are no ids of cases
    for module in (cases, milestones, privacy, status, documents, disputes, audit, webhook_endpoints, webhooks, system):
        api.include_router(module.router)
    for module in (observations, status_observations, log, sessions, access):
        api.include_router(module.router)
    for module in (imports, reconciliation, exports, statistics, api_keys):
        api.include_router(module.router)
    pages.install(api)
    openapi.install(api, schemas.Problem)
    # The last one added is the outermost: headers on every answer, then the id and the count, then whether
    # anything may be shown, then who looked, then the body, then what is taken as it comes, then whether there is room
    # for the rest.
    api.add_middleware(Shedding)
    api.add_middleware(PlainMilestones, route=_route_of(milestones, milestones.PATH, "POST"))
    api.add_middleware(BodyLimit, limit=app.settings.max_body_bytes, require_known=require_credential)
    _keep_standing_answers(api, app, intake)
    api.add_middleware(Looking, trail=trail)
    api.add_middleware(AfterRestore, is_open=app.vault.is_open)
    api.add_middleware(Observed, metrics=metrics)
    api.add_middleware(SecurityHeaders)
    return api


def _route_of(module: Any, path: str, method: str) -> BaseRoute:
    found: BaseRoute = next(r for r in module.router.routes if r.path == path and method in r.methods)
    return found


def _keep_standing_answers(api: FastAPI, app: App, intake: Intake) -> None:
    route = _route_of(status, PATH, "GET")
    watch = StandingWatch(app, intake.is_delayed)
    api.add_middleware(StandingStatus, watch=watch, limits=api.state.limits, clock=app.clock, route=route)


def _version() -> str:
    try:
        return version("after-sales-audit-ledger")
    except PackageNotFoundError:
        return "0"
