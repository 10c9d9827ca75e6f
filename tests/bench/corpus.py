"""Mail and patterns to measure with: always the same ones.

write_corpus(folder): 200 messages as a company's server sees them (mean about 62 KB): half
of them plain text, a third text with HTML, the rest with an attachment; headers from
short to long.  Lines end in LF.
write_patterns(path, kind, n): a pcre table of n rows for header or body checks, none of
which matches the corpus.
"""
import base64
import os
import random
import textwrap

MESSAGES = 200

COMMON = """the of and to in is that for it as was with be by on not he are at this have from or an
they which you were all her there been one their we has who will more if out so up said what its
about than into them can only other time new some could these may then do any like now over such our
man me even most made after also did many off before must well back through years much your way down
should because long each just state people those mr how too little very good world make""".split()
OFFICE = """invoice account payment contract meeting report project schedule delivery order price offer
customer service review update attached regards thanks budget team agenda quarter office department
figures results question answer document proposal signature holiday travel booking shipment""".split()
SYLLABLES = [a + b for a in "bdfgklmnprstv" for b in "aeiou"]


class Writer:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def name(self):
        return "".join(self.r.choice(SYLLABLES) for _ in range(self.r.randint(2, 4)))

    def word(self):
        x = self.r.random()
        if x < .6:
            return self.r.choice(COMMON)
        return self.r.choice(OFFICE) if x < .85 else self.name()

    def sentence(self):
        words = " ".join(self.word() for _ in range(self.r.randint(4, 20)))
        return words[0].upper() + words[1:] + self.r.choice("....?!")

    def paragraph(self):
        return " ".join(self.sentence() for _ in range(self.r.randint(2, 8)))

    def host(self):
        return f"{self.name()}.{self.name()}.example"

    def hexes(self, octets):
        return self.r.randbytes(octets).hex()

    def plain(self, size):
        parts, have = [], 0
        while have < size:
            text = textwrap.fill(self.paragraph(), 74)
            if self.r.random() < .1:
                text = "> " + text.replace("\n", "\n> ")
            if self.r.random() < .1:
                text += f"\nhttps://www.{self.host()}/{self.word()}?q={self.r.getrandbits(30)}"
            parts.append(text)
            have += len(text) + 2
        return "\n\n".join(parts) + "\n"

    def html(self, size):
        parts, have = [], 0
        while have < size:
            kind = self.r.randrange(4)
            if kind == 0:
                text = (f'<p style="margin:0 0 {self.r.randint(4, 20)}px;font:14px/20px '
                        f'Arial,sans-serif">{self.paragraph()}</p>')
            elif kind == 1:
                text = (f'<tr><td width="{self.r.randint(80, 600)}" align="left" '
                        f'bgcolor="#{self.hexes(3)}">{self.sentence()}</td><td><a href="https://'
                        f'click.{self.host()}/{self.hexes(16)}">{self.word()}</a></td></tr>')
            elif kind == 2:
                text = (f'<div class="{self.name()}"><span>{self.sentence()}</span><br>'
                        f'{self.sentence()}</div>')
            else:
                text = (f'<img src="https://img.{self.host()}/{self.hexes(4)}.png" '
                        f'width="{self.r.randint(1, 600)}" alt="{self.sentence()}">')
            parts.append(textwrap.fill(text, 130, break_long_words=False))
            have += len(text)
        return ("<!DOCTYPE html>\n<html><head><title>" + self.sentence() + "</title></head><body>\n"
                + "\n".join(parts) + "\n</body></html>\n")

    # --- header ---

    def received(self):
        ip = f"192.0.2.{self.r.randint(1, 254)}"
        host = self.host()
        return (f"Received: from {host} ({host} [{ip}])\n\tby mx.{self.host()} (Postfix) with ESMTPS "
                f"id {self.hexes(5).upper()}\n\tfor <r0@example.net>; Mon, {self.r.randint(1, 28)} Jan "
                f"2024 {self.r.randint(0, 23):02}:{self.r.randint(0, 59):02}:00 +0000")

    def folded(self, name, octets):
        text = base64.b64encode(self.r.randbytes(octets)).decode()
        return name + "\n\t" + "\n\t".join(textwrap.wrap(text, 70))

    def header(self, rich):
        fields = [self.received() for _ in range(self.r.randint(4, 9) if rich
                                                 else self.r.randint(1, 3))]
        fields.append(self.folded(f"DKIM-Signature: v=1; a=rsa-sha256; d={self.name()}.example; "
                                  "s=mail;\n\th=from:to:subject:date; b=", 256))
        if rich:
            fields.append(self.folded("ARC-Message-Signature: i=1; a=rsa-sha256; b=", 256))
            fields.append(self.folded("X-Antispam-Report:", self.r.randint(200, 900)))
            fields.append("References: " + "\n\t".join(
                f"<{self.hexes(12)}@{self.host()}>" for _ in range(self.r.randint(2, 24))))
            fields.append(f"Authentication-Results: mx.example.net; spf=pass {self.host()}")
        subject = " ".join(self.word() for _ in range(self.r.randint(2, 9)))
        if self.r.random() < .15:
            subject = "=?UTF-8?B?" + base64.b64encode(f"Übersicht {subject}".encode()
                                                      [:45]).decode() + "?="
        return fields + [
            f'From: "{self.name().title()} {self.name().title()}" <{self.name()}@{self.host()}>',
            "To: <r0@example.net>", f"Subject: {subject}",
            f"Date: Mon, {self.r.randint(1, 28)} Jan 2024 12:00:00 +0000",
            f"Message-ID: <{self.hexes(10)}@{self.host()}>", "MIME-Version: 1.0"]

    # --- bodies: (lines of header, text) ---

    def body_plain(self):
        return (["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 7bit"],
                self.plain(self.r.lognormvariate(7.8, .8)))

    def multipart(self, subtype, parts):
        mark = "=_" + self.hexes(8)
        text = "".join(f"--{mark}\n" + "\n".join(h) + "\n\n" + b + "\n" for h, b in parts)
        return ([f'Content-Type: multipart/{subtype};\n\tboundary="{mark}"'],
                text + f"--{mark}--\n")

    def body_html(self):
        size = self.r.lognormvariate(7.8, .7)
        html = self.html(size * self.r.randint(2, 9))
        how = "7bit"
        if self.r.random() < .3:
            html, how = base64.encodebytes(html.encode()).decode(), "base64"
        return self.multipart("alternative", [
            (["Content-Type: text/plain; charset=utf-8"], self.plain(size)),
            (["Content-Type: text/html; charset=utf-8", f"Content-Transfer-Encoding: {how}"], html)])

    def body_attachment(self):
        name = f"{self.name()}.{self.r.choice(['pdf', 'jpg', 'dat', 'csv'])}"
        data = self.r.randbytes(self.r.randint(10_000, 350_000))
        return self.multipart("mixed", [
            self.body_html(),
            ([f'Content-Type: application/octet-stream; name="{name}"',
              f'Content-Disposition: attachment; filename="{name}"',
              "Content-Transfer-Encoding: base64"], base64.encodebytes(data).decode())])

    def message(self):
        kind = self.r.random()
        body = (self.body_plain if kind < .45 else self.body_html if kind < .8
                else self.body_attachment)
        more, text = body()
        return "\n".join(self.header(self.r.random() < .4) + more) + "\n\n" + text


def write_corpus(folder):
    """The number of octets written."""
    os.makedirs(folder, exist_ok=True)
    w, octets = Writer(20240101), 0
    for i in range(MESSAGES):
        text = w.message().encode()
        octets += len(text)
        with open(os.path.join(folder, f"{i:03}.eml"), "wb") as f:
            f.write(text)
    return octets


FIELDS = ["Subject", "From", "X-Mailer", "To", "Content-Type"]


def write_patterns(path, kind, n):
    w = Writer(f"{kind} patterns")

    def rare():  # no word of the corpus has such an end
        return w.name() + w.r.choice(["xq", "zj", "wq", "jx"])

    with open(path, "w") as f:
        for i in range(n):
            pattern = (rf"\b{rare()}\s+{rare()}\b", rf"https?:\/\/[a-z0-9.-]*{rare()}\.(com|net|top)",
                       f"({rare()}|{rare()}|{rare()})[ _.-]?{rare()}", rare(),
                       f"[{w.r.choice('abc')}4]{rare()}[0-9@]{{1,4}}{rare()}")[i % 5]
            if kind == "header":
                pattern = f"^{FIELDS[i // 5 % 5]}:.*{pattern}"
            f.write(f"/{pattern}/ REJECT pattern {i}\n")
    return path
