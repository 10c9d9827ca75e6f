"""Which parameters a whole-daemon test set, and to what, for tests/check_coverage.

One line of JSON for each configuration that was written, in the folder FILTERD_COVERAGE_DIR;
without it nothing is.
"""
import json
import os
import re

ITEM = re.compile(r"\b([a-z]\w+)\s*=\s*([^,{}\s]*)")


def path():
    folder = os.environ.get("FILTERD_COVERAGE_DIR")
    return folder and os.path.join(folder, "daemon.jsonl")


def begin():
    """Forget what was recorded before; not in a pytest that a test runs, or a worker of pytest-xdist."""
    if path() and not {"PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER"} & set(os.environ):
        os.makedirs(os.path.dirname(path()), exist_ok=True)
        with open(path(), "w"):
            pass


def configuration(settings, folder):
    """settings: {name: value}; what listeners set for themselves counts too.  A test's folder is
    another each time, and no other value."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").split(" ")[0]
    if not path() or not test:
        return
    values = {n: [str(v).replace(folder, "{dir}")] for n, v in settings.items() if v is not None and n != "listeners"}
    for name, value in ITEM.findall(str(settings.get("listeners", ""))):
        values.setdefault(name, ["(not set)"]).append(value)
    line = json.dumps({"test": test.split("/")[-1].split("[")[0], "settings": values}) + "\n"
    with open(path(), "ab", buffering=0) as f:      # one write, for others append too
        f.write(line.encode())
