"""User, password and key of the private server: random, and its owner's alone."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_bytes, token_hex, token_urlsafe

from lps_flows.foundation.writing import write_text

KEY_FILE = "key"
USER_FILE = "user.json"
_KEY_BYTES = 96


@dataclass(frozen=True)
class Credentials:
    """What opens the private server.

    Attributes
    ----------
    user, password
        Of clients. The password is not shown.
    key
        Of the members of the replica set, who may do everything. It is not shown.
    """

    user: str
    password: str = field(repr=False)
    key: str = field(repr=False)


def read_credentials(folder: Path) -> Credentials | None:
    """Return the credentials kept in a server's folder, None if there are none."""
    try:
        key = (folder / KEY_FILE).read_text().strip()
        kept = json.loads((folder / USER_FILE).read_text())
        return Credentials(str(kept["user"]), str(kept["password"]), key)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def make_credentials(folder: Path) -> Credentials:
    """Return the credentials kept in a server's folder, made where they are not there.

    Raises
    ------
    OSError
        If they cannot be written.
    """
    known = read_credentials(folder)
    if known is not None:
        for name in (KEY_FILE, USER_FILE):
            (folder / name).chmod(0o600)
        return known
    new = Credentials(
        f"lps_flows_{token_hex(4)}",
        token_urlsafe(32),
        b64encode(token_bytes(_KEY_BYTES)).decode(),
    )
    user = {"user": new.user, "password": new.password}
    write_text(folder / KEY_FILE, new.key, private=True)
    write_text(folder / USER_FILE, json.dumps(user), private=True)
    return new
