"""What filterctl explain says, held against what the log says.

    explain.live(f, entry)              the decision of a log entry, by its id, as JSON
    explain.same_rule(f, entry)         both ways name the rule that the entry names
    explain.check_all(f)                every refusal of the log so far has been kept with its rule

same_rule() asks for the decision that was kept, and has it made anew with the client, HELO,
sender and recipient of the entry; what the entry cannot tell is added as options.
"""
import json
import re
import time

REFUSED = ("reject", "defer")
LISTS = [f"smtpd_{n}_restrictions" for n in ("client", "helo", "sender", "relay", "recipient", "data", "end_of_data")] + \
    ["content_restrictions"]
CHECKS = ["header_checks", "mime_header_checks", "nested_header_checks", "body_checks"]
LABEL = re.compile(r"(.*)\[(.*)\]$")


def by_id(f, id, timeout=10):
    """The records of an id; they are written some milliseconds after the reply."""
    end = time.monotonic() + timeout
    while True:
        status, out, err = f.ctl("explain", id, "--json", status=None)
        if status == 0:
            return json.loads(out)
        assert status == 1 and time.monotonic() < end, f"explain {id}: {status} {out}{err}"
        time.sleep(0.02)


def stages(records):
    return [s for r in records for s in r["stages"]]


def verdict_of(entry):
    return f"{entry['code']} {entry['enhanced']} {entry['reply']}"


def find(stages, entry):
    """The stage that says what the entry says, down to the rule."""
    return [s for s in stages if s.get("rule") == entry["rule"] and s.get("list") == entry["list"] and
            s["verdict"] == verdict_of(entry) and
            (not entry.get("recipient") or s.get("recipient", entry["recipient"]) == entry["recipient"])]


def live(f, entry):
    records = by_id(f, entry["id"])
    found = find(stages(records), entry)
    assert found, f"{entry}\nis not in\n{json.dumps(records, indent=1)}"
    return records


def options(entry, listener=None):
    name, address = LABEL.match(entry["client"]).groups()
    args = ["--client-address", address, "--client-name", name]
    for option, field in (("--helo", "helo"), ("--recipient", "recipient")):
        if entry.get(field):
            args += [option, entry[field]]
    if entry["stage"] not in ("CONNECT", "HELO", "EHLO"):
        args += ["--sender", entry.get("sender", "")]
    return args + ["--listener", listener or entry["listener"]]


def anew(f, entry, *more, listener=None):
    status, out, err = f.ctl("explain", "--json", *options(entry, listener), *more, status=None)
    assert status in (0, 1, 75), f"{status} {err}"
    o = json.loads(out)
    found = find(o["stages"], entry)
    assert found, f"{entry}\nis not in\n{json.dumps(o, indent=1)}"
    assert status == (75 if entry["code"] < 500 else 1)
    return o


def same_rule(f, entry, *more, listener=None):
    live(f, entry)
    return anew(f, entry, *more, listener=listener)


def refusals(f):
    """Log entries of commands that a list refused."""
    return [e for e in f.entries() if e.get("event") in REFUSED and "code" in e and e.get("list") in LISTS]


def check_all(f):
    """Every refusal that the log has so far: by a list at its stage, and after the data."""
    for e in refusals(f):
        live(f, e)
    for e in f.entries("message"):
        if e["verdict"] in REFUSED and e["rule"] not in ("", "-") and e["list"] in LISTS + CHECKS:
            records = by_id(f, e["id"])
            assert any(r["recipient"] == e["recipient"] and r["fate"] == e["fate"] and r.get("rule") == e["rule"]
                       for record in records for r in record["recipients"]), f"{e}\nis not in\n{json.dumps(records, indent=1)}"


def texts(o):
    """Every text of a JSON value, in order."""
    if isinstance(o, dict):
        return [t for v in o.values() for t in texts(v)]
    if isinstance(o, list):
        return [t for v in o for t in texts(v)]
    return [o] if isinstance(o, str) else []
