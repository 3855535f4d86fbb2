"""Keep the libraries underneath from talking over our own output."""

from __future__ import annotations

import logging

from fireworks.fw_config import ROCKET_STREAM_LOGLEVEL
from fireworks.utilities.fw_utilities import get_fw_logger

_FIREWORKS_LOGGERS = ("launchpad", "rocket.launcher")


def quieten() -> None:
    """Let pymongo speak from warnings on, and FireWorks on screen from errors on.

    FireWorks puts a handler on standard output whenever one of its loggers is first
    used; these are made here and turned down, so that a log file can still have all.
    """
    for name in ("pymongo", "maggma", "monty"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _FIREWORKS_LOGGERS:
        logger = get_fw_logger(name, stream_level=ROCKET_STREAM_LOGLEVEL)
        get_fw_logger(name, stream_level="ERROR")
        for handler in logger.handlers:
            # FireWorks' own: those of others (files, tests) keep what they ask for
            if type(handler) is logging.StreamHandler:
                handler.setLevel(logging.ERROR)
        logger.propagate = False
