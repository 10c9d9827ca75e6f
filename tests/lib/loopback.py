"""A network of our own: only a loopback interface, with the addresses that clients come from.

enter() moves this process, and what it starts, into a new network namespace; call it before any
thread is there.  Needs root.
"""
import ctypes
import os
import subprocess

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000


def unshare(flags):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) == -1:
        raise OSError(ctypes.get_errno(), "unshare: " + os.strerror(ctypes.get_errno()))


def enter(addresses=(), mounts=False):
    """mounts: and into a mount namespace, so that mount() hides files of /etc from us alone."""
    unshare(CLONE_NEWNET | (CLONE_NEWNS if mounts else 0))
    if mounts:
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    add(addresses)


def add(addresses):
    lines = ["address replace %s/%d dev lo%s" % (a, 128 if ":" in a else 32, " nodad" if ":" in a else "")
             for a in addresses if a not in ("127.0.0.1", "::1")]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True)


def hide(path, text, directory):
    """Let path have this text for us and what we start; enter(mounts=True) came before."""
    file = os.path.join(directory, os.path.basename(path))
    with open(file, "w") as f:
        f.write(text)
    subprocess.run(["mount", "--bind", file, os.path.realpath(path)], check=True)
