"""One web request: http and https only, only to permitted hosts, and limited by a deadline.

A URL from a table must not probe the user's network: this machine and private networks are contacted only if the user
allows it, and redirects are checked like the original URL.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from types import TracebackType
from typing import Any, Union
from urllib.parse import quote, urlsplit

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Refused(ValueError):
    """A URL or response that is rejected; the message says why."""


class PrivateHost(Refused):
    """A host on this machine or a private network."""

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} is this machine or in a private network, which is not contacted")


class Deadline(AbstractContextManager["Deadline"]):
    """The moment at which every connection made within the block is shut down, whatever its state.

    A socket timeout restarts with each byte, so a server may drip; this does not.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds, self.passed = seconds, False
        self._ends = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon = True

    def __enter__(self) -> Deadline:
        """Start the timer."""
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the timer."""
        self._timer.cancel()
        for watched in self._sockets:
            watched.close()

    def within(self, timeout: float) -> float:
        """Return a timeout that ends by the deadline; always slightly above 0."""
        return max(0.001, min(timeout, self._ends - time.monotonic()))

    def watch(self, connection: socket.socket) -> None:
        """Shut a connection down at the deadline; a second handle stays valid if TLS takes over the first."""
        self._sockets.append(connection.dup())
        if self.passed:
            self._shut()

    def _shut(self) -> None:
        self.passed = True
        for watched in list(self._sockets):
            with suppress(OSError):
                watched.shutdown(socket.SHUT_RDWR)


@contextmanager
def opened(
    request: urllib.request.Request, *, timeout: float, deadline: Deadline | None = None, private: bool = False
) -> Iterator[Any]:
    """Yield the response to a request, with status 200 or 206; redirects to http and https are followed.

    Args:
        request: for http or https.
        timeout: seconds without a byte.
        deadline: shuts the connections down, if given.
        private: also contact this machine and private networks.

    Raises:
        PrivateHost: for a host that must not be contacted, even behind a redirect.
        Refused: for a redirect to another kind of URL, or an invalid length.
        urllib.error.URLError, http.client.HTTPException, OSError: as in urllib.
    """
    _check_host(request, private)
    opener = _opener(private, deadline)
    with opener.open(request, timeout=deadline.within(timeout) if deadline else timeout) as answer:
        stated_length(answer)
        yield answer


def as_sent(url: str) -> str:
    """Return a URL as browsers send it: spaces and letters beyond ASCII percent-encoded, the host's in IDNA.

    Raises:
        UnicodeError: if the host, or a lone surrogate, cannot be encoded.
        ValueError: if it is no URL.
    """
    if re.fullmatch(r"[!-~]+", url):
        return url
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    host = place if place.isascii() else place.encode("idna").decode()  # a port stays as it is
    whole = parts._replace(netloc=f"{user}{at}{host}").geturl()
    return re.sub(r"[^!-~]+", lambda found: quote(found[0]), whole)  # what is encoded already stays


def stated_length(answer: Any) -> int | None:
    """Return the number of bytes that a response declares, None if it does not.

    Raises:
        Refused: if the declared length is invalid.
    """
    told = answer.headers.get_all("Content-Length") or []
    lengths = {part.strip() for value in told for part in value.split(",")}
    if not lengths:
        return None
    if len(lengths) > 1 or not all(length.isascii() and length.isdigit() for length in lengths):
        raise Refused(f"the server declares the invalid length {', '.join(told)!r}: its response is rejected")
    return int(lengths.pop())


def is_private(host: str) -> bool:
    """Tell whether a host, by name or number, is this machine or in a private network; False if unknown."""
    with suppress(OSError, UnicodeError):
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return any(_is_private(str(entry[4][0])) for entry in found)
    return False


def _is_private(number: str) -> bool:
    address: Address = ipaddress.ip_address(number.partition("%")[0])
    inner: Any = None
    if isinstance(address, ipaddress.IPv6Address):  # forms with an embedded IPv4 address
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return not address.is_global or address.is_multicast or inner is not None and _is_private(str(inner))


def _check_host(request: urllib.request.Request, private: bool) -> None:
    parts = urlsplit(request.full_url)
    if parts.scheme not in ("http", "https"):
        raise Refused(f"{request.full_url} is not http or https: it is not contacted")
    if not parts.hostname:
        raise Refused(f"{request.full_url!r} names no host")
    if not private and is_private(parts.hostname):
        raise PrivateHost(parts.hostname)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow a redirect if its URL is permitted."""

    def __init__(self, private: bool) -> None:
        self.private = private

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """Return the next request.

        Raises:
            Refused: if its host must not be contacted, or it is not http or https.
        """
        _check_host(urllib.request.Request(newurl), self.private)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Handler(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """Connect as urllib does, but to the address that was checked, and under the deadline."""

    def __init__(self, private: bool, deadline: Deadline | None) -> None:
        urllib.request.HTTPSHandler.__init__(self)
        self.private, self.deadline = private, deadline

    def http_open(self, req: Any) -> Any:
        """Open an http URL."""
        return self.do_open(partial(_connection, http.client.HTTPConnection, self._connect(req)), req)

    def https_open(self, req: Any) -> Any:
        """Open an https URL, checking its certificate."""
        context = getattr(self, "_context", None)
        made = partial(_connection, http.client.HTTPSConnection, self._connect(req))
        return self.do_open(made, req, context=context)

    def _connect(self, req: Any) -> Any:
        # A proxy may well be in a private network; the target behind it was checked by name.
        through_proxy = req.has_proxy() or bool(getattr(req, "_tunnel_host", None))
        return partial(_connected, self.private or through_proxy, self.deadline)


def _connection(kind: Any, connect: Any, host: str, **options: Any) -> Any:
    made = kind(host, **options)
    made._create_connection = connect
    return made


def _connected(
    private: bool, deadline: Deadline | None, address: tuple[str, int], timeout: float, *rest: Any
) -> socket.socket:
    """Return a connection to a host, whose name is looked up once, so that the checked address is the one contacted."""
    try:
        found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{address[0]!r} is not a host name ({error})") from None
    numbers = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not private and any(map(_is_private, numbers)):
        raise PrivateHost(address[0])
    for number in numbers:
        try:
            made = socket.create_connection((number, address[1]), deadline.within(timeout) if deadline else timeout)
        except OSError:
            if number == numbers[-1]:
                raise
            continue
        if deadline is not None:
            deadline.watch(made)
        return made
    raise OSError(f"{address[0]} has no address")


def _opener(private: bool, deadline: Deadline | None) -> urllib.request.OpenerDirector:
    """Return an opener that handles only http and https, wherever a redirect leads."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        _Handler(private, deadline),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirects(private),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
