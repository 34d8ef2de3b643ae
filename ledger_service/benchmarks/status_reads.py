"""The status page's answer beside the least that the framework can do, and beside the look-up that one writes first."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ..services.links import READING, issue_link, last_window_ends
from ..store.cases import find_case
from .comparing import Figure, Row, in_turns
from .generating import STEPS
from .http_writes import peer_server
from .load import Answers, ask, get
from .peer_servers import LINKS, lookup_token
from .pipeline import open_cases
from .scale import Scale
from .site import Site, chain, site


def measure_status(folder: Path, scale: Scale) -> list[Row]:
    with ExitStack() as stack:
        local = stack.enter_context(chain("anvil", folder, automine=False))
        place = stack.enter_context(site(folder, local))
        with place.workers():
            links = make_links(place, scale.links)
        stack.enter_context(place.api())
        ours = place.address
        hello = stack.enter_context(peer_server("hello", folder))
        lookup = stack.enter_context(peer_server("lookup", folder, f"sqlite:///{folder / 'lookup.db'}"))
        p99: dict[str, list[float]] = {ours: [], lookup: [], hello: []}

        def reading(url: str, requests: list[bytes]) -> Callable[[], float]:
            def measure() -> float:
                answers: Answers = ask(url, requests, scale.connections, scale.seconds)
                p99[url].append(answers.p99)
                return answers.per_second

            return measure

        mine, plain, _ = in_turns(
            scale.rounds,
            reading(ours, [get("/v1/status", token) for token in links]),
            reading(hello, [get("/")]),
            reading(lookup, [get("/status", lookup_token(number)) for number in range(LINKS)]),
        )
    slowest = {url: Figure(tuple(values[1:])) for url, values in p99.items()}
    what = f"status page's answer, {scale.connections} connections"
    return [
        Row("status.rate", what, "requests/s", "FastAPI saying hello", mine, plain, target=0.4),
        Row(
            "status.p99",
            f"{what}, p99",
            "ms",
            "PyJWT and SQLModel in a thread pool",
            slowest[ours],
            slowest[lookup],
            target=0.25,
            bound="most",
        ),
    ]


def make_links(place: Site, count: int) -> list[str]:
    """Tokens of links to cases that have come as far as their inspection, all of it recorded."""
    cases = open_cases(place, count)
    wanted = place.recorded() + count * len(STEPS)
    place.cases.write(place.cases.lives(cases))
    place.wait_recorded(wanted)
    tokens = []
    with place.app.database.write() as session:
        for case_id in cases:
            case = find_case(session, case_id)
            if case is not None:
                url, _ = issue_link(place.app, session, case, READING, last_window_ends(place.app, case))
                tokens.append(url.partition("#")[2])
    return tokens
