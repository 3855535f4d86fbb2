"""Run campaigns: the private server, the configuration, the launching."""

from lps_flows.runner.mongod_binary import find_mongod, install_mongod
from lps_flows.runner.server import PrivateMongod, ServerStatus

__all__ = ["PrivateMongod", "ServerStatus", "find_mongod", "install_mongod"]
