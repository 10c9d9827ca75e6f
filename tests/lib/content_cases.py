"""Random cases for header and body checks, as tests/parity/candidate reads them.

    for group in content_cases.groups(seed=1, groups=20, cases=12): ...

A group is a list of cases with one configuration.  Tables, actions, header fields, MIME
structure and limits are drawn so that they meet often, and so that what a check was asked
with shows in the message.  Left out is what is known to differ from Postfix, and why is in
filterd.cf(5) and filterd_tables(5): a dot alone behind a bare line feed, a carriage return
in front of a line end, BCC and REDIRECT to what is no address, refusals in other than ASCII.
"""
import base64
import quopri
import random
import re

CLIENT = {"addr": "192.0.2.10", "name": "mail.good.example", "reverse_name": "mail.good.example",
          "helo": "helo.ok.example", "proto": "ESMTP", "login": None}
BASE = {"myhostname": "mx.filterd.test", "mydomain": "filterd.test", "myorigin": "local.example",
        "mydestination": "local.example", "relay_domains": "", "local_recipient_maps": "",
        "smtpd_recipient_restrictions": "reject_unauth_destination"}
RECIPIENTS = (["bob@local.example"], ["bob@local.example", "ann@local.example"])
DATE = "Sat, 21 Nov 2026 07:00:00 +0000 (UTC)"

HEADER_PATTERNS = [
    r"^Subject:", r"^Subject: (.*)$", r"^(Subject|To|Cc): *(.*)", r"viagra", r"^X-([a-z]+): (.*)", r"^(.*)$", r".", r"\n", r"^$",
    r"^Content-Type: *multipart/([a-z]+)", r"^Content-(Type|Disposition):.*name *= *\"?(.*\.(exe|vbs))\"?", r"^[^:]*$", r"a\nb",
    r"^Bcc:", r"^Received: from ([a-z.]+)", r"=\?utf-8\?[bq]\?", r"[^ -~]", r"^X-Mailbox-Line: (.*)", r"^.{60,}$", r"^.{900,}",
    r"a{20}", r"^X-Fold:( |.)*c$", r"^(\S+):\s+(\S+)\s+(\S+)", r"boundary=\"?([^\";]*)\"?", r"^MIME-Version", r"^X-Spam", r"x$",
    r"^Content-Transfer-Encoding: *(.*)", r"^From:.*<(.*)>", r"^>", r"^Content-", r"(a|b)*c", r"^X-Empty:", r"^([^:]+):()", r"\\",
    r"\$", r"^x-spam", r"^X-(y)?"]
BODY_PATTERNS = [
    r"viagra", r"^(.*)$", r".", r"^--", r"^--(.*)--$", r"^\.", r" $", r"^ +", r"(http://[a-z.]+)/(.*)", r"secret", r"MONEY", r"a{50}",
    r"^a", r"b$", r"^[A-Za-z0-9+/=]{40,}$", r"=[0-9A-F]{2}", r"=$", r"^>?From ", r"^Subject:", r"^Content-Type", r"^click (.*)$",
    r"[^ -~]", r"\t", r"^$", r"^(a+)b", r"^begin [0-7]+ (.*)", r"x{10}", r"^(\S+) (\S+)", r"<!--.*-->", r"^.{200,}$", r"^\s*$", r"^X-(y)?"]
ACTIONS = {     # weight; arguments for header fields; for body lines, if others
    "PREPEND": (16, ["X-Pre: 1", "X-Pre: $1", "X-Saw: <$1>", "bad text", "", "Bcc: z@x.example", "X-Pre : 2", "X:y", ":x", "X-8: é",
                     "X-$1: y", "$1", "Received: x", "X-D: $$1", "Return-Path: <x@y>", "X-Long: " + "z" * 1200],
                ["pre", "X: y", "$1", "", "  lead", ".", "tail ", "p" * 1500, "--B0", "é", "$1 $2", "$$", "..", "From x"]),
    "REPLACE": (16, ["X-Rep: 1", "X-Rep: $1", "Subject: [SPAM] x", "nohdr x", "", "Bcc: z@x.example", "Content-Type: text/plain",
                     "Content-Type: multipart/mixed; boundary=B0", "$1", "X-$1: $2", "X-Rep:", "X-Rep : a", "From a@b", " X: y",
                     "X-Drop: y", "X-Long: " + "y " * 700],
                ["rep", "<$1>", "", ".", "  x", "--B0", "--B0--", "r" * 2500, "$2$1", "From x", "..", "X: y"]),
    "REJECT": (4, ["", "no x", "5.7.9 dsn text", "4.7.1 try later", "2.0.0 bad dsn", "text with  spaces", "no $1", "550 5.7.1 x",
                   "5.7.9\ttab", "4.3.2  two", "5.9999.1 x", "5.7.1x y", "%s %d", "6.0.0 y", "5.7 z", "$$1 literal", "5.1000.1 a"]),
    "HOLD": (3, ["", "why", "$1"]), "DISCARD": (1, ["", "quiet", "$1"]), "IGNORE": (5, ["", "text"]), "STRIP": (5, ["", "was $1"]),
    "WARN": (4, ["", "w $1", "4.7.1 x"]), "INFO": (3, ["", "i"]), "DUNNO": (5, ["", "x"]), "OK": (2, ["", "x"]), "PASS": (1, ["", "ok"]),
    "BCC": (4, ["two@ok.example", "bcc@local.example", "noat", "", "BCC@local.example", "bob@local.example", '"q q"@ok.example']),
    "REDIRECT": (2, ["other@ok.example", "noat", "", "r@local.example", "u@OK.Example"]),
    "FILTER": (4, ["smtp:[127.0.0.1]:9", "nocolon", "", "x:x", "smtp:", "smtp:host trailing", "FOO:bar", "a b:c"]),
    "DEFER": (.5, ["", "x"]), "bogus": (.6, ["action"]), "554": (.5, ["no x"]), "450": (.5, ["4.7.1 x"]), "PERMIT": (.4, [""])}
ODD_RULES = [
    "# comment", "", "   ", "  # indented", "\t", "garbage line", "/unterminated", "//", "/x/", "/x/ ", "!", "/[/ REJECT", "/(/ WARN",
    "/x/ REJECT $9", "/(x)/ PREPEND X: ${1}y", "/(x)/ PREPEND X: $(1)y", "/x/ WARN ${", "/x/ WARN $", "/x/ WARN a$b",
    "/(x)(y)?/ PREPEND X: a$2b", "/x/ PREPEND\n   X-Cont: 1\n# c\n\t more", "/x/!/y/ WARN two", "/viagra/!/now/ REPLACE X-Two: $0",
    "/a*?/ WARN", "/{/ WARN", "/a{2/ WARN", "/a|/ WARN", "/(?i)X/ INFO", "/\\bx\\b/ WARN", "/*a/ WARN", "/a**/ INFO", "/\\1/ WARN",
    "/[b-a]/ WARN", "if", "if ", "endif/x/", "IF/x/", "ifx /y/", "endif ignored", "/x(y)?/ $1"]
LINES = [
    b"viagra", b"secret", b"MONEY", b"hello", b"end", b"http://bad.example/x", b"click here", b"", b"", b".", b"..", b". x", b" lead",
    b"trail ", b"\ttab", b"--", b"--B", b"---", b"-- ", b"--B0x", b"From here", b">From there", b"Subject: in body", b"a" * 60, b"aaab",
    b"x" * 300, b"caf\xc3\xa9", b"\xff\xfe", b"nul\0here", b"\0", b"cr\rin", b"X:y", b"begin 644 x.exe", b"a<!--b-->c", b"=3D=", b"x=",
    b"TVqQAAMAAAAEAAAA//8AALgAAAAAAAAAQAAAAAAA", b"tail\t"]
LONG = [511, 512, 513, 600, 998, 2046, 2047, 2048, 2049, 4095, 4096, 4097, 5000]
NAMES = [b"Subject", b"To", b"Cc", b"From", b"X-Mailer", b"X-Spam", b"X-Long", b"X-Empty", b"Bcc", b"Received", b"Date", b"Return-Path",
         b"X-Fold", b"Resent-Bcc", b"Content-Length", b"Content-MD5", b"Content-ID", b"Content-Description", b"subject", b"X", b"X-Drop",
         b"Content-Disposition", b"Mime-Version"]
VALUES = [b"hello", b"buy viagra now", b"", b"a b c", b'"L, F" <c@x.example>', b"=?utf-8?q?hello?=", b"caf\xc3\xa9", b"\xe9", b"secret x",
          b"=?utf-8?B?dmlhZ3Jh?= =?utf-8?b?IG5vdw==?=", b"a" * 120, b"1.0", b"x\0y", b"a\rb", b"x" + b" " * 5, b"a:b", b"\\ $1 %s",
          b'attachment; filename="a.exe"', b"b" * 980, b"x " * 400]
NO_HEADERS = [b"this is no header", b" cont", b"\tcont", b": x", b"X Y: z", b"X\xe9: z", b"X-Nul\0: z", b"From joe@x Sat", b">From joe",
              b"   ", b"Subject", b">X: y", b"X\x7f: z", b"-: x", b"X-A\t \t: y"]
BOUNDARIES = [b"B0", b"B", b"BB", b"b o", b"a'b", b"=_n/p", b"X" * 71, b"12345678901234567890", b"", b"-", b"--", b"B ", b'a"q', b"a\\b",
              b"B\xc3\xa9", b"(b)", b"B0--", b" B", b"B;1"]
BOUNDARY_FORMS = [b'boundary="%s"'] * 8 + [b"boundary=%s"] * 8 + [
    b'BOUNDARY="%s"', b'boundary = "%s"', b'boundary\r\n ="%s"', b'boundary= (c)"%s"', b'x=y; boundary="%s"', b'boundary="%s" x',
    b'boundary="%s', b"boundary='%s'", b'boundary*="%s"', b'boundary="%s"; boundary=ZZ', b'boundary:"%s"', b'boundary="%s"junk',
    b'=boundary="%s"', b'"boundary"="%s"', b'(boundary=ZZ) boundary="%s"']
TYPES = [b"text/plain", b"text/html; charset=utf-8", b'image/png;\r\n name="secret.png"', b'application/x; name="virus.exe"', b"", b"text",
         b"/", b"text/plain; boundary=B0", b"garbage", b";", b'text/plain; charset="x']
MESSAGE_TYPES = [b"message/rfc822", b"message/rfc822", b"Message/RFC822", b"message/global", b"message/partial; id=x", b"message/rfc822x",
                 b"message/delivery-status", b"text/rfc822-headers", b"message / rfc822", b"message", b"message/rfc822 (c)"]
ENCODINGS = [b"base64", b"quoted-printable", b"7bit", b"8bit", b"binary", b"BASE64", b"x-foo", b"", b"(c) base64", b'"base64"', b"base64;"]
PARAMETERS = {
    "body_checks_size_limit": (.25, ["1", "20", "100", "2049", "0"]), "header_size_limit": (.12, ["200", "500", "1000"]),
    "line_length_limit": (.1, ["512", "600", "1000"]), "mime_nesting_limit": (.1, ["1", "2", "3"]),
    "mime_boundary_length_limit": (.08, ["1", "5", "10"]), "disable_mime_input_processing": (.08, ["yes"]), "soft_bounce": (.08, ["yes"]),
    "message_drop_headers": (.1, ["", "x-spam, bcc", "subject", "content-type", "X-DROP bcc", "received"])}


class Draw(random.Random):
    def maybe(self, p):
        return self.random() < p

    # --- tables ---

    def action(self, body):
        verb = self.choices(list(ACTIONS), [a[0] for a in ACTIONS.values()])[0]
        arg = self.choice(ACTIONS[verb][-1 if body else 1])
        word = self.choice([verb, verb, verb.lower(), verb.capitalize()])
        return word + (self.choice([" ", " ", "\t", "   "]) + arg if arg else self.choice(["", " "]))

    def pattern(self, kind, body):
        p = self.choice(BODY_PATTERNS if body else HEADER_PATTERNS)
        if kind == "regexp":
            p = p.replace(r"\s", "[ ]").replace(r"\S", "[^ ]").replace(r"\n", "[[:space:]]").replace(r"\t", "\t")
        delimiter = self.choice("////~%")
        flags = "".join(self.choice("imx" if kind == "regexp" else "ismxAEUX") for _ in range(self.choice([0, 0, 0, 0, 1, 1, 2])))
        return self.choice(["", "", "", "", "", "!", "! ", "!!"]) + delimiter + p.replace(delimiter, "\\" + delimiter) + delimiter + flags

    def rules(self, kind, body):
        out, depth = [], 0

        def add(line):
            # What begins with a blank goes on with the line before; that must not be an address.
            last = re.split(r"\n(?=\S)", "\n".join(out))[-1]
            out.append(line.lstrip() if re.search("(?i)bcc|redirect|filter", last) else line)

        for _ in range(self.randint(1, 9)):
            x = self.random()
            if x < .1:
                add(self.choice(["if ", "IF ", "if\t", "if"]) + self.pattern(kind, body) + self.choice(["", "", " ", " junk"]))
                depth += 1
            elif x < .2 and depth > 0:
                add(self.choice(["endif", "ENDIF", "endif ", " endif"]))
                depth -= 1
            elif x < .25:
                add(self.choice(ODD_RULES))
            else:
                add(self.choice(["", "", "", "", "", " "]) + self.pattern(kind, body) +
                    self.choice([" ", " ", "\t", "   ", ""]) + self.action(body))
        if self.maybe(.3):
            out.append("/^(.*)$/ " + (self.choice(["REPLACE <$1>", "PREPEND <$1>"]) if body else "PREPEND X-Saw: <$1>"))
        out += ["endif"] * (depth if self.maybe(.7) else 0)
        return "\n".join(out) + self.choice(["\n", "\n", ""])

    def simple_table(self, body):
        """One that stands in the configuration."""
        def act():
            while True:
                a = self.action(body)
                if not set(a) & set("${}\n"):
                    return a
        keys = self.sample(["viagra", "secret", "MONEY", "hello", "end", "--B0", "X-Empty:", "X:y", "X-Spam:yes"], 4)
        return self.choice([
            "static:" + act().split()[0], "static:{%s}" % act(), "inline:{%s}" % ", ".join("{%s = %s}" % (k, act()) for k in keys),
            "unionmap:{inline:{{%s = %s}}, inline:{{%s = %s}}}" % (keys[0], act(), keys[1], act()), "static:DUNNO",
            "pipemap:{inline:{{%s = k1},{%s = k2}}, inline:{{k1 = %s},{k2 = %s}}}" % (keys[0], keys[1], act(), act())])

    def configuration(self):
        main, tables = dict(BASE), {}
        for name, body, p in (("header_checks", 0, .75), ("mime_header_checks", 0, .5), ("nested_header_checks", 0, .4),
                              ("body_checks", 1, .7)):
            names = []
            for _ in range(self.choice([1, 1, 1, 2, 3]) if self.maybe(p) else 0):
                if self.maybe(.12):
                    names.append(self.simple_table(body))
                    continue
                kind = self.choice(["pcre", "regexp"])
                key = "%s%d" % (name.split("_")[0], len(tables))
                tables[key] = {"type": kind, "text": self.rules(kind, body)}
                names.append("%s:/tables/%s" % (kind, key))
            if names or (name[0] in "mn" and self.maybe(.3)):
                main[name] = self.choice([", ", " ", ","]).join(names)
        for name, (p, values) in PARAMETERS.items():
            if self.maybe(p):
                main[name] = self.choice(values)
        return main, tables

    # --- messages ---

    def lines(self, n):
        out = b""
        for _ in range(self.randint(0, n)):
            if not self.maybe(.03):
                out += self.choice(LINES) + b"\r\n"
                continue
            fill = self.choice([b"a", b"x", b"secret ", b". ", b"-"])
            line = (fill * self.choice(LONG))[:self.choice(LONG)]
            out += line[:-6] + self.choice([b"viagra", b"secret", b"--B0\r\n"]) + b"\r\n"
        return out

    def field(self):
        if self.maybe(.03):
            return self.choice(NO_HEADERS)
        if self.maybe(.03):
            n = self.choice([150, 200, 201, 500, 1000, 2047, 2048, 2049, 4096, 5000])
            return b"X-Long: " + self.choice([b"a" * n, b"a b " * (n // 4)])
        value = self.choice(VALUES) if self.maybe(.9) else b" ".join(self.choices(VALUES, k=self.randint(2, 6)))
        f = self.choice(NAMES) + self.choice([b": ", b": ", b": ", b":", b" : ", b"\t:", b":\t", b":\r\n "]) + value
        if self.maybe(.15):
            f = f.replace(b" ", self.choice([b"\r\n ", b"\r\n\t", b" \r\n ", b"\r\n   "]), self.choice([1, 9]))
        return f + (self.choice([b"\r\n ", b"\r\n\t", b"\r\n  \r\n x", b"\r\n ."]) if self.maybe(.03) else b"")

    def content_type(self, depth):
        """Its value; the kind of what has it; the boundary."""
        x = self.random()
        if depth < 4 and x < .45:
            b = self.choice(BOUNDARIES) if self.maybe(.4) else b"B%d%s" % (depth, self.choice([b"", b"", b"x", b"_.-"]))
            main = self.choice([b"multipart"] * 6 + [b"Multipart", b"multipart ", b'"multipart"', b"(c)multipart"])
            sub = self.choice([b"mixed", b"mixed", b"alternative", b"digest", b"related", b"DIGEST", b"", b"report"])
            between = self.choice([b"; "] * 5 + [b";", b";\r\n ", b" ; ", b" (c); ", b" ", b", ", b"; ; "])
            return (main + b"/" + sub + between +
                    self.choice(BOUNDARY_FORMS) % b.replace(b"\\", b"\\\\").replace(b'"', b'\\"')), "multipart", b
        if depth < 4 and x < .62:
            return self.choice(MESSAGE_TYPES), "message", None
        return self.choice(TYPES), "leaf", None

    def entity(self, depth=0, outer=()):
        fields, kind, b = [self.field() for _ in range(self.randint(0, 3 if depth else 6))], "leaf", b""
        for _ in range(self.choice([0, 1, 1, 1, 1, 1, 1, 2])):
            value, kind, b = self.content_type(depth)
            fields.append(self.choice([b"Content-Type", b"content-type", b"CONTENT-TYPE"]) +
                          self.choice([b": ", b": ", b":", b" : ", b":\r\n "]) + value)
        if self.maybe(.25):
            fields.append(b"Content-Transfer-Encoding: " + self.choice(ENCODINGS))
        if self.maybe(.3):
            fields.append(b"MIME-Version: 1.0")
        if self.maybe(.5):
            self.shuffle(fields)
        head = b"".join(f + b"\r\n" for f in fields)
        if kind == "multipart":
            body = self.lines(3)
            for _ in range(self.randint(0, 4)):
                body += b"--" + (b if self.maybe(.85) else self.choice((*outer, b)))
                body += self.choice([b"", b"", b"", b" ", b"\t", b"x", b"--", b"--junk"]) + b"\r\n" + self.entity(depth + 1, (*outer, b))
            if self.maybe(.7):
                body += b"--" + b + b"--" + self.choice([b"", b"", b" ", b"junk"]) + b"\r\n" + self.lines(4)
        else:
            body = self.entity(depth + 1, outer) if kind == "message" and self.maybe(.9) else self.lines(12)
            if self.maybe(.15):
                encode = self.choice([base64.encodebytes, quopri.encodestring])
                body = encode(body).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return head + (b"" if self.maybe(.05) else b"\r\n") + body

    def message(self):
        m, x = self.entity(), self.random()
        if x < .03:
            return m.rstrip(b"\r\n")
        if x < .06:
            return self.choice([b"", b"\r\n", b"\r\n\r\n", b"x\r\n", b"From a@b\r\n" + m, b">From a@b\r\n" + m, b" " + m, b">>From x\r\n" + m,
                                b"From a\r\nFrom b\r\n" + m, b"From \r\n cont\r\n" + m])
        return m


def case(name, group, config, recipients, message):
    one = len(recipients) == 1
    trace = ("Received: from helo.ok.example (mail.good.example [192.0.2.10])\n\tby mx.filterd.test (Postfix) with ESMTP id QID" +
             (f"\n\tfor <{recipients[0]}>; {DATE}" if one else f";\n\t{DATE}"))
    return {"id": name, "group": group, "kind": "content", "main_cf": config[0], "tables": config[1], "client": CLIENT,
            "sender": "user@ok.example", "recipients": recipients, "trace_header": trace,
            "message_b64": base64.b64encode(message).decode()}


def groups(seed, groups, cases):
    draw = Draw(seed)
    for g in range(groups):
        config = draw.configuration()
        yield [case(f"{seed}-{g}-{n}", f"{seed}-{g}", config, draw.choice(RECIPIENTS), draw.message()) for n in range(cases)]
