"""A milter connection that breaks: between an MTA and a filter, cut at a chosen octet.

    def cut(command, said):
        return 10 if command == b"E" else None
    with Cut(f.address("milter"), cut) as between:
        ... smtpd_milters = between.postfix ...

What the MTA says is passed on.  Of what the filter answers to the last command (its octet; said:
all of the answer that has come so far) as many octets are passed on as cut() returns, then both
connections are closed; None: all of it.
"""
import socket
import struct
import threading

from ports import free_port


class Cut:
    def __init__(self, filter_address, cut):
        self.filter_address, self.cut = filter_address, cut
        self.port = free_port()
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def postfix(self):
        return f"inet:127.0.0.1:{self.port}"

    def accept(self):
        while True:
            try:
                mta, _ = self.listener.accept()
                to = socket.create_connection(self.filter_address, 10)
            except OSError:
                return
            Pair(self, mta, to)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Pair:
    def __init__(self, cut, mta, to):
        self.cut, self.mta, self.to = cut, mta, to
        self.command, self.said = None, b""
        for s in (mta, to):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for way in (self.forth, self.back):
            threading.Thread(target=self.run, args=(way,), daemon=True).start()

    def run(self, way):
        try:
            way()
        except OSError:
            pass
        for s in (self.mta, self.to):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def forth(self):
        """Packet by packet, so that what comes back is known to belong to the last one."""
        buffer = b""
        while True:
            more = self.mta.recv(65536)
            if not more:
                return
            buffer += more
            while len(buffer) >= 5:
                n = 4 + struct.unpack(">I", buffer[:4])[0]
                if len(buffer) < n:
                    break
                if buffer[4:5] != b"D":
                    self.command, self.said = buffer[4:5], b""
                self.to.sendall(buffer[:n])
                buffer = buffer[n:]

    def back(self):
        while True:
            more = self.to.recv(65536)
            if not more:
                return
            passed = len(self.said)
            self.said += more
            most = self.cut.cut(self.command, self.said)
            if most is None:
                self.mta.sendall(more)
                continue
            self.mta.sendall(more[:max(0, most - passed)])
            if most <= len(self.said):
                return
