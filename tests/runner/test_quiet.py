"""FireWorks is turned down on screen; whoever else listens hears all."""

from __future__ import annotations

import io
import logging

from lps_flows.runner.quiet import quieten


class _Listener(logging.StreamHandler[io.StringIO]):
    """A handler of somebody else, as that of a test or of a progress bar."""


def test_only_what_fireworks_prints_is_turned_down() -> None:
    logger = logging.getLogger("launchpad")
    listener = _Listener(io.StringIO())
    logger.addHandler(listener)
    try:
        quieten()
        logger.info("a launch")
        printing = [h for h in logger.handlers if type(h) is logging.StreamHandler]
        assert printing
        assert all(handler.level == logging.ERROR for handler in printing)
        assert listener.level == logging.NOTSET
        assert "a launch" in listener.stream.getvalue()
    finally:
        logger.removeHandler(listener)
