"""Run campaigns: the private server, the configuration, the launching."""

from typing import TYPE_CHECKING

from lps_flows.foundation.face import show

if TYPE_CHECKING:
    from lps_flows.runner.archiving import archive
    from lps_flows.runner.belongings import Inventory, inventory
    from lps_flows.runner.configuration import environment, write_configuration
    from lps_flows.runner.deletion import delete
    from lps_flows.runner.doctor import Check, check_everything, check_quickly
    from lps_flows.runner.glance import (
        Glance,
        glance,
        glance_at,
        keep_for_glances,
        submitted_as,
    )
    from lps_flows.runner.home import Home
    from lps_flows.runner.in_files import FilesResult, run_in_files
    from lps_flows.runner.listing import CampaignSummary, campaigns
    from lps_flows.runner.mongod_binary import find_mongod, install_mongod
    from lps_flows.runner.price import Price, foretell, prices
    from lps_flows.runner.progress import (
        Failure,
        Progress,
        StageProgress,
        failures,
        launch_times,
        progress,
    )
    from lps_flows.runner.recorded import Recorded, record_in_files, recorded
    from lps_flows.runner.recovery import Recovered, recover, silent_for
    from lps_flows.runner.restoring import Restored, restore
    from lps_flows.runner.routing import RoutingSettings, route
    from lps_flows.runner.running import RunResult, recover_lost, run
    from lps_flows.runner.server import PrivateMongod, ServerStatus
    from lps_flows.runner.submission import (
        Submission,
        find_deleted,
        find_submission,
        forget,
        list_campaigns,
        submit,
    )
    from lps_flows.runner.workplace import Workplace, open_workplace

__all__ = [
    "CampaignSummary",
    "Check",
    "Failure",
    "FilesResult",
    "Glance",
    "Home",
    "Inventory",
    "Price",
    "PrivateMongod",
    "Progress",
    "Recorded",
    "Recovered",
    "Restored",
    "RoutingSettings",
    "RunResult",
    "ServerStatus",
    "StageProgress",
    "Submission",
    "Workplace",
    "archive",
    "campaigns",
    "check_everything",
    "check_quickly",
    "delete",
    "environment",
    "failures",
    "find_deleted",
    "find_mongod",
    "find_submission",
    "foretell",
    "forget",
    "glance",
    "glance_at",
    "install_mongod",
    "inventory",
    "keep_for_glances",
    "launch_times",
    "list_campaigns",
    "open_workplace",
    "prices",
    "progress",
    "record_in_files",
    "recorded",
    "recover",
    "recover_lost",
    "restore",
    "route",
    "run",
    "run_in_files",
    "silent_for",
    "submit",
    "submitted_as",
    "write_configuration",
]

show(__name__)
