"""What every route shares: the workspace, the keys, the limits, and who is asking."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from lca_rag.operations import Caller, Operation, Workspace
from lca_rag.operations.schema import AskOutput, Input, Output
from lca_rag.server.access import ANONYMOUS, Key, KeyRing, RateLimit
from lca_rag.server.lanes import THREADS, Lanes, Room
from lca_rag.server.observe import Metrics

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator may set."""

    max_body: int = 2_000_000
    """Bytes of a request."""
    seconds: float = 60.0
    """Time for one answer; a streamed one must begin within it."""
    threads: int = THREADS
    """Requests that are worked on at the same time; others wait. Threads share one interpreter, so
    that more of them only slow one another down, unless they wait for a language model."""
    origins: tuple[str, ...] = ()
    """Origins of foreign pages that may call this server (CORS); none by default."""
    hosts: tuple[str, ...] = ()
    """Host names that are answered; every one if empty. Guards a local server against pages that
    rebind their name to this machine."""
    model: str = "lca-rag"
    """Name of the answering model at the OpenAI-compatible routes."""


@dataclass
class Door:
    """The state of one running application."""

    workspace: Workspace
    keys: KeyRing | None
    settings: Settings
    metrics: Metrics
    rate: RateLimit = field(default_factory=RateLimit)
    ready: bool = False
    lanes: Lanes = field(init=False)

    def __post_init__(self) -> None:
        """Make the lanes."""
        self.lanes = Lanes(
            self.settings.threads,
            waits=self.workspace.llm is not None,
            seconds=self.settings.seconds,
        )

    async def run(self, work: Callable[[], T], lane: Room = "quick") -> T:
        """The result of blocking work, within the limits of threads and time."""
        return await self.lanes.run(work, lane)

    def carry_out(self, row: Operation, asked: Input, caller: Caller) -> Output:
        """The result of an operation, counted; blocks, so `run` it."""
        result = row.run(self.workspace, asked, caller)
        if isinstance(result, AskOutput):
            self.metrics.abstained.inc(int(result.abstained))
        return result

    def admit(self, token: str | None, address: str) -> Key:
        """The key behind a token, one request of which is spent.

        Raises:
            HTTPException: 401 without a valid key, 429 beyond the rate.
        """
        key = ANONYMOUS if self.keys is None else self.keys.find(token or "")
        if key is None:
            raise HTTPException(
                401,
                "a valid API key is needed: send the header 'Authorization: Bearer KEY'",
                headers={"WWW-Authenticate": "Bearer"},
            )
        who = f"{key.caller.name}/{address}" if key is ANONYMOUS else key.caller.name
        wait = self.rate.wait(who, key.requests_per_minute)
        if wait > 0:
            seconds = math.ceil(wait)
            raise HTTPException(
                429,
                f"more than {key.requests_per_minute} requests a minute; "
                f"try again in {seconds} seconds",
                headers={"Retry-After": str(seconds)},
            )
        return key


_bearer = HTTPBearer(auto_error=False, description="An API key of this server")


# Without `async` each of these would wait for a thread of its own.
async def the_door(request: Request) -> Door:
    """The door of the application that serves a request."""
    found = request.app.state.door
    if not isinstance(found, Door):
        raise TypeError("this application was not made by create_app")
    return found


async def the_key(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Key:
    """The key that a request came with."""
    address = request.client.host if request.client else "unknown"
    key = (await the_door(request)).admit(credentials.credentials if credentials else None, address)
    request.scope["lca_rag.caller"] = key.caller.name
    return key


async def the_caller(key: Annotated[Key, Depends(the_key)]) -> Caller:
    """Who asks, with their rights."""
    return key.caller


AskedDoor = Annotated[Door, Depends(the_door)]
AskedKey = Annotated[Key, Depends(the_key)]
AskedCaller = Annotated[Caller, Depends(the_caller)]
