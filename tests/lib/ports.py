"""Free ports of 127.0.0.1 that no other test takes.

The range is below the one the kernel hands out by itself; FILTERD_TEST_PORTS
(FIRST-LAST) names another.  Each of the processes that pytest-xdist runs tests in has a part of its
own: between being found free and being listened at, a port is anybody's.
"""
import os
import random
import socket

_given = {}             # in the order they were given


def _usable(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    _given[port] = True
    return True


def _range():
    first, last = map(int, os.environ.get("FILTERD_TEST_PORTS", "20000-29999").split("-"))
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    which = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    share = (last - first + 1) // count
    return first + which * share, first + (which + 1) * share - 1


def free_port(wanted=None):
    """wanted: this one, if it is free."""
    if wanted is not None and wanted not in _given and _usable(wanted):
        return wanted
    first, last = _range()
    # One that was given long ago is free again, if it can be bound.
    while len(_given) > (last - first) // 2:
        del _given[next(iter(_given))]
    for _ in range(2000):
        port = random.randint(first, last)
        if port not in _given and _usable(port):
            return port
    raise RuntimeError(f"no free port in {first}-{last}")
