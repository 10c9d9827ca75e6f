"""tests/coverage has every restriction and access(5) action that the installed Postfix's manuals have."""
import gzip
import os
import re
import shutil
import subprocess

import pytest

from conftest import cannot

TOP = os.path.join(os.path.dirname(__file__), "..", "..")
LISTS = ("client", "helo", "sender", "relay", "recipient", "data", "end_of_data")


def manual(name):
    path = f"/usr/share/man/man5/{name}.5.gz"
    if not os.path.exists(path):
        cannot(f"there is no {path}")
    with gzip.open(path, "rt") as f:
        return re.sub(r"\\f[BIR]|\\", "", f.read())


def listed(name):
    with open(os.path.join(TOP, "tests", "coverage", name)) as f:
        return {line.strip() for line in f if not line.startswith("#")}


def test_restrictions():
    found = set()
    for name in LISTS:
        section = re.search(rf"(?ms)^\.SH smtpd_{name}_restrictions.*?(?=^\.SH )", manual("postconf"))[0]
        items = re.findall(r'^\.IP "(\w+)(.*)"$', section, re.M)
        # "(with Postfix < 2.3: reject_unknown_client)"
        found |= {n for n, _ in items} | set(re.findall(r"Postfix[^:)]*: (\w+)\)", " ".join(rest for _, rest in items)))
    assert len(found) > 60
    assert found - listed("restrictions") == set()


def test_actions():
    text = manual("access")
    text = text[text.index("ACCEPT ACTIONS"):text.rindex("ENHANCED STATUS CODES")]
    found = set()
    for item in re.findall(r'^\.IP "?(.*?)"?$', text, re.M):
        word = item.split("(")[0].strip()
        if word.startswith("bu") or not word:
            continue
        found.add(word if re.match(r"\w(NN|\d\d) text", word) else word.split()[0])
    assert len(found) > 15
    assert found - listed("actions") == set()


@pytest.mark.parametrize("kind", [r"_(reject|defer)_code$", r"_tempfail_action$", r"^smtpd_policy_service_", r"^address_verify_\w+_time$"])
def test_parameters(kind):
    """Those that come in families: none is left out."""
    if shutil.which("postconf") is None:
        cannot("there is no postconf")
    known = subprocess.run(["postconf", "-d"], check=True, capture_output=True, text=True).stdout
    with open(os.path.join(TOP, "filterd", "conf", "params.def")) as f:
        ours = set(re.findall(r"^P\(\w+, *(\w+),", f.read(), re.M))
    theirs = {n for n in re.findall(r"^(\w+) =", known, re.M) if re.search(kind, n)}
    assert theirs and theirs - ours == set()
