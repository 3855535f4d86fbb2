"""What every room stands on: errors, frozen settings, safe decoding, plain YAML."""

from typing import TYPE_CHECKING

from lps_flows.foundation.face import show

if TYPE_CHECKING:
    from lps_flows.foundation.decoding import (
        ForeignClassError,
        decodable,
        decode,
        unmarked,
    )
    from lps_flows.foundation.errors import LpsFlowsError, printable
    from lps_flows.foundation.frozen import FrozenSettings
    from lps_flows.foundation.plain_yaml import PlainYamlError, read_plain_yaml

__all__ = [
    "ForeignClassError",
    "FrozenSettings",
    "LpsFlowsError",
    "PlainYamlError",
    "decodable",
    "decode",
    "printable",
    "read_plain_yaml",
    "unmarked",
]

show(__name__)
