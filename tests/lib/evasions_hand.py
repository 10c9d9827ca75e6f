"""Evasions put together octet by octet: what no library would write, and readers of mail show all the same."""
import base64
import binascii
import io
import re
import struct
import zipfile

from evasions import FILE, HOST, OTHER, PHRASE, SENTENCE, Row

P = PHRASE.encode()
HEAD = (b"From: someone@sender.example\nTo: user@here.example\nSubject: about our order\n"
        b"Date: Sat, 21 Nov 2026 10:00:00 +0000\nMessage-ID: <1@sender.example>\nMIME-Version: 1.0\n")
MIXED = HEAD + b'Content-Type: multipart/mixed; boundary="b"\n\n'
HTML = b"Content-Type: text/html; charset=utf-8\n"
CTE64 = b"Content-Transfer-Encoding: base64\n"
QP = b"Content-Transfer-Encoding: quoted-printable\n"


def lines(octets):
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def mixed(*parts):
    return MIXED + b"".join(b"--b\n" + p for p in parts) + b"--b--\n"


def b64(octets):
    return base64.encodebytes(octets)


def woven(what, text=P):
    """The same between all letters of each word."""
    words = [what.join(bytes([c]) for c in word) for word in text.split(b" ")]
    return b" ".join(words)


# --- HTML: the phrase as a body ---

def html():
    first, rest = P.split(b" ", 1)
    half = lambda between: first[:3] + between + first[3:] + b" " + rest      # noqa: E731
    ent = lambda form: b"".join(form % c for c in P)                          # noqa: E731
    hidden = lambda style: half(b'<span style="%s">zzz</span>' % style)       # noqa: E731
    return [
        ("comment", half(b"<!-- no -->")),
        ("comment-everywhere", woven(b"<!-- x -->")),
        ("comment-with-tags", half(b"<!-- <p> > <b> -->")),
        ("comment-with-dashes", half(b"<!-- a -- b - -> c -->")),
        ("comment-empty", half(b"<!---->")),
        ("comment-short", half(b"<!-->")),
        ("comment-shorter", half(b"<!--->")),
        ("comment-bang", half(b"<!-- a --!>")),
        ("comment-bogus", half(b"<! nothing >")),
        ("comment-question", half(b"<?xml nothing ?>")),
        ("comment-end-tag", half(b"</ nothing>")),
        ("comment-conditional", half(b"<!--[if lt IE 5]> zzz <![endif]-->")),
        ("conditional-shown", b"<!--[if !mso]><!-->" + P + b"<!--<![endif]-->"),
        ("conditional-outlook", b"<!--[if mso]>" + P + b"<![endif]-->"),
        ("tag-empty", half(b"<b></b>")),
        ("tag-everywhere", woven(b"<i></i>")),
        ("tag-around-letters", b" ".join(b"".join(b"<font>%c</font>" % c for c in w) for w in P.split())),
        ("tag-unknown", half(b"<nobody-knows>")),
        ("tag-unclosed-attribute", half(b'<a title="a>b">')),
        ("tag-single-quotes", half(b"<a title='a>b'>")),
        ("tag-newline", half(b"<span\nclass=x\n>")),
        ("tag-slash", half(b"<br-x/>")),
        ("tag-end-alone", half(b"</b>")),
        ("tag-upper", half(b"<SPAN></SPAN>")),
        ("entity-decimal", ent(b"&#%d;")),
        ("entity-hex", ent(b"&#x%X;")),
        ("entity-zeros", ent(b"&#000%d;")),
        ("entity-no-semicolon", ent(b"&#%d") + b" "),
        ("entity-nbsp", P.replace(b" ", b"&nbsp;")),
        ("entity-ensp", P.replace(b" ", b"&ensp;")),
        ("entity-shy", woven(b"&shy;")),
        ("entity-zwnj", woven(b"&zwnj;")),
        ("entity-zero-width", woven(b"&#8203;")),
        ("entity-zero-width-hex", woven(b"&#x200b;")),
        ("entity-newline", P.replace(b" ", b"&NewLine;")),
        ("entity-named-letters", P.replace(b"f", b"&#102;").replace(b"w", b"&#x77;")),
        ("soft-hyphen", woven("\u00ad".encode())),
        ("zero-width-space", woven("\u200b".encode())),
        ("zero-width-joiner", woven("\u200d".encode())),
        ("word-joiner", woven("\u2060".encode())),
        ("bom-inside", woven("\ufeff".encode())),
        ("direction-marks", woven("\u200e\u200f".encode())),
        ("invisible-separator", woven("\u2063".encode())),
        ("variation-selector", woven("\ufe0f".encode())),
        ("nbsp", P.replace(b" ", "\u00a0".encode())),
        ("thin-spaces", P.replace(b" ", "\u2009".encode())),
        ("ideographic-space", P.replace(b" ", "\u3000".encode())),
        ("newlines", P.replace(b" ", b"\n")),
        ("tabs", P.replace(b" ", b" \t \n\n ")),
        ("hidden-display", hidden(b"display:none")),
        ("hidden-display-upper", hidden(b"DISPLAY : NONE")),
        ("hidden-display-important", hidden(b"color:red; display:none !important; x:y")),
        ("hidden-display-comment", hidden(b"display:/* */none")),
        ("hidden-display-escape", hidden(b"d\\69splay:none")),
        ("hidden-visibility", hidden(b"visibility:hidden")),
        ("hidden-font-size", hidden(b"font-size:0")),
        ("hidden-font-size-px", hidden(b"font-size:0px")),
        ("hidden-font-size-1px", hidden(b"font-size:1px")),
        ("hidden-font-shorthand", hidden(b"font:0/0 a")),
        ("hidden-opacity", hidden(b"opacity:0")),
        ("hidden-color", b'<body bgcolor="#ffffff">' + half(b'<font color="#ffffff">zzz</font>')),
        ("hidden-color-style", b'<div style="background-color:#fff">' + hidden(b"color:white") + b"</div>"),
        ("hidden-color-rgb", b'<div style="background:#ffffff">' + hidden(b"color:rgb(255, 255,255)") + b"</div>"),
        ("hidden-attribute", half(b"<span hidden>zzz</span>")),
        ("hidden-by-class", b"<style>.k{display:none}</style>" + half(b'<span class="k">zzz</span>')),
        ("hidden-by-id", b"<style>#k { display : none }</style>" + half(b"<span id=k>zzz</span>")),
        ("hidden-by-element", b"<style>kbd{font-size:0}</style>" + half(b"<kbd>zzz</kbd>")),
        ("hidden-nested", half(b'<span style="display:none"><b>z<i>z</i></b>z</span>')),
        # Hidden in ways that take more of CSS than a filter knows.
        ("split-attribute", b"<style>[data-k]{display:none}</style>" + half(b"<i data-k=v>zz</i>")),
        ("split-is", b"<style>:is(.x,.y){display:none}</style>" + half(b"<i class=x>zz</i>")),
        ("split-where", b"<style>:where(.x){display:none}</style>" + half(b"<i class=x>zz</i>")),
        ("split-nth-child", b"<style>p :nth-child(1){display:none}</style><p>" + half(b"<i>zz</i>")),
        ("split-star", b"<style>p *{display:none}</style><p>" + half(b"<i>zz</i>")),
        ("split-unknown", b"<style>foo{display:none}</style>" + half(b"<foo>zz</foo>")),
        ("split-unknown-dash", b"<style>x-y{display:none}</style>" + half(b"<x-y>zz</x-y>")),
        ("split-unknown-class", b"<style>foo.x{display:none}</style>" + half(b"<foo class=x>zz</foo>")),
        ("split-unknown-escape", b"<style>o\\:p{display:none}</style>" + half(b"<o:p>zz</o:p>")),
        ("split-comment-in-selector", b"<style>.x/**/{display:none}</style>" + half(b"<i class=x>zz</i>")),
        ("split-class-reference", b"<style>.x{display:none}</style>" + half(b"<i class='&#120;'>zz</i>")),
        ("split-media-list", b"<style>@media print,screen{.x{display:none}}</style>" + half(b"<i class=x>zz</i>")),
        ("split-nesting", b"<style>p{& .x{display:none}}</style><p>" + half(b"<i class=x>zz</i>")),
        ("split-import", b"<style>@import url('data:text/css,.x%7bdisplay:none%7d');</style>" + half(b"<i class=x>zz</i>")),
        ("split-svg-style", b"<svg><style>.x{display:none}</style></svg>" + half(b"<i class=x>zz</i>")),
        ("split-variable", b"<style>:root{--d:none}.x{display:var(--d)}</style>" + half(b"<i class=x>zz</i>")),
        ("split-svg-defs", half(b"<svg><defs><text>zz</text></defs></svg>")),
        ("split-annotation", half(b"<math><annotation>zz</annotation></math>")),
        *(("split-" + re.sub("[^a-z0-9]+", "-", style.decode()), hidden(style)) for style in (
            b"font-size:1e-3px", b"font-size:calc(0px)", b"font-size:calc(1px - 1px)", b"font-size:min(0px,1px)",
            b"font-size:clamp(0px,0px,0px)", b"opacity:1e-3", b"opacity:calc(0)", b"position:absolute;scale:0",
            b"position:absolute;translate:-9999px", b"position:absolute;right:100%", b"position:absolute;top:-100px",
            b"position:fixed;left:200%", b"position:absolute;inset-inline-start:-9999px",
            b"position:absolute;transform:rotateY(90deg)", b"position:absolute;z-index:-1",
            b"position:absolute;mask:linear-gradient(transparent,transparent)", b"display:table-column",
            b"display:inline-block;inline-size:0;overflow:hidden", b"display:inline-block;width:0;contain:paint")),
        # What one reader hides another shows.
        ("hidden-value-unknown", b'<p style="display:none;display:var(--x)">' + P),
        ("hidden-all-initial", b'<div style="font-size:0"><i style="all:initial">' + P),
        ("hidden-nesting", b"<style>body{& .x{display:block!important}}</style><p hidden class=x>" + P),
        ("hidden-not-outlook", b'<p style="opacity:0">' + half(b"<b hidden>zzz</b>")),
        ("hidden-text-shadow", b'<p style="color:#fff;text-shadow:0 0 2px #000">' + P),
        ("hidden-behind-col", b'<table><col style="background:#000"><tr><td style="color:#fff">' + P),
        ("hidden-button", b'<div style="font-size:0;color:#fff"><button>' + P + b"</button></div>"),
        # What stands in a word, and nobody shows.
        ("junk-title", half(b"<title>zzz</title>")),
        ("junk-svg", half(b"<svg width=0 height=0>zzz</svg>")),
        ("junk-audio", half(b"<audio>zzz</audio>")),
        ("junk-popover", half(b"<span popover>zzz</span>")),
        ("junk-clip", hidden(b"position:absolute;clip:rect(0 0 0 0)")),
        ("junk-scale", hidden(b"position:absolute;transform:scale(0)")),
        ("junk-right", hidden(b"position:absolute;right:9999px")),
        ("junk-margin", hidden(b"position:absolute;margin:0 0 0 -9999px")),
        ("junk-mso-hide", hidden(b"mso-hide:all")),
        ("condition-not-mso", half(b"<![if !mso]>zzz<![endif]>")),
        ("condition-false", b"<!--[if mso]>" + half(b"<!--[if lt mso 9]>zzz<![endif]-->") + b"<![endif]-->"),
        ("bdo", b"<bdo dir=rtl>" + P[::-1] + b"</bdo>"),
        ("right-to-left", "\u202e".encode() + P[::-1]),
        ("strokes", woven("\u0336".encode())),
        ("object-replacement", woven("\ufffc".encode())),
        ("shown-in-hidden", b'<div style="visibility:hidden">zzz<span style="visibility:visible">' + P + b"</span></div>"),
        ("script", half(b"<script>var a = 'zzz';</script>")),
        ("script-with-tag", half(b"<script>var a = '<b>' + \"</scr\" + 'ipt';</script>")),
        ("style-inside", half(b"<style>b{color:red}</style>")),
        ("template", half(b"<template>zzz</template>")),
        ("noscript", b"<noscript>" + P + b"</noscript>"),
        ("title", b"<html><head><title>" + P + b"</title></head><body>x</body></html>"),
        ("alt", b'<img src="cid:x" alt="' + P + b'">'),
        ("template-shown", b"<template>" + half(b"<b></b>") + b"</template>"),
        ("noframes-shown", b"<noframes>" + half(b"<b></b>") + b"</noframes>"),
        ("noembed-shown", b"<noembed>" + P + b"</noembed>"),
        ("iframe-shown", b"<iframe>" + P + b"</iframe>"),
        ("content-before", b'<style>.x:before{content:"' + P + b'"}</style><p class=x></p>'),
        ("content-escape", b"<style>p::after{content:'" + P.replace(b"w", b"\\77 ") + b"'}</style><p></p>"),
        ("list-style", b"<ul><li style=\"list-style-type:'" + P + b"'\">a</ul>"),
        ("placeholder", b'<input placeholder="' + P + b'">'),
        ("option-label", b'<select><option label="' + P + b'"></select>'),
        ("optgroup-label", b'<select><optgroup label="' + P + b'"><option>a</select>'),
        ("svg-style-left", b"<svg><style><p>" + P),
        ("svg-left-by-end", b"<svg></p><style><!--</style>" + P + b"<!-- -->"),
        ("datalist", half(b"<datalist><option>zz</datalist>")),
        ("button", b'<input type=submit value="' + P + b'">'),
        ("textarea", b"<textarea>" + P + b"</textarea>"),
        ("cells", b"<table><tr>" + b"".join(b"<td>%s</td>" % w for w in P.split()) + b"</tr></table>"),
        ("words-in-spans", b" ".join(b"<span>%s</span>" % w for w in P.split())),
        ("unclosed-everything", b"<html><body><div><p><b><i>" + P),
        ("after-body", b"<html><body>x</body></html>" + P),
        ("plaintext", b"<plaintext>" + P),
        ("doctype", b"<!DOCTYPE html><html>" + P),
        ("nul", half(b"\0")),
        ("deep", b"<div>" * 3000 + P),
        ("cdata", half(b"<![CDATA[zzz]]>")),
        ("wide-letters", "".join(chr(ord(c) + 0xfee0) if c != " " else " " for c in PHRASE).encode()),
    ]


def html_parts():
    text = b"<html><body>" + b"<p>Dear friend</p>" + P + b"</body></html>\n"
    every = b"=\n".join(b"".join(b"=%02X" % c for c in text[i:i + 20]) for i in range(0, len(text), 20)) + b"\n"
    alternative = MIXED.replace(b"mixed", b"alternative")
    plain = b"--b\nContent-Type: text/plain\n\nSee the other part.\n"
    return [
        ("part-base64", mixed(HTML + CTE64 + b"\n" + b64(text))),
        ("part-qp", mixed(HTML + QP + b"\n" + every)),
        ("part-alternative", alternative + plain + b"--b\n" + HTML + b"\n" + text + b"--b--\n"),
        ("part-alternative-first", alternative + b"--b\n" + HTML + b"\n" + text + plain + b"--b--\n"),
        ("part-attached", mixed(b"\nhello\n", HTML + b"Content-Disposition: attachment; filename=a.html\n" + CTE64 +
                                b"\n" + b64(text))),
        ("part-as-plain", mixed(b"Content-Type: text/plain\nContent-Type: text/html\n\n" + woven(b"<b></b>") + b"\n")),
        ("part-as-html", mixed(b"Content-Type: text/html\nContent-Type: text/plain\n\n" + woven(b"<b></b>") + b"\n")),
        ("part-type-case", mixed(b"content-type: TEXT/HTML\n\n" + woven(b"<b></b>") + b"\n")),
        ("part-type-comment", mixed(b"Content-Type: (a) text/html (b)\n\n" + woven(b"<b></b>") + b"\n")),
        ("part-meta-charset", mixed(b"Content-Type: text/html\n" + CTE64 + b"\n" + b64(
            b'<html><head><meta charset="utf-16le"></head>' + P + b"</html>"))),
        ("part-meta-koi8", mixed(b"Content-Type: text/html\n" + CTE64 + b"\n" + b64(
            b'<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">' + OTHER.encode("koi8-r")))),
        ("part-xhtml", mixed(b"Content-Type: application/xhtml+xml\n\n" + text)),
        ("part-240kb-of-comments", mixed(HTML + b"\n" + b"<!-- x -->\n" * 20000 + text)),
    ]


# --- charsets ---

def charsets():
    rows = []
    for charset in ("utf-16", "utf-16le", "utf-16be", "utf-32", "utf-7", "iso-8859-1", "windows-1252", "us-ascii",
                    "cp037", "shift_jis", "iso-2022-jp", "gb18030", "big5"):
        rows.append(("ascii-" + charset, charset, PHRASE.encode(charset)))
    for charset in ("utf-8", "koi8-r", "windows-1251", "iso-8859-5", "cp866", "utf-16", "gb18030", "utf-7"):
        rows.append(("cyrillic-" + charset, charset, OTHER.encode(charset)))
    out = []
    for name, charset, octets in rows:
        kind = b"Content-Type: text/plain; charset=" + charset.encode() + b"\n"
        out.append((name, mixed(kind + CTE64 + b"\n" + b64(octets + ("\r\n").encode(charset)))))
    text = OTHER.encode()
    return out + [
        ("utf-16-no-bom-named", mixed(b"Content-Type: text/plain; charset=utf-16\n" + CTE64 + b"\n" +
                                      b64(PHRASE.encode("utf-16-le")))),
        ("utf-16-bom-unnamed", mixed(b"Content-Type: text/plain\n" + CTE64 + b"\n" + b64(PHRASE.encode("utf-16")))),
        ("utf-8-bom", mixed(b"Content-Type: text/plain; charset=utf-8\n" + CTE64 + b"\n" + b64(b"\xef\xbb\xbf" + text))),
        ("utf-8-unnamed", mixed(b"Content-Type: text/plain\nContent-Transfer-Encoding: 8bit\n\n" + text + b"\n")),
        ("utf-8-as-ascii", mixed(b"Content-Type: text/plain; charset=us-ascii\n\n" + text + b"\n")),
        ("charset-quoted", mixed(b'Content-Type: text/plain; charset="KOI8-R"\n' + CTE64 + b"\n" + b64(OTHER.encode("koi8-r")))),
        ("charset-rfc2231", mixed(b"Content-Type: text/plain; charset*=us-ascii''koi8%2Dr\n" + CTE64 + b"\n" +
                                  b64(OTHER.encode("koi8-r")))),
        ("charset-unknown", mixed(b"Content-Type: text/plain; charset=x-nobody\n\n" + P + b"\n")),
        ("charset-empty", mixed(b'Content-Type: text/plain; charset=""\n\n' + P + b"\n")),
    ]


# --- texts ---

def texts():
    flowed = b"Content-Type: text/plain; format=flowed\n"
    wrapped = P.replace(b" ", b"\n")
    stuffed = b"\n".join(b" " + w + b" " for w in P.split()) + b"\n"
    long = b"a line of some text\n" * 20000
    return [
        ("wrapped", HEAD + b"\n" + wrapped + b"\n"),
        ("flowed", HEAD + flowed + b"\n" + P.replace(b" ", b" \n") + b"\n"),
        ("flowed-stuffed", HEAD + flowed + b"\n" + stuffed),
        ("blanks", HEAD + b"\n" + P.replace(b" ", b"    ") + b"\n"),
        ("tabs", HEAD + b"\n" + P.replace(b" ", b"\t") + b"\n"),
        ("zero-width", HEAD + b"Content-Type: text/plain; charset=utf-8\n\n" + woven("\u200b".encode()) + b"\n"),
        ("soft-hyphen", HEAD + b"Content-Type: text/plain; charset=utf-8\n\n" + woven("\u00ad".encode()) + b"\n"),
        ("nbsp", HEAD + b"Content-Type: text/plain; charset=utf-8\n\n" + P.replace(b" ", "\u00a0".encode()) + b"\n"),
        ("line-separator", HEAD + b"Content-Type: text/plain; charset=utf-8\n\n" + P.replace(b" ", "\u2028".encode()) +
         b"\n"),
        ("nul", HEAD + b"\n" + P[:10] + b"\0" + P[10:] + b"\n"),
        ("escape", HEAD + b"\n" + P[:10] + b"\x1b" + P[10:] + b"\n"),
        ("long-line", HEAD + b"\n" + b"x" * 300000 + b" " + P + b"\n"),
        ("after-400-kb", HEAD + b"\n" + long + P + b"\n"),
        ("delivery-status", mixed(b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; a.example\n\n"
                                  b"Diagnostic-Code: smtp; " + P + b"\n")),
        ("text-enriched", mixed(b"Content-Type: text/enriched\n\n" + P + b"\n")),
        ("text-unknown", mixed(b"Content-Type: text/x-nobody\n\n" + P + b"\n")),
        ("type-missing", mixed(b"\n" + P + b"\n")),
        ("type-broken", mixed(b"Content-Type: text\n\n" + P + b"\n")),
    ]


# --- line ends: the same message with others; bytes as they go ---

def bodies():
    return [
        ("preamble", MIXED + P + b"\n--b\n\nhello\n--b--\n"),
        ("epilogue", MIXED + b"--b\n\nhello\n--b--\n" + P + b"\n"),
        ("no-part", MIXED + P + b"\n"),
        ("behind-end", mixed(b"\nhello\n") + b"--b\n\n" + P + b"\n--b--\n"),
    ]


def line_ends():
    whole = mixed(b"Content-Type: text/plain\n" + CTE64 + b"\n" + b64(SENTENCE))
    crlf = lines(whole)
    head, body = whole.split(b"\n\n", 1)
    return [
        ("lf", whole),
        ("lf-in-header", head + b"\n\n" + lines(body)),
        ("lf-in-body", lines(head + b"\n\n") + body),
        ("lf-at-boundary", crlf.replace(b"--b\r\n", b"--b\n")),
        ("lf-blank-line-of-part", crlf.replace(b"base64\r\n\r\n", b"base64\n\n")),
        ("lf-blank-line-half", crlf.replace(b"base64\r\n\r\n", b"base64\r\n\n")),
        ("lf-then-crlf", crlf.replace(b"base64\r\n\r\n", b"base64\n\r\n")),
        ("cr-cr-lf", whole.replace(b"\n", b"\r\r\n")),
        ("cr-cr-lf-at-boundary", crlf.replace(b"--b\r\n", b"--b\r\r\n")),
        ("cr-in-base64", crlf.replace(b"\r\n--b--", b"\r\r\n--b--").replace(b64(SENTENCE)[:20], b64(SENTENCE)[:10] +
                                                                         b"\r" + b64(SENTENCE)[10:20])),
        ("cr-in-header-value", crlf.replace(b"text/plain\r\n", b"text/plain\r;x=y\r\n")),
        ("alternating", b"".join(line + (b"\r\n" if i % 2 else b"\n") for i, line in enumerate(whole.split(b"\n")[:-1]))),
        ("lf-folded", crlf.replace(b"; boundary", b";\n boundary")),
        ("no-end", crlf[:-2]),
        ("last-line", HEAD.replace(b"\n", b"\r\n") + b"\r\n" + P),
    ]


# --- header fields ---

def encoded(octets, charset=b"utf-8", how=b"B"):
    inside = base64.b64encode(octets) if how in b"Bb" else b"".join(b"=%02X" % c for c in octets)
    return b"=?" + charset + b"?" + how + b"?" + inside + b"?="


def with_subject(*values, name=b"Subject: "):
    fields = b"".join(name + v + b"\n" for v in values)
    return HEAD.replace(b"Subject: about our order\n", fields) + b"\nhello\n"


def headers():
    a, b = P[:10], P[10:]
    o = OTHER.encode()
    return [
        ("plain", with_subject(P)),
        ("folded", with_subject(P.replace(b" ", b"\n "))),
        ("folded-tabs", with_subject(P.replace(b" ", b"\n\t"))),
        ("folded-much", with_subject(P.replace(b" ", b"\n   \t  "))),
        ("b", with_subject(encoded(P))),
        ("q", with_subject(encoded(P, how=b"Q"))),
        ("q-underscores", with_subject(b"=?utf-8?q?" + P.replace(b" ", b"_") + b"?=")),
        ("case", with_subject(b"=?UTF-8?b?" + base64.b64encode(P) + b"?=")),
        ("language", with_subject(encoded(P, b"utf-8*en-us"))),
        ("two-words", with_subject(encoded(a) + b" " + encoded(b))),
        ("two-words-folded", with_subject(encoded(a) + b"\n " + encoded(b, how=b"q"))),
        ("two-charsets", with_subject(encoded(a, b"us-ascii") + b" " + encoded(b, b"iso-8859-1"))),
        ("letter-by-letter", with_subject(b" ".join(encoded(bytes([c])) for c in P))),
        ("split-letter", with_subject(encoded(o[:3]) + b" " + encoded(o[3:]))),
        ("half-plain", with_subject(b"replica " + encoded(P[8:]))),
        ("no-padding", with_subject(encoded(P + b" !").replace(b"=?=", b"?="))),
        ("pad-inside", with_subject(encoded(P).replace(base64.b64encode(P)[:6], base64.b64encode(P)[:6] + b"="))),
        ("pads-inside", with_subject(encoded(P).replace(base64.b64encode(P)[:6], base64.b64encode(P)[:6] + b"=="))),
        ("two-groups", with_subject(b"=?utf-8?B?" + base64.b64encode(P[:4]) + base64.b64encode(P[4:]) + b"?=")),
        ("glued", with_subject(b"x" + encoded(P) + b"y")),
        ("glued-words", with_subject(encoded(a) + encoded(b))),
        ("blanks-inside-q", with_subject(b"=?utf-8?q?" + P + b"?=")),
        ("long-word", with_subject(encoded(b"x" * 500 + P))),
        ("empty-words", with_subject(b"=?utf-8?q??= " + encoded(P) + b" =?utf-8?b??=")),
        ("koi8", with_subject(encoded(OTHER.encode("koi8-r"), b"koi8-r"))),
        ("utf-16", with_subject(encoded(PHRASE.encode("utf-16-be"), b"utf-16be"))),
        ("utf-7", with_subject(encoded(OTHER.encode("utf-7"), b"utf-7"))),
        ("iso-2022-jp", with_subject(encoded(P, b"iso-2022-jp"))),
        ("raw-utf-8", with_subject(o)),
        ("zero-width", with_subject(encoded(woven("\u200b".encode())))),
        ("soft-hyphen", with_subject(encoded(woven("\u00ad".encode())))),
        ("nbsp", with_subject(encoded(P.replace(b" ", "\u00a0".encode())))),
        ("nul", with_subject(encoded(P[:5] + b"\0" + P[5:]))),
        ("second-subject", with_subject(b"about our order", P)),
        ("first-of-two", with_subject(encoded(P), b"about our order")),
        ("name-case", with_subject(P, name=b"sUBJECT: ")),
        ("blank-before-colon", with_subject(P, name=b"Subject : ")),
        ("no-blank", with_subject(P, name=b"Subject:")),
        ("empty-first-line", with_subject(b"\n " + P)),
        ("from-name", HEAD.replace(b"From: someone", b'From: "' + P + b'" <someone').replace(b".example\nTo", b".example>\nTo") +
         b"\nhello\n"),
        ("from-encoded", HEAD.replace(b"From: someone@sender.example", b"From: " + encoded(P) + b" <someone@sender.example>") +
         b"\nhello\n"),
        ("from-encoded-quoted", HEAD.replace(b"From: someone@sender.example", b'From: "' + encoded(P) +
                                             b'" <someone@sender.example>') + b"\nhello\n"),
        ("from-comment", HEAD.replace(b"sender.example\nTo", b"sender.example (" + P + b")\nTo") + b"\nhello\n"),
        ("lf-folded", lines(with_subject(P)).replace(b"a watches", b"a\n watches")),
    ]


# --- names of files ---

def disposed(parameters, kind=b"application/octet-stream", body=b"MZ nothing"):
    return mixed(b"\nhello\n", b"Content-Type: " + kind + b"\nContent-Disposition: attachment; " + parameters + b"\n" + CTE64 +
                 b"\n" + b64(body))


def names():
    f = FILE.encode()
    return [
        ("plain", disposed(b"filename=evil.exe")),
        ("quoted", disposed(b'filename="evil.exe"')),
        ("quoted-pairs", disposed(b'filename="ev\\il\\.e\\xe"')),
        ("case", disposed(b"FileName=EVIL.EXE")),
        ("only-name", mixed(b"Content-Type: application/octet-stream; name=evil.exe\n" + CTE64 + b"\n" + b64(b"MZ"))),
        ("name-differs", disposed(b"filename=letter.txt", kind=b"text/plain; name=evil.exe")),
        ("filename-differs", disposed(b"filename=evil.exe", kind=b"text/plain; name=letter.txt")),
        ("rfc2231", disposed(b"filename*=utf-8''evil%2Eexe")),
        ("rfc2231-all", disposed(b"filename*=us-ascii'en'" + b"".join(b"%%%02x" % c for c in f))),
        ("rfc2231-no-charset", disposed(b"filename*=''evil.exe")),
        ("rfc2231-pieces", disposed(b'filename*0=ev; filename*1="il."; filename*2=exe')),
        ("rfc2231-order", disposed(b"filename*2=exe; filename*0=ev; filename*1=il.")),
        ("rfc2231-encoded-pieces", disposed(b"filename*0*=utf-8''ev; filename*1*=%69l; filename*2=.exe")),
        ("rfc2231-and-plain", disposed(b"filename=letter.txt; filename*=utf-8''evil.exe")),
        ("plain-and-rfc2231", disposed(b"filename*=utf-8''letter.txt; filename=evil.exe")),
        ("rfc2231-name", mixed(b"Content-Type: application/octet-stream; name*0*=utf-8''evil; name*1=.exe\n\nMZ\n")),
        ("rfc2231-utf-16", disposed(b"filename*=utf-16be''" + b"".join(b"%%%02x" % c for c in FILE.encode("utf-16-be")))),
        ("rfc2047", disposed(b'filename="' + encoded(f) + b'"')),
        ("rfc2047-unquoted", disposed(b"filename=" + encoded(f))),
        ("rfc2047-q", disposed(b'filename="=?utf-8?q?evil=2Eexe?="')),
        ("rfc2047-two", disposed(b'filename="' + encoded(f[:4]) + b" " + encoded(f[4:]) + b'"')),
        ("twice", disposed(b"filename=letter.txt; filename=evil.exe")),
        ("twice-first", disposed(b"filename=evil.exe; filename=letter.txt")),
        ("two-dispositions", disposed(b"filename=letter.txt\nContent-Disposition: attachment; filename=evil.exe")),
        ("two-dispositions-first", disposed(b"filename=evil.exe\nContent-Disposition: attachment; filename=letter.txt")),
        ("two-types", disposed(b"x=y\nContent-Type: text/plain; name=evil.exe")),
        ("dot-behind", disposed(b'filename="evil.exe."')),
        ("dots-and-blanks-behind", disposed(b'filename="evil.exe. . "')),
        ("blank-before-equals", disposed(b"filename =evil.exe")),
        ("blanks-around-equals", disposed(b'filename = "evil.exe"')),
        ("comment", disposed(b"filename=(no)evil.exe")),
        ("comment-before", disposed(b"(no) filename=evil.exe")),
        ("folded", disposed(b"\n filename=\n evil.exe")),
        ("no-semicolon", mixed(b"Content-Type: application/octet-stream\nContent-Disposition: attachment filename=evil.exe\n\nMZ\n")),
        ("semicolons", disposed(b";;; filename=evil.exe")),
        ("other-disposition", disposed(b"filename=evil.exe").replace(b"attachment;", b"inline;")),
        ("no-disposition", disposed(b"filename=evil.exe").replace(b"attachment; ", b"; ")),
        ("unknown-disposition", disposed(b"filename=evil.exe").replace(b"attachment;", b"x-thing;")),
        ("path-slashes", disposed(b'filename="../../etc/evil.exe"')),
        ("path-backslashes", disposed(b'filename="C:\\\\Temp\\\\evil.exe"')),
        ("stream", disposed(b'filename="evil.exe::$DATA"')),
        ("nul", disposed(b"filename*=utf-8''evil.exe%00.txt")),
        ("zero-width", disposed(b"filename*=utf-8''ev%E2%80%8Bil.exe")),
        ("wide-letters", disposed(b"filename*=utf-8''evil%EF%BC%8Eexe")),
        ("control", disposed(b'filename="evil\x01.exe"')),
        ("right-to-left", disposed(b"filename*=utf-8''evil%E2%80%AEtxt.exe")),
        ("right-to-left-shown", disposed(b"filename*=utf-8''evil%E2%80%AEexe.live")),
        ("unterminated-quote", disposed(b'filename="evil.exe')),
        ("header-case", disposed(b"filename=evil.exe").replace(b"Content-Disposition", b"content-DISPOSITION")),
        ("uuencode", HEAD + b"\nHello\n\nbegin 644 evil.exe\n" + binascii.b2a_uu(b"MZ nothing") + b"`\nend\n"),
        ("uuencode-second", HEAD + b"\nHello\n\nbegin 644 a.txt\n" + binascii.b2a_uu(b"a") + b"`\nend\nbegin 755 evil.exe\n" +
         binascii.b2a_uu(b"MZ nothing") + b"`\nend\n"),
        ("boundary-prefix", disposed(b"filename=evil.exe").replace(b'"b"', b'"bb"').replace(b"--b", b"--bb") + b"--b\n"),
        ("boundary-twice", disposed(b"filename=evil.exe").replace(b'"b"', b'"other"; boundary=b')),
        ("boundary-type-twice", disposed(b"filename=evil.exe").replace(b'"b"\n', b'"other"\nContent-Type: multipart/mixed; boundary=b\n')),
        ("boundary-not-closed", disposed(b"filename=evil.exe").replace(b"--b--\n", b"")),
        ("boundary-blanks", disposed(b"filename=evil.exe").replace(b"--b\n", b"--b \t\n")),
        ("message", mixed(b"Content-Type: message/rfc822\n\n" + disposed(b"filename=evil.exe"))),
        ("message-named", mixed(b"Content-Type: message/rfc822; name=evil.exe\n\n" + HEAD + b"\nMZ\n")),
        ("message-disposed", mixed(b"Content-Type: message/rfc822\nContent-Disposition: attachment; filename=evil.exe\n\nMZ\n")),
        ("global-named", mixed(b"Content-Type: message/global; name=evil.exe\n\n" + HEAD + b"\nMZ\n")),
        ("multipart-named", mixed(b"Content-Type: multipart/mixed; boundary=c; name=evil.exe\n\nMZ\n--c\n\nhello\n--c--\n")),
        ("appledouble-named", mixed(b"Content-Type: multipart/appledouble; boundary=c\n"
                                    b"Content-Disposition: attachment; filename=evil.exe\n\n--c\n\nhello\n--c--\n")),
        ("multipart-and-file", mixed(b"Content-Type: multipart/mixed; boundary=c\n"
                                     b"Content-Type: application/octet-stream; name=evil.exe\n\nMZ\n--c\n\nhello\n--c--\n")),
        ("message-base64", mixed(b"Content-Type: message/rfc822\n" + CTE64 + b"\n" + b64(disposed(b"filename=evil.exe")))),
        ("digest", mixed(b"\n" + disposed(b"filename=evil.exe").replace(b'"b"', b'"c"').replace(b"--b", b"--c")).replace(
            b"multipart/mixed", b"multipart/digest", 1)),
        ("lf", disposed(b"filename=evil.exe")),
        ("lf-disposition", lines(disposed(b"filename=evil.exe")).replace(b"attachment;", b"attachment;\n")),
    ]


# --- archives ---

def zip_of(*members, comment=b""):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, octets in members:
            z.writestr(name, octets, zipfile.ZIP_DEFLATED)
        z.comment = comment
    return out.getvalue()


def archives():
    plain = zip_of(("read.me", b"x"), (FILE, b"MZ nothing"))
    directory, end = plain.index(b"PK\1\2"), plain.index(b"PK\5\6")
    second = plain.index(b"PK\1\2", directory + 4)
    entry = plain[directory:second]
    of_one = plain[:directory] + entry + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry), directory, 0)
    inner = plain
    for i in range(3):
        inner = zip_of((f"in{i}.zip", inner))
    rows = [
        ("zip", plain),
        ("zip-in-zip-4", inner),
        ("zip-behind-program", b"MZ" + bytes(500) + plain),
        ("zip-behind-picture", b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(100) + plain),
        ("zip-before-text", plain + b"\r\nThis was it.\r\n"),
        ("zip-comment", zip_of((FILE, b"MZ"), comment=b"PK\5\6" + bytes(18))),
        ("zip-folder", zip_of(("a/b/c/" + FILE, b"MZ"))),
        ("zip-backslashes", zip_of(("a\\b\\" + FILE, b"MZ"))),
        ("zip-dots", zip_of(("../../" + FILE, b"MZ"))),
        ("zip-dot-behind", zip_of((FILE + ".", b"MZ"))),
        ("zip-local-name-differs", plain[:directory] + plain[directory:].replace(FILE.encode(), b"note.txt")),
        ("zip-directory-name-differs", plain[:directory].replace(FILE.encode(), b"note.txt") + plain[directory:]),
        ("zip-no-directory", plain[:directory]),
        ("zip-no-end", plain[:end]),
        ("zip-directory-of-one", of_one),
        ("zip-two-archives", zip_of(("note.txt", b"x")) + plain),
        ("zip-two-archives-first", plain + zip_of(("note.txt", b"x"))),
    ]
    out = []
    for name, octets in rows:
        out.append((name, disposed(b"filename=offer.zip", b"application/zip", octets)))
    return out + [
        ("zip-as-text", disposed(b"filename=readme.txt", b"text/plain", plain)),
        ("zip-no-name", mixed(b"Content-Type: application/octet-stream\n" + CTE64 + b"\n" + b64(plain))),
        ("zip-qp", mixed(b"Content-Type: application/zip; name=offer.zip\n" + QP + b"\n" + b"=\n".join(
            b"".join(b"=%02X" % c for c in plain[i:i + 24]) for i in range(0, len(plain), 24)) + b"\n")),
        ("zip-in-message", mixed(b"Content-Type: message/rfc822\n\n" + disposed(b"filename=offer.zip", b"application/zip", plain))),
        ("message-in-zip", disposed(b"filename=offer.zip", b"application/zip", zip_of(
            ("mail.eml", lines(disposed(b"filename=evil.exe")))))),
    ]


# --- facts ---

def facts():
    overlap = zip_of(("a", b"x" * 5000), ("b", b"y" * 5000))
    first = overlap.index(b"PK\1\2")
    second = overlap.index(b"PK\1\2", first + 4)
    overlap = overlap[:second + 42] + struct.pack("<I", 0) + overlap[second + 46:]
    bits = zip_of((FILE, b"MZ"))
    at = bits.index(b"PK\1\2")
    encrypted_flag = bits[:6] + b"\1" + bits[7:at + 8] + b"\1" + bits[at + 9:]
    return [
        ("archive=encrypted", "zip-flag", disposed(b"filename=offer.zip", b"application/zip", encrypted_flag)),
        ("mime=encrypted", "smime", mixed(b"Content-Type: application/pkcs7-mime\n" + CTE64 + b"\n" + b64(
            bytes.fromhex("308006092a864886f70d010703a080")))),
        ("mime=partial", "partial-second", mixed(b"Content-Type: message/partial; id=x; number=2; total=2\n\n" + P)),
        ("archive=ambiguous", "zip-overlap", disposed(b"filename=offer.zip", b"application/zip", overlap)),
        ("attachment=type_mismatch", "program-as-picture", disposed(b"filename=photo.jpg", b"image/jpeg", b"MZ" + bytes(
            58) + struct.pack("<I", 64) + b"PE\0\0\x4c\1" + bytes(300))),
    ]


def limits():
    deep = zip_of((FILE, b"MZ"))
    for i in range(30):
        deep = zip_of((f"in{i}.zip", deep))
    return [
        ("nested-150", nested(150)),
        ("zip-31-deep", disposed(b"filename=offer.zip", b"application/zip", deep)),
    ]


def nested(depth):
    text = HEAD
    for i in range(depth):
        text += b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (i, i)
    return text + b"\n" + P + b"\n" + b"".join(b"--b%d--\n" % i for i in reversed(range(depth)))


# --- addresses of the web ---

def urls():
    h = HOST.encode()
    page = lambda body: mixed(HTML + b"\n<html><body>" + body + b"</body></html>\n")       # noqa: E731
    text = lambda body: HEAD + b"\n" + body + b"\n"                                       # noqa: E731
    return [
        ("text", text(b"see http://shop.example/buy now")),
        ("text-no-scheme", text(b"see www.shop.example now")),
        ("text-case", text(b"see HTTP://SHOP.Example/ now")),
        ("text-brackets", text(b"see <http://shop.example/> now")),
        ("text-user", text(b"see http://www.bank.example@shop.example/ now")),
        ("text-port", text(b"see https://shop.example:8443/x now")),
        ("text-dot-behind", text(b"see http://shop.example./ now")),
        ("text-deeper", text(b"see http://a.b.c.shop.example/ now")),
        ("text-base64", mixed(CTE64 + b"\n" + b64(b"see http://shop.example/"))),
        ("text-qp", mixed(QP + b"\nsee http://sh=\nop.exam=70le/ now\n")),
        ("href", page(b'<a href="http://shop.example/">x</a>')),
        ("href-unquoted", page(b"<a href=http://shop.example/>x</a>")),
        ("href-entities", page(b'<a href="' + b"".join(b"&#%d;" % c for c in b"http://" + h) + b'">x</a>')),
        ("href-newlines", page(b'<a href="ht\ntp://sh\top.exam\nple/">x</a>')),
        ("href-blanks", page(b'<a href="  http://shop.example/ ">x</a>')),
        ("href-backslashes", page(b'<a href="http:\\\\shop.example\\x">x</a>')),
        ("href-no-scheme", page(b'<a href="//shop.example/x">x</a>')),
        ("href-percent", page(b'<a href="http://sh%6Fp.example/">x</a>')),
        ("href-case", page(b'<A HREF="HTTP://SHOP.EXAMPLE/">x</A>')),
        ("href-base", page(b'<base href="http://shop.example/"><a href="x">x</a>')),
        ("href-user", page(b'<a href="http://bank.example%2F@shop.example/">x</a>')),
        ("href-data", page(b'<iframe src="data:text/html;base64,' +
                           base64.b64encode(b'<a href="http&#58;//shop.example/">x</a>') + b'"></iframe>')),
        ("href-data-percent", page(b'<a href="data:text/html,%3Ca%20href=http%3A//shop.example/%3Ex">x</a>')),
        ("svg-set", page(b'<svg><a><set attributeName=href to="http://shop.example/"/><text>x</text></a></svg>')),
        ("css-image-set", page(b"<p style=\"background:image-set('http://shop.example/' 1x)\">x</p>")),
        ("script-hex", page(b"<script>location='http:\\x2f\\x2fshop.example'</script>")),
        ("href-base64", page(b'<a href="http://r.bank.example/?u=' + base64.b64encode(b"http://shop.example/") + b'">x</a>')),
        ("mailto-to", page(b'<a href="mailto:?to=a@shop.example">x</a>')),
        ("href-wide", page('<a href="http://ｓhop.example/">x</a>'.encode())),
        ("href-dot", page('<a href="http://shop。example/">x</a>'.encode())),
        ("img", page(b'<img src="http://shop.example/x.gif">')),
        ("form", page(b'<form action="http://shop.example/"><input></form>')),
        ("style", page(b'<div style="background:url(http://shop.example/x)">x</div>')),
        ("meta-refresh", page(b'<meta http-equiv=refresh content="0;url=http://shop.example/">')),
        ("area", page(b'<map><area href="http://shop.example/"></map>')),
        ("split-by-tags", page(b"go to http://sh<b></b>op.exam<!-- -->ple/ now")),
    ]


def rows():
    out = [Row("html-" + name, lines(HEAD + HTML + b"\n" + body + b"\n"), "text") for name, body in html()]
    for group, rule, made in (("html", "text", html_parts()), ("charset", "text", charsets()), ("text", "text", texts()),
                              ("header", "header", headers()),
                              ("body", "body", bodies()), ("name", "file", names()), ("archive", "file", archives()),
                              ("url", "url", urls())):
        for name, message in made:
            as_is = name.startswith("lf")
            out.append(Row(f"{group}-{name}", message if as_is else lines(message), rule))
    out += [Row("limit-" + name, lines(message), "limit") for name, message in limits()]
    out += [Row("ends-" + name, message, "text") for name, message in line_ends()]
    return out + [Row("fact-" + name, lines(message), "fact " + fact) for fact, name, message in facts()]
