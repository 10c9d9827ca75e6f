"""A real DNS server, NSD, with zones of the test's own on a port of 127.0.0.1.

    n = Nsd({"example.test": "www A 192.0.2.1"}).start(); n.address; n.finish()

A zone is the text of a zone file; SOA and NS are put in front, with a TTL of 300 and 60 for what
there is not.
"""
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time

from children import dies_with_us
from ports import free_port

PROGRAM = shutil.which("nsd", path=os.environ.get("PATH", "") + ":/usr/sbin")

HEAD = """$ORIGIN {zone}.
$TTL 300
@ SOA ns.{zone}. hostmaster.{zone}. 7 3600 900 604800 60
@ NS ns.{zone}.
ns A 127.0.0.1
"""


def missing():
    return None if PROGRAM else "nsd is not installed"


class Nsd:
    def __init__(self, zones):
        self.dir = tempfile.mkdtemp(prefix="filterd-nsd.")
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.process = None
        conf = f"""server:
  ip-address: 127.0.0.1@{self.port}
  username: ""
  chroot: ""
  zonesdir: "{self.dir}"
  database: ""
  pidfile: "{self.dir}/pid"
  xfrdfile: "{self.dir}/xfrd"
  xfrdir: "{self.dir}"
  zonelistfile: "{self.dir}/zonelist"
  logfile: "{self.dir}/log"
  server-count: 1
  rrl-ratelimit: 0
  minimal-responses: yes
remote-control:
  control-enable: no
"""
        for zone, text in zones.items():
            with open(os.path.join(self.dir, zone), "w") as f:
                f.write(HEAD.format(zone=zone) + text + "\n")
            conf += f'zone:\n  name: "{zone}"\n  zonefile: "{zone}"\n'
        self.zone = next(iter(zones))
        with open(self.dir + "/nsd.conf", "w") as f:
            f.write(conf)

    def start(self):
        self.process = subprocess.Popen([PROGRAM, "-d", "-c", self.dir + "/nsd.conf"],
                                        preexec_fn=dies_with_us, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > until:
                with open(self.dir + "/log") as f:
                    raise RuntimeError("nsd does not answer:\n" + f.read())
        return self

    def _answers(self):
        name = b"".join(bytes([len(x)]) + x.encode() for x in self.zone.split(".")) + b"\0"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.1)
            s.connect(("127.0.0.1", self.port))
            try:
                s.send(struct.pack(">6H", 1, 0, 1, 0, 0, 0) + name + b"\0\6\0\1")
                return s.recv(512)[3] & 15 == 0
            except ConnectionRefusedError:
                time.sleep(0.02)
            except TimeoutError:
                pass
        return False

    def finish(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
        shutil.rmtree(self.dir, ignore_errors=True)
