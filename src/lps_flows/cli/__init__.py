"""The command line: every verb parses, calls one function, and prints."""

from lps_flows.cli import (  # noqa: F401 - each module adds its verbs to the app
    campaign,
    database,
    dynamics,
    inspection,
    keeping,
    reporting,
    results,
)
from lps_flows.cli.application import app

__all__ = ["app"]
