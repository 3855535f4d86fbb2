"""The browser of the report's tests opens pages of the documentation, too."""

from tests.report.conftest import browser

__all__ = ["browser"]
