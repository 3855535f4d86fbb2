"""Make a single mongod a replica set of one, which allows transactions."""

from __future__ import annotations

from typing import Any

from pymongo import MongoClient, ReadPreference

REPLICA_SET = "rs0"


def set_members(client: MongoClient[dict[str, Any]], member: str) -> None:
    """Make `member` the only member of the set, whatever it was before."""
    readable = client.get_database("local", read_preference=ReadPreference.NEAREST)
    stored = readable["system.replset"].find_one()
    if stored is None:
        new = {"_id": REPLICA_SET, "members": [{"_id": 0, "host": member}]}
        client.admin.command("replSetInitiate", new)
    elif stored["members"][0]["host"] != member:
        # another program has taken the old port: the set moves to the new one
        config = client.admin.command("replSetGetConfig")["config"]
        config["members"] = [{"_id": 0, "host": member}]
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)
