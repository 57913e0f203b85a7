"""Listening on an address: what `serve` does and what `doctor` tries beforehand, so that they agree."""

import socket


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on `host:port`, by the first address that the host stands for. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = found[0]
    return socket.create_server(address[:2], family=family, backlog=128)
