"""The servers that ours is measured beside, each as one would write it on the first day.

python -m ledger_service.benchmarks.peer_servers hello|lookup|loop PORT [ARGUMENT …]
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Annotated, Any

import jwt
import uvicorn
from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel
from sqlalchemy import MetaData
from sqlmodel import Field, Session, SQLModel, create_engine, select

from .web3_loop import Web3Loop

_SECRET = "a secret of thirty-two characters"  # noqa: S105 - of a benchmark, which guards nothing
_ALGORITHM = "HS256"
LINKS = 100


class BenchReturn(SQLModel, table=True):
    """A return as the look-up peer keeps it: its whole status is in one row."""

    metadata = MetaData()  # of its own: it is none of the service's tables
    id: int | None = Field(default=None, primary_key=True)
    reference: str = Field(index=True)
    state: str
    refund: str


def hello() -> FastAPI:
    """The least that the framework does for an answer."""
    api = FastAPI()

    @api.get("/")
    async def greet() -> dict[str, str]:
        return {"hello": "world"}

    return api


def lookup(url: str) -> FastAPI:
    """A status page's answer with PyJWT and SQLModel, in the framework's thread pool."""
    engine = create_engine(url)
    BenchReturn.metadata.create_all(engine)
    with Session(engine) as session:
        for number in range(LINKS):
            session.add(BenchReturn(reference=f"R-{number}", state="received", refund="49.90"))
        session.commit()
    api = FastAPI()

    @api.get("/status")
    def status(authorization: Annotated[str, Header()]) -> BenchReturn:
        claims = jwt.decode(authorization.removeprefix("Bearer "), _SECRET, algorithms=[_ALGORITHM])
        with Session(engine) as session:
            found = session.exec(select(BenchReturn).where(BenchReturn.reference == claims["sub"])).first()
        if found is None:
            raise HTTPException(404)
        return found

    return api


def lookup_token(number: int) -> str:
    claims = {"sub": f"R-{number}", "exp": int(time.time()) + 86_400}
    return jwt.encode(claims, _SECRET, algorithm=_ALGORITHM)


class Milestone(BaseModel):
    kind: str


def loop(url: str) -> FastAPI:
    """The web3.py loop behind an endpoint. A lock keeps its nonces apart."""
    api, chain, turn = FastAPI(), Web3Loop(url), threading.Lock()
    chain.deploy()

    @api.post("/milestones", status_code=201)
    def record(milestone: Milestone) -> dict[str, str]:
        with turn:
            chain.record()
        return {"kind": milestone.kind, "stage": "recorded"}

    return api


_SERVERS: dict[str, Callable[..., FastAPI]] = {"hello": hello, "lookup": lookup, "loop": loop}


def main(name: str, port: str, *arguments: Any) -> None:
    uvicorn.run(_SERVERS[name](*arguments), host="127.0.0.1", port=int(port), access_log=False, log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
