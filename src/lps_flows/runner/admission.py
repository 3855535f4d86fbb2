"""Who may in: the one user of a private server, and who is there before he is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from lps_flows.runner.credentials import Credentials

_AUTHENTICATION_FAILED, _USER_NOT_FOUND = 18, 11
_OURSELVES = "lps-flows, looking who is here"
_PATIENCE_MS = 2000


def admit(
    member: MongoClient[dict[str, Any]],
    as_user: Callable[[], MongoClient[dict[str, Any]]],
    known: Credentials,
) -> None:
    """Make sure that the user is known to the server."""
    with as_user() as client:
        try:
            client.admin.command("ping")
        except OperationFailure as error:
            if not is_refused(error):
                raise
        else:
            return
    try:
        member.admin.command("updateUser", known.user, pwd=known.password)
    except OperationFailure as error:
        if error.code != _USER_NOT_FOUND:
            raise
        roles = ["root"]
        member.admin.command("createUser", known.user, pwd=known.password, roles=roles)


def is_refused(error: Exception) -> bool:
    """Whether an error says that user or password are wrong."""
    return isinstance(error, OperationFailure) and error.code == _AUTHENTICATION_FAILED


def nobody_uses(address: str) -> bool:
    """Whether a server without users has no client but ourselves.

    A server may list clients for a moment after they left, so that it is asked again
    for two seconds before somebody is said to be there.
    """
    deadline = time.monotonic() + _PATIENCE_MS / 1000
    try:
        with MongoClient[dict[str, Any]](
            address, appname=_OURSELVES, serverSelectionTimeoutMS=_PATIENCE_MS
        ) as client:
            while not (alone := _names_of_clients(client) <= {_OURSELVES}):
                if time.monotonic() > deadline:
                    break
                time.sleep(0.05)
    except PyMongoError:
        return False
    return alone


def _names_of_clients(client: MongoClient[dict[str, Any]]) -> set[str | None]:
    look: list[dict[str, Any]] = [
        {"$currentOp": {"allUsers": True, "idleConnections": True}}
    ]
    return {
        operation.get("appName")
        for operation in client.admin.aggregate(look)
        # what waits for news only may have left a while ago
        if "client" in operation and "hello" not in operation.get("command", {})
    }
