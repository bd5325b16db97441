"""Hears of everything in this process that asks the network for an address or connects to one."""

from __future__ import annotations

#: As the interpreter tells.
EVENTS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect", "urllib.Request")
asked: list[str] = []


def hear(event: str, arguments: tuple) -> None:
    """An audit hook; a socket that is a file's path is no network."""
    if event in EVENTS and not (event == "socket.connect" and isinstance(arguments[1], str | bytes)):
        asked.append(f"{event} {arguments}")
