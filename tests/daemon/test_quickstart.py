"""contrib/quickstart's table, row by row: with a real Postfix, every verdict."""
import os
import subprocess
import sys

import filterd_proc
import postfix as postfix_lib
from conftest import cannot

SOURCE = os.path.join(os.path.dirname(__file__), "..", "..")

# (message, listener, recipient): verdict, rule, the beginning of where it ended
ROWS = {
    ("01-clean", "reject", "alice"): ("pass", "-", "maildir of alice"),
    ("01-clean", "hold", "alice"): ("pass", "-", "maildir of alice"),
    ("02-rejected-by-header", "reject", "alice"): ("reject", "header_checks:2", "bounced to"),
    ("02-rejected-by-header", "hold", "alice"): ("reject", "header_checks:2", "hold store, "),
    ("03-rejected-by-body", "reject", "alice"): ("reject", "body_checks:1", "bounced to"),
    ("03-rejected-by-body", "hold", "alice"): ("reject", "body_checks:1", "hold store, "),
    ("04-tagged", "reject", "alice"): ("tag", "header_checks:3",
                                       "maildir of alice@example.test, tagged"),
    ("04-tagged", "hold", "alice"): ("tag", "header_checks:3",
                                     "maildir of alice@example.test, tagged"),
    ("05-held", "reject", "alice"): ("hold", "header_checks:4", "hold store, "),
    ("05-held", "hold", "alice"): ("hold", "header_checks:4", "hold store, "),
    ("06-several-recipients", "reject", "alice"): ("pass", "-", "maildir of alice"),
    ("06-several-recipients", "reject", "bob"): ("pass", "-", "maildir of bob"),
    ("06-several-recipients", "reject", "carol"): ("pass", "-", "maildir of carol"),
    ("06-several-recipients", "hold", "alice"): ("pass", "-", "maildir of alice"),
    ("06-several-recipients", "hold", "bob"): ("pass", "-", "maildir of bob"),
    ("06-several-recipients", "hold", "carol"): ("pass", "-", "maildir of carol"),
    ("07-discarded", "reject", "bob"): ("discard", "header_checks:5", "nowhere"),
    ("07-discarded", "hold", "bob"): ("discard", "header_checks:5", "nowhere"),
    ("08-redirected", "reject", "bob"): ("pass + redirect", "header_checks:6", "maildir of carol"),
    ("08-redirected", "hold", "bob"): ("pass + redirect", "header_checks:6", "maildir of carol"),
    ("09-virus", "reject", "alice"): ("reject", "filterd.cf", "bounced to"),
    ("09-virus", "reject", "spamlover"): ("hold", "per_user:2", "hold store, "),
    ("09-virus", "hold", "alice"): ("reject", "filterd.cf", "hold store, "),
    ("09-virus", "hold", "spamlover"): ("hold", "per_user:2", "hold store, "),
    ("10-phrase", "reject", "alice"): ("reject", "phrases:1", "bounced to"),
    ("10-phrase", "reject", "bob"): ("pass", "-", "maildir of bob"),
    ("10-phrase", "reject", "spamlover"): ("tag", "per_user:2", "maildir of spamlover@example.test, tagged"),
    ("10-phrase", "hold", "alice"): ("reject", "phrases:1", "hold store, "),
    ("10-phrase", "hold", "bob"): ("pass", "-", "maildir of bob"),
    ("10-phrase", "hold", "spamlover"): ("tag", "per_user:2", "maildir of spamlover@example.test, tagged"),
}


def test_table(tmp_path):
    missing = filterd_proc.missing() or postfix_lib.missing()
    if not os.path.exists(os.path.join(filterd_proc.build_dir(), "plugins", "clamav.so")):
        missing = "the ClamAV plugin is not built"
    if missing:
        cannot(missing)
    # Its state file must not be that of one a user has started.
    for folder in ("filterd", "plugins"):
        os.symlink(os.path.join(filterd_proc.build_dir(), folder), tmp_path / folder)
    r = subprocess.run([sys.executable, "-B", SOURCE + "/contrib/quickstart.py", str(tmp_path),
                        "--once"], capture_output=True, text=True)
    assert (r.returncode, r.stderr) == (0, "")
    head, *lines = r.stdout.splitlines()
    starts = [head.index(word) for word in ("MESSAGE", "LISTENER", "RECIPIENT", "VERDICT", "RULE",
                                            "WHERE")]
    got = {}
    for line in lines:
        cells = [line[a:b].strip() for a, b in zip(starts, starts[1:] + [None])]
        message, listener, recipient, verdict, rule, where = cells
        key = (message, listener, recipient.split("@")[0])
        if rule.startswith("filterd.cf:"):      # which line is no matter
            rule = "filterd.cf"
        begins = ROWS.get(key, ("", "", ""))[2]
        got[key] = (verdict, rule, begins if where.startswith(begins) else where)
    assert got == ROWS
