"""What tests of reloads look at: new lines of the log, and what the worker takes of the machine."""
import json
import os
import re


class Tail:
    """Log lines from now on."""

    def __init__(self, f):
        self.file = open(f.log_file)
        self.file.seek(0, os.SEEK_END)
        self.part = ""

    def texts(self):
        lines = (self.part + self.file.read()).split("\n")
        self.part = lines.pop()
        return [json.loads(line).get("text", "") for line in lines]


def process_state(pid):
    """Descriptors, threads, children, and private memory in kB."""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        memory = sum(int(n) for n in re.findall(r"^Private_\w+: +(\d+)", f.read(), re.M))
    children = open(f"/proc/{pid}/task/{pid}/children").read().split()
    return (len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task")),
            len(children), memory)


def sanitized(pid):
    with open(f"/proc/{pid}/maps") as f:
        return "san.so" in f.read()
