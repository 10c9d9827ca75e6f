#!/usr/bin/env python3
"""Measure what looking for things in messages costs, and say which bound does not hold.

    make bench-content [BENCH_ARGS="--rounds 5 --only body,postfix,door,recipients,mime,text --patterns 10,1000"]

body     CPU of check_body on 50 KB of text, against bare Vectorscan and PCRE2 on the same lines and patterns.
postfix  the same body and table by Postfix's own loop (postmap -q -), less what the program takes to read the table.
door     CPU a message of the mixed corpus through the LMTP door, with few and with many patterns.
recipients  CPU of the engine for a message of the mixed corpus: one recipient, against many whose classes order the same
         checks differently, with thresholds and exceptions of their own.
mime     CPU of taking a multipart apart, against GMime.
text     CPU of check_text for a message of HTML, against finding the ends of its lines with memchr().  Letters with style
         sheets, hidden text and conditions have several texts each; what they take is shown, without a bound.

Contenders take turns within a round; figures are medians of the rounds, ratios are taken round by round.  Needs a
filterd built with Vectorscan, and Postfix's pcre tables.  Exit status: 0 all bounds hold, 1 not, 2 it could not be
measured.
"""
import argparse
import base64
import json
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import content_cases as cases
import corpus
from measure import Program, Sent, values, wait_for_port

from filterd_proc import Filterd  # measure.py made tests/lib known
from ports import free_port

PARTS = ("body", "postfix", "door", "recipients", "mime", "text")


def say(text=""):
    print(text, flush=True)


class Stand:
    """What the parts share."""

    def __init__(self, args, folder):
        self.build, self.folder, self.args = os.path.abspath(args.build_dir), folder, args
        os.environ["FILTERD_BUILD_DIR"] = self.build
        os.chmod(folder, 0o755)
        self.failed, self.running, self.check_body_us = [], [], {}
        self.body = folder + "/text"
        text = corpus.Writer(5).plain(cases.BODY)[:cases.BODY]
        with open(self.body, "w") as f:
            f.write(text[:text.rindex("\n") + 1])

    def tool(self, name):
        return os.path.join(self.build, "tests", "bench", f"bench_{name}")

    def table(self, kind, n):
        path = f"{self.folder}/{kind}{n}"
        return path if os.path.exists(path) else corpus.write_patterns(path, kind, n)

    def must(self, holds, text):
        if not holds:
            self.failed.append(text)
        return "ok" if holds else "NOT MET"

    def stop(self):
        while self.running:
            self.running.pop()()


def median(numbers):
    return statistics.median(numbers)


# --- body ---

def run_body(stand, args):
    say(f"CPU us for {cases.BODY} octets of body")
    say(f"  {'patterns':>8} {'bare':>9} {'look-ups':>9} {'check_body':>11} {'/ bare':>8}")
    for n in args.patterns:
        done = subprocess.run([stand.tool("content"), stand.table("body", n), stand.body, str(args.rounds),
                               str(cases.BODY_MESSAGES)], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        status, *lines = done.stdout.splitlines()
        if f"{n} of {n} patterns looked for in one pass" not in status:
            raise RuntimeError(f"{n} patterns: {status}")
        runs = [values(line) for line in lines]
        ratio = median([r["check_body_us"] / r["bare_us"] for r in runs])
        stand.check_body_us[n] = median([r["check_body_us"] for r in runs])
        say(f"  {n:8} {median([r['bare_us'] for r in runs]):9.1f} {median([r['table_us'] for r in runs]):9.1f} "
            f"{stand.check_body_us[n]:11.1f} {ratio:8.2f}   <= {cases.CHECK_BODY} " + stand.must(
                ratio <= cases.CHECK_BODY,
                f"check_body with {n} patterns: {ratio:.2f} times bare Vectorscan, bound {cases.CHECK_BODY}"))


# --- postfix ---

def postmap_cpu(table, body, times):
    """CPU seconds of Postfix's look-up of each line, so many times."""
    with open(body) as f:
        text = f.read() * times
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(["postmap", "-c", os.path.dirname(table), "-q", "-", "pcre:" + table], input=text, text=True,
                          capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1) or "fatal" in done.stderr or done.stdout:
        raise RuntimeError(f"postmap: {done.stdout[:200]}{done.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run_postfix(stand, args):
    n = cases.POSTFIX_PATTERNS
    if n not in stand.check_body_us:
        run_body(stand, argparse.Namespace(patterns=[n], rounds=args.rounds))
    table = stand.table("body", n)
    with open(stand.folder + "/main.cf", "w") as f:
        f.write("compatibility_level = 3.6\n")
    ours, ratios = stand.check_body_us[n], []
    for _ in range(args.rounds):
        work = postmap_cpu(table, stand.body, 1 + cases.POSTFIX_BODIES) - postmap_cpu(table, stand.body, 1)
        ratios.append(work / cases.POSTFIX_BODIES * 1e6 / ours)
    ratio = median(ratios)
    say(f"\n{n} patterns: Postfix's loop {ratio * ours:.0f} us, check_body {ours:.0f} us, {ratio:.0f} times   "
        f">= {cases.POSTFIX} " + stand.must(ratio >= cases.POSTFIX, f"Postfix's loop over {n} patterns takes {ratio:.0f} "
                                                                  f"times as much, bound {cases.POSTFIX}"))


# --- door ---

def start(stand, settings, n, sink):
    tables = {kind: stand.table(kind, n) for kind in ("header", "body")}
    f = Filterd(listeners={"door": "lmtp"}, log_format="text", next_hop=f"smtp:[127.0.0.1]:{sink}",
                **{name: value.format(**tables) for name, value in settings.items()})
    f.start(timeout=120)
    stand.running.append(lambda: (f.stop(), f.remove()))
    end = time.monotonic() + 600
    while True:
        said = [t["patterns"] for t in json.loads(f.ctl("status", "--json"))["tables"] if "patterns" in t]
        if said and all("in one pass" in s for s in said):
            return f
        if time.monotonic() > end or not any("being compiled" in s for s in said):
            raise RuntimeError(f"{n} patterns: {said}")
        time.sleep(.2)


def run_door(stand, args):
    folder = stand.folder + "/corpus"
    corpus.write_corpus(folder)
    sink_port = free_port()
    sink = Program(stand.tool("sink"), sink_port)
    stand.running.append(sink.stop)
    wait_for_port(sink_port)
    few, many = cases.DOOR_PATTERNS
    say(f"\nCPU us a message of the mixed corpus, LMTP door\n  {'':28} {few:>9} {many:>9} {'ratio':>8}")
    for text, settings in cases.DOORS.items():
        doors = {n: start(stand, settings, n, sink_port) for n in (few, many)}
        runs = {few: [], many: []}
        for i in range(args.rounds + 1):
            for n in (few, many) if i % 2 == 0 else (many, few):
                f = doors[n]
                runs[n].append(Sent([stand.tool("send"), "-L", "-s", cases.DOOR_SESSIONS, "-d", "-m",
                                     int(cases.DOOR_MESSAGES * args.scale), "-F", folder,
                                     "%s:%d" % f.address("door")], f.process.pid).cpu_us)
        a, b = runs[few][1:], runs[many][1:]              # the first warms up
        ratio = median([y / x for x, y in zip(a, b)])
        say(f"  {text:28} {median(a):9.0f} {median(b):9.0f} {ratio:8.2f}   <= {cases.DOOR} " + stand.must(
            ratio <= cases.DOOR, f"{text}: {many} patterns take {ratio:.2f} times what {few} do, bound {cases.DOOR}"))


# --- recipients ---

class Asked:
    """A program that does its work so many times for each number that it reads, and says what it took."""

    def __init__(self, *argv):
        self.process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def ask(self, n):
        self.process.stdin.write(f"{n}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args[0]} ended with {self.process.wait(10)}")
        return values(line)

    def end(self):
        self.process.stdin.close()
        if self.process.wait(10) != 0:
            raise RuntimeError(f"{self.process.args[0]} ended with {self.process.returncode}")


def write_classes(stand, folder):
    """A class of its own for each recipient; the configuration's path."""
    r = random.Random(6)
    tables = {kind: stand.table(kind, cases.RECIPIENT_PATTERNS) for kind in ("header", "body")}
    names, rows, lists = [], [], []
    for i in range(cases.RECIPIENTS):
        checks = [c.format(**tables) for c in cases.RECIPIENT_CHECKS]
        r.shuffle(checks)
        if i % 3 == 0:
            checks.insert(r.randrange(len(checks)), f"check_sender_access inline:{{friend{i}@example.org=OK}}")
        names.append(f"class{i}")
        rows.append(f"r{i}@example.net class{i}")
        lists.append(f"class{i} = {', '.join(checks)}, tag_if_score {1 + i % 7}, reject_if_score {8 + i % 5}")
    with open(folder + "/users", "w") as f:
        f.write("\n".join(rows) + "\n")
    with open(folder + "/recipients.cf", "w") as f:
        f.write("listeners = { lmtp:127.0.0.1:10025, next_hop = smtp:[127.0.0.1]:10026 }\n"
                f"smtpd_restriction_classes = {' '.join(names)}\n"
                f"content_restrictions = check_recipient_access texthash:{folder}/users\n" + "\n".join(lists) + "\n")
    return folder + "/recipients.cf"


def run_recipients(stand, args):
    folder = stand.folder + "/corpus"
    corpus.write_corpus(folder)
    os.makedirs(stand.folder + "/cache", exist_ok=True)
    p = Asked(stand.tool("recipients"), "-c", write_classes(stand, stand.folder), "-F", folder, "-p",
              stand.folder + "/cache", "-r", cases.RECIPIENTS)
    runs = [p.ask(cases.RECIPIENT_TIMES) for _ in range(args.rounds + 1)][1:]      # the first warms up
    p.end()
    ratio = median([r["all_us"] / r["one_us"] for r in runs])
    say(f"\nengine, us a message of the mixed corpus: one recipient {median([r['one_us'] for r in runs]):.0f}, "
        f"{cases.RECIPIENTS} with a class each {median([r['all_us'] for r in runs]):.0f}: {ratio:.2f} times   "
        f"<= {cases.RECIPIENTS_RATIO} " + stand.must(
            ratio <= cases.RECIPIENTS_RATIO, f"{cases.RECIPIENTS} recipients take {ratio:.2f} times what one does, "
                                             f"bound {cases.RECIPIENTS_RATIO}"))


# --- mime ---

def write_multiparts(folder):
    """Multiparts of about cases.MIME_OCTETS: texts, and an attachment in base64."""
    os.makedirs(folder)
    for i in range(cases.MIME_MESSAGES):
        w = corpus.Writer(f"multipart {i}")
        parts = [(["Content-Type: text/plain"], w.plain(3000)), (["Content-Type: text/html"], w.html(6000))]
        while sum(len(text) for _, text in parts) < cases.MIME_OCTETS:
            parts.append((["Content-Type: application/octet-stream; name=data.bin", "Content-Transfer-Encoding: base64"],
                          base64.encodebytes(w.r.randbytes(12000)).decode()))
        header, text = w.multipart("mixed", parts)
        with open(f"{folder}/{i:03}", "w") as f:
            f.write("\n".join(w.header(False) + header) + "\n\n" + text)


def run_mime(stand, args):
    folder = stand.folder + "/multiparts"
    write_multiparts(folder)
    p = Asked(stand.tool("mime"), "-F", folder)
    runs = [p.ask(cases.MIME_TIMES) for _ in range(args.rounds + 1)][1:]
    p.end()
    ratio = median([r["ours_us"] / r["gmime_us"] for r in runs])
    say(f"\nMIME, us a multipart of {cases.MIME_OCTETS} octets: {median([r['ours_us'] for r in runs]):.1f}, GMime "
        f"{median([r['gmime_us'] for r in runs]):.1f}: {ratio:.2f}   <= {cases.MIME} " + stand.must(
            ratio <= cases.MIME, f"taking a multipart apart costs {ratio:.2f} of GMime's, bound {cases.MIME}"))


# --- text ---

def letter(w, size):
    """HTML as programs for mass mailing write it."""
    r, have = w.r, 0
    yield f"""<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml"><head><title>{w.sentence()}</title>
<!--[if mso]><xml><o:PixelsPerInch>96</o:PixelsPerInch></xml><![endif]-->
<style type="text/css">
body {{ margin: 0; padding: 0; }}
.button a {{ color: #ffffff; background: #336699; text-decoration: none; }}
@media screen and (max-width: 600px) {{ .wide {{ width: 100% !important; }} .desktop {{ display: none !important; }} }}
</style></head>
<body style="margin:0;padding:0;background-color:#f4f4f4">
<div style="display:none;font-size:1px;max-height:0;overflow:hidden">{w.sentence()} &#847; &zwnj; &nbsp;</div>
<table border="0" cellpadding="0" cellspacing="0" width="100%" class="wide"><tr><td align="center">
"""
    while have < size:
        text = f"""<!--[if mso]><table width="600" cellpadding="0" cellspacing="0"><tr><td><![endif]-->
<table border="0" cellpadding="0" cellspacing="0" class="wide" style="max-width:600px;background-color:#ffffff">
 <tr><td style="padding:24px 24px 0 24px;font-family:Arial,sans-serif;font-size:{r.choice([14, 16, 18])}px;color:#333333">
  <a href="https://click.{w.host()}/{w.hexes(32)}" style="color:#336699;text-decoration:none"><img
   src="https://img.{w.host()}/{w.hexes(8)}.png" width="{r.randint(40, 600)}" alt="{w.sentence()}" style="display:block"></a>
  <h2 style="margin:0 0 12px 0;font-size:20px;color:#111111">{w.sentence()}</h2>
  <p style="margin:0 0 16px 0">{w.paragraph()}&nbsp;&mdash; <span class="desktop">{w.word()}</span></p></td></tr>
 <tr><td class="button" align="center" bgcolor="#336699"><a href="https://click.{w.host()}/{w.hexes(48)}"
  style="font-size:16px;color:#ffffff;display:inline-block">{w.word()}&nbsp;{w.word()}</a></td></tr>
</table>
<!--[if mso]></td></tr></table><![endif]-->
"""
        have += len(text)
        yield text
    yield "</td></tr></table>\n</body></html>\n"


def write_pages(folder, make):
    """HTML of about cases.TEXT_OCTETS: make(writer, size)."""
    os.makedirs(folder)
    for i in range(cases.TEXT_MESSAGES):
        w = corpus.Writer(f"text {i}")
        header = w.header(False) + ["Content-Type: text/html; charset=utf-8"]
        with open(f"{folder}/{i:03}", "w") as f:
            f.write("\n".join(header) + "\n\n" + make(w, cases.TEXT_OCTETS))


def text_runs(stand, args, folder):
    p = Asked(stand.tool("text"), "-t", stand.table("body", cases.TEXT_PATTERNS), "-F", folder)
    runs = [p.ask(cases.TEXT_TIMES) for _ in range(args.rounds + 1)][1:]
    p.end()
    return runs, median([r["check_us"] / r["memchr_us"] for r in runs])


def run_text(stand, args):
    folder = stand.folder + "/pages"
    write_pages(folder, lambda w, size: w.html(size - 1000))
    write_pages(folder + ".letters", lambda w, size: "".join(letter(w, size - 1000)))
    runs, ratio = text_runs(stand, args, folder)
    say(f"\ncheck_text, us for {runs[0]['octets']:.0f} octets of HTML: {median([r['check_us'] for r in runs]):.1f}, memchr "
        f"{median([r['memchr_us'] for r in runs]):.1f}: {ratio:.1f} times   <= {cases.TEXT} " + stand.must(
            ratio <= cases.TEXT, f"check_text takes {ratio:.1f} times what memchr does, bound {cases.TEXT}"))
    runs, ratio = text_runs(stand, args, folder + ".letters")
    say(f"  letters, {runs[0]['texts']:.1f} texts each: {median([r['check_us'] for r in runs]):.1f} us, {ratio:.1f} times")


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build-dir", default=".", help="where filterd and the programs were built")
    p.add_argument("--rounds", type=int, default=5, help="at least 3 for figures that count")
    p.add_argument("--scale", type=float, default=1, help="so many times the messages through the door")
    p.add_argument("--patterns", type=lambda s: [int(n) for n in s.split(",")], default=list(cases.PATTERNS),
                   help="sizes of tables for body")
    p.add_argument("--only", type=lambda s: s.split(","), default=list(PARTS), help=", ".join(PARTS))
    return p.parse_args()


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="filterd-bench.") as folder:
        stand = Stand(args, folder)
        if not os.path.exists(stand.tool("content")):
            raise RuntimeError("filterd is built without Vectorscan")
        for part in PARTS:
            if part in args.only:
                try:
                    globals()["run_" + part](stand, args)
                finally:
                    stand.stop()
    if stand.failed:
        say("\nThese bounds do not hold:")
        for text in stand.failed:
            say(f"  {text}")
        return 1
    say("\nAll bounds hold.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as e:
        print(f"content.py: {e}", file=sys.stderr)
        sys.exit(2)
