"""Which addresses the service may call when somebody else chose them (server-side request forgery)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from travelbuddy.errors import ToolError

PORTS = frozenset({443, 8443})
LONGEST = 2_000
_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("::/96"))
"""Addresses that a gateway turns into the IPv4 address which they contain."""
_SPECIAL = tuple(map(IPv4Network, ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24")))
"""What ipaddress counts, or in some versions counts, as public: at the first two clouds serve their machines."""
Address = IPv4Address | IPv6Address


def checked_url(url: str, *, allow_private: bool) -> SplitResult:
    """The address in its parts, if its form allows to call it. Raises ToolError that says what is wrong with it."""
    if len(url) > LONGEST or not url.isascii() or any(char <= " " or char in "\\\x7f" for char in url):
        raise refused(f"write an address of at most {LONGEST} characters, without spaces, non-ASCII ones escaped")
    try:
        where = urlsplit(url)
        port, host = where.port, where.hostname
    except ValueError:
        raise refused("this is not an address; write https://name/path") from None
    if not host:
        raise refused("the address names no host; write https://name/path")
    if where.username is not None or where.password is not None:
        raise refused("leave user name and password out of the address; the signature says who calls")
    if where.scheme != "https" and not (allow_private and where.scheme == "http" and _loopback(host)):
        raise refused("begin the address with https://")
    if port not in {None, *PORTS} and not allow_private:
        raise refused("use port 443 or 8443")
    if (literal := _literal(host)) is not None:
        check_address(literal, allow_private=allow_private)
    return where


def check_address(address: Address, *, allow_private: bool) -> None:
    """Raise ToolError for an address that is not one of the public internet."""
    if allow_private and not address.is_multicast and not address.is_unspecified:
        return
    if not _public(address):
        raise refused("the address leads into a private network; name a host of the public internet")


def refused(reason: str) -> ToolError:
    """The error that names the field."""
    return ToolError("bad_webhook", reason, field="webhook")


def _public(address: Address) -> bool:
    """Whether it is an address of the public internet, and leads nowhere else by way of a gateway."""
    if isinstance(address, IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour or address.teredo
        if wrapped is not None or address.is_site_local or any(address in net for net in _TRANSLATED):
            return False
    if address.is_multicast or address.is_reserved or address.is_unspecified or any(address in net for net in _SPECIAL):
        return False
    return address.is_global


def _literal(host: str) -> Address | None:
    """The address that the host is written as, None for a name. Raises ToolError for one written in another way.

    Resolvers read ``0x7f.1``, ``2130706433`` and ``127.1`` as addresses too; what they find is checked again anyway.
    """
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        pass
    last = host.rstrip(".").rpartition(".")[2]
    if last.isdecimal() or last.startswith("0x"):
        raise refused("write the address of a host as four numbers, or better its name")
    return None


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
