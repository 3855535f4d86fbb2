"""Where a server without encryption may listen: on this machine alone."""

from __future__ import annotations

from ipaddress import ip_address

from lps_flows.foundation import LpsFlowsError


class ServerError(LpsFlowsError):
    """The private MongoDB server could not be started, reached or stopped."""


class UnsafeAddressError(ServerError):
    """A server without encryption was asked to listen beyond this machine."""


def is_loopback(address: str) -> bool:
    """Tell whether an address is one that other machines cannot reach."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def require_loopback(address: str, remedy: str) -> None:
    """Refuse an address that other machines can reach.

    Raises
    ------
    UnsafeAddressError
        If it is not a loopback address.
    """
    if not is_loopback(address):
        raise UnsafeAddressError(
            "what neither encrypts nor asks for a token listens on loopback only",
            field="bind_ip",
            value=address,
            remedy=remedy,
        )
