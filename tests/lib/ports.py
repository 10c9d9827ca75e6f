"""Free ports of 127.0.0.1 that no other test takes.

The range is below the one the kernel hands out by itself; FILTERD_TEST_PORTS
(FIRST-LAST) names another.
"""
import os
import random
import socket

_given = set()


def _usable(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    _given.add(port)
    return True


def free_port(wanted=None):
    """wanted: this one, if it is free."""
    if wanted is not None and wanted not in _given and _usable(wanted):
        return wanted
    first, last = os.environ.get("FILTERD_TEST_PORTS", "20000-29999").split("-")
    for _ in range(2000):
        port = random.randint(int(first), int(last))
        if port not in _given and _usable(port):
            return port
    raise RuntimeError(f"no free port in {first}-{last}")
