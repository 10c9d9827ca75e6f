#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "mail/parts.h"

static const struct parts_options defaults = {
	.mime = { .line_length_limit = 2048,
	    .header_size_limit = 102400,
	    .nesting_limit = 100,
	    .parts_limit = 1000,
	    .boundary_length_limit = 2048 },
	.memory_limit = 1 << 20,
	.inner_limit = 4,
};

#define MULTI     "Content-Type: multipart/mixed; boundary=b\n\n"
#define B64       "Content-Transfer-Encoding: base64\n"
#define B64_SHOWN "Content-Transfer-Encoding: base64"
#define UU        "begin 644 u.exe\n#04)#\n`\nend\n"

/* Each row is a message and its parts: type[name]{decoded}, '+' behind one that is cut, '?' behind
 * one that is odd, '!' at the end when a limit may have hidden more.  Line ends are shown as '/',
 * NUL as '0'. */
static const struct {
	const char *message, *parts;
} cases[] = {
	{ "", "text/plain[]{}" },
	{ "Subject: x\n\nHello\n", "text/plain[]{Hello/}" },
	{ "no header\nat all\n", "text/plain[]{no header/at all/}" },
	{ "Content-Type: Text/HTML; name=a.htm\n\n<p>", "text/html[a.htm]{<p>}" },
	{ B64 "\nQUJD\n", "text/plain[]{ABC}" },
	{ "Content-Transfer-Encoding: quoted-printable\n\nA=42=\nC\n", "text/plain[]{ABC/}" },
	{ "Content-Transfer-Encoding: x-uuencode\n\n" UU, "text/plain[]{ABC}" },
	{ "Content-Transfer-Encoding: x-none\n\nQUJD\n", "text/plain[]{QUJD/}" },
	{ "Content-Transfer-Encoding: 8bit\n\nQUJD\n", "text/plain[]{QUJD/}" },
	/* names */
	{ "Content-Type: a/b; name=t\nContent-Disposition: x; filename=d\n\n", "a/b[d]{}" },
	{ "Content-Disposition: x; filename=d\nContent-Type: a/b; name=t\n\n", "a/b[d]{}" },
	{ "Content-Type: a/b; name=t\nContent-Disposition: x; name=n\n\n", "a/b[t]{}" },
	{ "Content-Type: a/b; filename=f\nContent-Disposition: x; name=n\n\n", "a/b[n]{}" },
	{ "Content-Type: a/b; filename=f\n\n", "a/b[f]{}" },
	{ "Content-Type: a/b; name*0=a; name*1=.exe\n\n", "a/b[a.exe]{}" },
	{ "Content-Type: a/b; name*=''a%00%0A%7fb\n\n", "a/b[a___b]{}" },
	/* ... for want of these */
	{ "Content-Type: a/b\nContent-Name: e.exe\n\n", "a/b[e.exe]{}" },
	{ "Content-Type: a/b\nContent-Name: \"e.exe\"\n\n", "a/b[e.exe]{}" },
	{ "Content-Type: a/b\nX-Sun-Data-Name: plain\n\n", "a/b[plain]{}" },
	{ "X-Sun-Data-Name: plain\n\n", "text/plain[plain]{}" },
	{ "Content-Description: e.exe\nContent-Type: a/b\n\n", "a/b[e.exe]{}" },
	{ "Content-Description: an offer; all\n of it.exe\nContent-Type: a/b\n\n",
	    "a/b[an offer; all of it.exe]{}" },
	{ "Content-Description: =?utf-8?B?ZXZpbC5leGU=?=\nContent-Type: a/b\n\n",
	    "a/b[evil.exe]{}" },
	{ "Content-Type: a/b\nContent-Location: e.exe\n\n", "a/b[e.exe]{}" },
	{ "Content-Type: a/b\nContent-Location: http://h.com/x/e.exe?x/y#z\n\n", "a/b[e.exe]{}" },
	{ "Content-Type: a/b\nContent-Location: x\\e.exe\n\n", "a/b[x\\e.exe]{}" },
	{ "Content-Disposition: attachment\nContent-Location: e.exe\n\n", "text/plain[e.exe]{}" },
	{ "Content-Type: text/html\nContent-Type: a/b\nContent-Location: e.exe\n\n",
	    "a/b[e.exe]{}" },
	/* ... which these are not */
	{ "Content-Type: a/b; name=t\nContent-Name: e.exe\n\n", "a/b[t]{}" },
	{ "Content-Location: e.exe\nContent-Disposition: x; filename=t\nContent-Type: a/b\n\n",
	    "a/b[t]{}" },
	{ "Content-Type: a/b\nContent-Location: http://h.com\n\n", "a/b[]{}" },
	{ "Content-Type: a/b\nContent-Location: http://h.com/?e.exe\n\n", "a/b[]{}" },
	{ "Content-Type: a/b\nContent-Description: A signature.\n\n", "a/b[]{}" },
	{ "Content-Type: text/html\nContent-Location: http://h.com/e.exe\n\n", "text/html[]{}" },
	{ "Content-Type: text/html\nContent-Description: mail of h.com\n\n", "text/html[]{}" },
	{ "Content-Type: a/b\nContent-Id: e.exe\nX-Sun-Data-Type: e.exe\n\n", "a/b[]{}" },
	/* files that are messages */
	{ "Content-Type: a/b; name=M.EML\n" B64 "\nU3ViamVjdDogeAoKaGVsbG8=\n",
	    "a/b[M.EML]{Subject: x//hello} text/plain[]{hello}" },
	{ "Content-Type: a/b; name=\"m.eml. .\"\n\n" B64 "\nQUJD\n",
	    "a/b[m.eml. .]{" B64_SHOWN "//QUJD/} text/plain[]{ABC}" },
	{ "Content-Type: message/news\n\n" B64 "\nQUJD\n",
	    "message/news[]{" B64_SHOWN "//QUJD/} text/plain[]{ABC}" },
	{ "Content-Type: a/b; name=m.eml\n\nContent-Type: a/b; name=n.mht\n\nSubject: x\n\nC\n",
	    "a/b[m.eml]{Content-Type: a/b; name=n.mht//Subject: x//C/} "
	    "a/b[n.mht]{Subject: x//C/} text/plain[]{C/}" },
	/* containers */
	{ MULTI "pre\n--b\n\none\n--b\n" B64 "\nQUJD\n--b--\npost\n",
	    "text/plain[]{one} text/plain[]{ABC}" },
	{ MULTI "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\none\n--c\n"
		"Content-Type: text/html\n\ntwo\n--c--\n--b\n\nthree\n--b--\n",
	    "text/plain[]{one} text/html[]{two} text/plain[]{three}" },
	{ MULTI "--b\n" B64 "\nQUJD\n", "text/plain[]{ABC}" }, /* never closed */
	{ MULTI "there is no boundary\n", "multipart/mixed[]{there is no boundary/}" },
	{ "Content-Type: multipart/mixed\n\n--b\n\nx\n", "multipart/mixed[]{--b//x/}" },
	{ "Content-Type: message/rfc822\n\nSubject: y\n" B64 "\nQUJD\n", "text/plain[]{ABC}" },
	{ "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: y\n\nx\n--b--\n",
	    "text/plain[]{x}" },
	{ "Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\n" B64 "\nQUJD\n",
	    "text/plain[]{ABC}" },
	{ "Content-Type: message/partial; id=x\n\nSubject: y\n\nx\n",
	    "message/partial[]{Subject: y//x/}" },
	/* the first piece of a message, which may be all of it */
	{ "Content-Type: message/partial; id=x; number=1; total=1\n\n" B64 "\nQUJD\n",
	    "message/partial[]{" B64_SHOWN "//QUJD/} text/plain[]{ABC}" },
	{ "Content-Type: message/partial; number=\"01\"\n\nSubject: y\n\nx\n",
	    "message/partial[]{Subject: y//x/} text/plain[]{x/}" },
	{ "Content-Type: message/partial; number=10\n\nSubject: y\n\nx\n",
	    "message/partial[]{Subject: y//x/}" },
	{ "Content-Type: message/other; number=1\n\nSubject: y\n\nx\n",
	    "message/other[]{Subject: y//x/}" },
	/* containers that are encoded: "Subject: y", "", "hi" */
	{ "Content-Type: message/rfc822\n" B64 "\nU3ViamVjdDogeQ0KDQpoaQ0K\n",
	    "text/plain[]{hi/}?" },
	{ "Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n"
	  "Content-Type: a/b\n\n=41\n",
	    "a/b[]{A/}?" },
	{ "Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n"
	  "Content-Type: a/b\nContent-Transfer-Encoding: quoted-printable\n\n=3D41\n",
	    "a/b[]{A/}?" },
	/* "--b\n\nhi\n--b--\n" */
	{ "Content-Type: multipart/mixed; boundary=b\n" B64 "\nLS1iCgpoaQotLWItLQo=\n",
	    "text/plain[]{hi}?" },
	{ "Content-Type: multipart/mixed; boundary=_\n" B64 "\nbm9uZQ==\n--_\n\n!\n--_--\n",
	    "multipart/mixed[]{none}? text/plain[]{!}" },
	/* several ways to read it */
	{ B64 "Content-Transfer-Encoding: 7bit\n\nQUJD\n",
	    "text/plain[]{ABC}? text/plain[]{QUJD/}?" },
	{ "Content-Transfer-Encoding: 7bit\n" B64 "\nQUJD\n",
	    "text/plain[]{ABC}? text/plain[]{QUJD/}?" },
	{ B64 "Content-Transfer-Encoding: quoted-printable\n\nQUJD\n",
	    "text/plain[]{ABC}? text/plain[]{QUJD/}?" },
	{ B64 B64 "\nQUJD\n", "text/plain[]{ABC}" },
	{ "Content-Transfer-Encoding: 7bit base64\n\nQUJD\n",
	    "text/plain[]{ABC}? text/plain[]{QUJD/}?" },
	{ MULTI "--b\n" B64 "Content-Transfer-Encoding: binary\n\nQUJD\n--b--\n",
	    "text/plain[]{ABC}? text/plain[]{QUJD}?" },
	/* uuencoded files in a text */
	{ "\nsee\n" UU "and\n" UU, "text/plain[]{see/begin 644 u.exe/#04)#/`/end/and/"
				   "begin 644 u.exe/#04)#/`/end/} "
				   "application/octet-stream[u.exe]{ABC} "
				   "application/octet-stream[u.exe]{ABC}" },
	{ "Content-Type: a/b\n\n" UU,
	    "a/b[]{begin 644 u.exe/#04)#/`/end/} application/octet-stream[u.exe]{ABC}" },
	{ "Content-Type: application/octet-stream\n\n" UU,
	    "application/octet-stream[]{begin 644 u.exe/#04)#/`/end/} "
	    "application/octet-stream[u.exe]{ABC}" },
	{ "Content-Type: application/octet-stream; name=x\n\n" UU,
	    "application/octet-stream[x]{begin 644 u.exe/#04)#/`/end/}" },
	{ "Content-Type: image/png\n\n" UU, "image/png[]{begin 644 u.exe/#04)#/`/end/}" },
	{ "Content-Type: text/plain\nContent-Type: image/png; name=x\n\n" UU,
	    "image/png[x]{begin 644 u.exe/#04)#/`/end/} application/octet-stream[u.exe]{ABC}" },
	/* ... that is encoded */
	{ "Content-Transfer-Encoding: quoted-printable\n\n=62egin 644 u.exe\n#04)=\n#\n`\nend\n",
	    "text/plain[]{begin 644 u.exe/#04)#/`/end/} application/octet-stream[u.exe]{ABC}?" },
	{ B64 "\nYmVnaW4gNjQ0IHUuZXhlCiMwNCkjCmAKZW5kCg==\n",
	    "text/plain[]{begin 644 u.exe/#04)#/`/end/} application/octet-stream[u.exe]{ABC}?" },
	{ "Content-Type: image/png\n" B64 "\nYmVnaW4gNjQ0IHUuZXhlCiMwNCkjCmAKZW5kCg==\n",
	    "image/png[]{begin 644 u.exe/#04)#/`/end/}" },
	/* other files in a text */
	{ "\nbegin-base64 644 u.exe\nQUJD\n====\n",
	    "text/plain[]{begin-base64 644 u.exe/QUJD/====/} "
	    "application/octet-stream[u.exe]{ABC}?" },
	{ "\nbegin-base64 644 u.exe\nQQ=BCQ==\n====\n",
	    "text/plain[]{begin-base64 644 u.exe/QQ=BCQ==/====/} "
	    "application/octet-stream[u.exe]{A\4$}? application/octet-stream[u.exe]{A0B}?" },
	{ "\n=ybegin line=9 size=3 name=u.exe\nklm\n=yend size=3\n",
	    "text/plain[]{=ybegin line=9 size=3 name=u.exe/klm/=yend size=3/} "
	    "application/octet-stream[u.exe]{ABC}?" },
	{ "Content-Transfer-Encoding: x-yencode\n\n=ybegin name=u.exe\nklm\n=yend\n",
	    "text/plain[]{ABC}" },
	/* one within the other */
	{ "\nbegin 644 a\nbegin-base64 644 b\n",
	    "text/plain[]{begin 644 a/begin-base64 644 b/} "
	    "application/octet-stream[a]{}? application/octet-stream[b]{}?" },
	/* boundaries that are the beginning of a line */
	{ MULTI "--b\n\none\n--b--x\n--b\n\ntwo\n--b--\n",
	    "text/plain[]{one} text/plain[]{one/--b--x}? text/plain[]{two}?" },
	{ "Content-Type: multipart/mixed; boundary=J\n\n--J\n" B64 "\nQU\n--JE\n--J--\n",
	    "text/plain[]{A}? text/plain[]{} text/plain[]{ABD}?" },
	{ MULTI "--b \t\n\none\n--b-- \n", "text/plain[]{one}" },
	/* ... of another one */
	{ "Content-Type: multipart/mixed; boundary=b1\n\n--b1\nContent-Type: multipart/mixed; "
	  "boundary=b\n\n--b\n\none\n--b--\n--b1\n\ntwo\n--b1--\n",
	    "text/plain[]{one} text/plain[]{two}" },
	/* lines that are no fields */
	{ MULTI "--b\nno field\n" B64 "\nQUJD\n--b--\n",
	    "text/plain[]{no field/Content-Transfer-Encoding: base64//QUJD} text/plain[]{ABC}?" },
	{ MULTI "--b\nX\x80: y\n z\n" B64 "\nQUJD\n--b--\n",
	    "text/plain[]{X\x80: y/ z/Content-Transfer-Encoding: base64//QUJD} "
	    "text/plain[]{ABC}?" },
	{ MULTI "--b\n \t" B64 "\nQUJD\n--b--\n",
	    "text/plain[]{ \tContent-Transfer-Encoding: base64//QUJD} text/plain[]{ABC}?" },
	{ MULTI "--b\nA: b\nno field\n--b\n\ntwo\n--b--\n",
	    "text/plain[]{no field} text/plain[]{two} text/plain[]{}?" },
	{ MULTI "--b\n" B64 "--b\n\ntwo\n--b--\n", "text/plain[]{} text/plain[]{two}" },
	{ MULTI "--b\nContent-Type: message/rfc822\n\nFrom me\n" B64 "\nQUJD\n--b--\n",
	    "text/plain[]{From me/Content-Transfer-Encoding: base64//QUJD} text/plain[]{ABC}?" },
	/* both at once, one seen in the other's way only */
	{ "Content-Type: multipart/mixed; boundary=J\n\n--J\nno\n" B64 "\nQU\n--JE\n--J--\n",
	    "text/plain[]{no/Content-Transfer-Encoding: base64//QU} text/plain[]{} "
	    "text/plain[]{A}? text/plain[]{no/Content-Transfer-Encoding: base64//QU/--JE}? "
	    "text/plain[]{ABD}?" },
	/* several boundaries */
	{ "Content-Type: multipart/mixed; boundary*=us-ascii''b\n\n--b\n\none\n--b--\n",
	    "multipart/mixed[]{--b//one/--b--/} text/plain[]{one}?" },
	{ "Content-Type: multipart/mixed; boundary*0=b; boundary*1=c\n\n--bc\n\none\n--bc--\n",
	    "multipart/mixed[]{--bc//one/--bc--/} text/plain[]{one}?" },
	{ "Content-Type: multipart/mixed; boundary=b; boundary=c\n\n--b\n\none\n--c\n\ntwo\n"
	  "--b--\n",
	    "text/plain[]{one/--c//two} text/plain[]{two/--b--/}?" },
	{ "Content-Type: multipart/mixed; boundary=\"b \"\n\n--b\n\none\n--b--\n",
	    "multipart/mixed[]{--b//one/--b--/} text/plain[]{one}?" },
	/* Postfix takes "b", and no line for the last one */
	{ "Content-Type: multipart/mixed; boundary=b=c\n\n--b=c\n\none\n--b=c--\n",
	    "text/plain[]{one} text/plain[]{}" },
	{ MULTI "--b\n\nx\n--bX\n\n--b--\n", "text/plain[]{x} text/plain[]{} "
					     "text/plain[]{x/--bX/}?" },
	/* no end of the header */
	{ B64 "QUJD\n", "text/plain[]{ABC}" },
	{ B64, "text/plain[]{}" },
};

static void
show(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '\r' && i + 1 < s.len && s.p[i + 1] == '\n')
			continue;
		buf_addc(b, s.p[i] == '\n' ? '/' : s.p[i] == '\0' ? '0' : (char)s.p[i]);
	}
}

static void
show_parts(struct parts *parts, struct buf *b)
{
	struct parts_part p;
	size_t i = 0;
	int rc;

	buf_reset(b);
	for (; (rc = parts_get(parts, i, &p)) == 1; i++) {
		buf_printf(b, "%s%s[%s]{", i > 0 ? " " : "", p.type, p.name);
		show(b, p.decoded);
		buf_adds(b, p.whole ? "}" : "}+");
		buf_adds(b, p.odd ? "?" : "");
	}
	if (rc == -1)
		buf_addc(b, '!');
	assert_int_equal(parts_get(parts, i + 1, &p), rc);
}

/* Twice, for the second time asks of what is there already. */
static void
expect(struct span message, const struct parts_options *o, const char *want)
{
	struct parts *parts = parts_new(message, o);
	struct buf b = { 0 };

	for (int i = 0; i < 2; i++) {
		show_parts(parts, &b);
		if (strcmp(buf_cstr(&b), want) != 0)
			fail_msg("\"%.*s\": %s", (int)message.len, (const char *)message.p,
			    buf_cstr(&b));
	}
	buf_fini(&b);
	parts_free(parts);
}

static struct span
crlf(struct buf *b, const char *text)
{
	buf_reset(b);
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			buf_addc(b, '\r');
		buf_addc(b, *text);
	}
	return buf_span(b);
}

/* Every name and type of the first part: names, then types. */
static const struct {
	const char *message, *label;
} label_cases[] = {
	{ "Subject: x\n\nHello\n", ";" },
	{ "Content-Type: Text/HTML\n\n", "; text/html" },
	{ "Content-Type: a/b; name=t\nContent-Disposition: x; filename=d\n\n", " t d; a/b" },
	{ "Content-Type: a/b; name=t\nContent-Disposition: x; filename=t\n\n", " t; a/b" },
	{ "Content-Type: a/b; name=t; filename=f\n\n", " t f; a/b" },
	{ "Content-Type: a/b; name=t; name*=''u\n\n", " u t; a/b" },
	{ "Content-Type: a/b; name=t\nContent-Type: C/d; name=u\n\n", " t u; a/b c/d" },
	{ "Content-Type: a b/c\t(x)\n\n", "; a_b/c_(x)" },
	{ "Content-Disposition: x; filename*=''a%00%0A.exe\n\n", " a0/.exe;" },
	{ "Content-Transfer-Encoding: x-uuencode\nContent-Type: a/b\n\n" UU, "; a/b" },
};

static void
test_labels(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(label_cases); i++) {
		struct buf text = { 0 }, b = { 0 };
		struct parts *parts = parts_new(crlf(&text, label_cases[i].message), &defaults);
		struct parts_part p;

		assert_int_equal(parts_get(parts, 0, &p), 1);
		for (size_t n = 0; n < p.nnames; n++) {
			buf_addc(&b, ' ');
			show(&b, p.names[n]);
		}
		buf_addc(&b, ';');
		for (size_t n = 0; n < p.ntypes; n++)
			buf_printf(&b, " %s", p.types[n]);
		assert_string_equal(buf_cstr(&b), label_cases[i].label);
		assert_false(p.more);
		buf_fini(&b);
		buf_fini(&text);
		parts_free(parts);
	}
}

static void
test_charsets(void **state)
{
	static const char *const charsets[] = { "koi8-r", "koi8-r", "koi8-r", "", "", "" };
	struct span message =
	    span_str(MULTI "--b\nContent-Type: text/plain; charset=\"KOI8-R\"\n\nx\n"
			   "--b\nContent-Type: text/plain; charset*=us-ascii''KOI8%2DR\n\nx\n"
			   "--b\nContent-Type: text/plain; charset*1=\"8-r\"; charset*0=koi\n\nx\n"
			   "--b\nContent-Type: text/html\n\nx\n--b\n\n" UU "\n--b--\n");
	struct parts *parts = parts_new(message, &defaults);
	struct parts_part p;

	(void)state;
	for (size_t i = 0; i < nitems(charsets); i++) {
		assert_int_equal(parts_get(parts, i, &p), 1);
		assert_string_equal(p.charset, charsets[i]);
	}
	parts_free(parts);
}

/* Files of S/MIME: what is in them comes behind the first part, which they are. */
static void
test_signed(void **state)
{
	static const struct {
		const char *type, *octets, *inner; /* base64 */
	} rows[] = {
		{ "application/pkcs7-mime",
		    "MC4GCSqGSIb3DQEHAqAhMB8CAQExADAWBgkqhkiG9w0BBwGgCQQHeDp5CgpoaTEA",
		    "text/plain[]{hi}" },
		{ "application/x-pkcs7-mime",
		    "MGUGCSqGSIb3DQEHAqBYMFYCAQExADBNBgkqhkiG9w0BBwGgQCSABCh4OnkKCmhlbGxvIG"
		    "luIHNldmVyYWwgcGllY2VzIG9mIGEgbWVzc2FnBBBlIHRoYXQgaXMgbG9uZ2VyAAAxAA==",
		    "text/plain[]{hello in several pieces of a message that is longer}" },
		{ "a/b; name=a.p7m", "MCoGCSqGSIb3DQEHAqAdMBsCAQExADASBgkqhkiG9w0BBwGgBQQDCmhpMQA=",
		    "text/plain[]{hi}" },
		{ "a/b; name=a.exe.P7M",
		    "MCkGCSqGSIb3DQEHAqAcMBoCAQExADARBgkqhkiG9w0BBwGgBAQCTVoxAA==",
		    "application/octet-stream[a.exe]{MZ}" },
		{ "a/b; name=a.exe.P7M",
		    "MDwGCSqGSIb3DQEHAqAvMC0CAQExADAkBgkqhkiG9w0BBwGgFwQVQ29udGVudC1UeXBlOi"
		    "BjL2QKCk1aMQA=",
		    "c/d[]{MZ}" },
		{ "a/b", "MC4GCSqGSIb3DQEHAqAhMB8CAQExADAWBgkqhkiG9w0BBwGgCQQHeDp5CgpoaTEA", "" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		struct buf b = { 0 }, shown = { 0 };
		struct parts *parts;
		struct parts_part p;

		buf_printf(&b, "Content-Type: %s\n" B64 "\n%s\n", rows[i].type, rows[i].octets);
		parts = parts_new(buf_span(&b), &defaults);
		assert_int_equal(parts_mistakes(parts), 0);
		assert_int_equal(parts_get(parts, 0, &p), 1);
		if (parts_get(parts, 1, &p) == 1) {
			buf_printf(&shown, "%s[%s]{", p.type, p.name);
			show(&shown, p.decoded);
			buf_addc(&shown, '}');
			assert_int_equal(parts_get(parts, 2, &p), 0);
		}
		if (!span_eq_str(buf_span(&shown), rows[i].inner))
			fail_msg("%zu: %s", i, buf_cstr(&shown));
		buf_fini(&b);
		buf_fini(&shown);
		parts_free(parts);
	}
}

/* One name in several charsets is no reason to say that readers differ on the part. */
static void
test_mistakes(void **state)
{
	static const struct {
		const char *message;
		unsigned mistakes;
		size_t names;
	} rows[] = {
		{ "Content-Type: a/b; name=x\n\n", 0, 1 },
		{ "Content-Type: a/b; name*=koi8-r''%c3%a4\n\n", 0, 2 },
		{ "Content-Type: a/b; name=\"=?utf-8?Q?a b?=\"\n\n", 0, 2 },
		{ "Content-Type: a/b; name=x\nContent-Disposition: x; filename=x\n\n", 0, 1 },
		{ "Content-Type: a/b; name=x\nContent-Disposition: x; filename=y\n\n",
		    PARTS_READINGS, 2 },
		{ "Content-Type: a/b; name=x.eml\n\nSubject: x\n\n", 0, 1 },
		{ "Content-Type: a/b; name=x(y)\n\n", PARTS_READINGS, 2 },
		{ "Content-Type: message/partial; number=2\n\nx\n", PARTS_PIECE, 0 },
		{ "Content-Type: message/partial; number=1\n\nx\n", PARTS_PIECE, 0 },
		{ "Content-Type: application/pkcs7-mime\n" B64 "\nMIAGCSqGSIb3DQEHA6CA\n",
		    PARTS_ENCRYPTED, 0 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		struct parts *parts = parts_new(span_str(rows[i].message), &defaults);
		struct parts_part p;

		assert_int_equal(parts_mistakes(parts), rows[i].mistakes);
		assert_int_equal(parts_get(parts, 0, &p), 1);
		assert_int_equal(p.nnames, rows[i].names);
		parts_free(parts);
	}
}

/* What is not kept is told of; the name of an uuencoded file is one too. */
static void
test_many_names(void **state)
{
	struct buf text = { 0 };
	struct parts_part p;
	struct parts *parts;

	(void)state;
	for (int i = 0; i < 17; i++)
		buf_printf(&text, "Content-Disposition: x; filename=n%d\r\n", i);
	buf_adds(&text, "\r\nbegin 644 u.exe\r\n#04)#\r\n`\r\nend\r\n");
	parts = parts_new(buf_span(&text), &defaults);
	assert_int_equal(parts_get(parts, 0, &p), 1);
	assert_int_equal(p.nnames, 16);
	assert_true(p.more);
	assert_int_equal(parts_get(parts, 1, &p), 1);
	assert_int_equal(p.nnames, 1);
	assert_true(span_eq_str(p.names[0], "u.exe"));
	assert_false(p.more);
	parts_free(parts);
	buf_reset(&text);
	buf_adds(&text, "Content-Type: a/b");
	for (int i = 0; i < 65; i++)
		buf_printf(&text, "; name*%d=x", i);
	buf_adds(&text, "\r\n\r\n");
	parts = parts_new(buf_span(&text), &defaults);
	assert_int_equal(parts_get(parts, 0, &p), 1);
	assert_int_equal(p.nnames, 1);
	assert_true(p.more);
	parts_free(parts);
	buf_fini(&text);
}

static void
test_parts(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		expect(crlf(&b, cases[i].message), &defaults, cases[i].parts);
		expect(span_str(cases[i].message), &defaults, cases[i].parts);
	}
	buf_fini(&b);
}

static void
test_raw(void **state)
{
	struct span message = span_str(MULTI "--b\n" B64 "\nQU\nJD\n--b--\n");
	struct parts *parts = parts_new(message, &defaults);
	struct parts_part p;

	(void)state;
	assert_int_equal(parts_get(parts, 0, &p), 1);
	assert_true(span_eq_str(p.raw, "QU\nJD"));
	assert_true(span_eq_str(p.decoded, "ABC"));
	assert_int_equal(parts_get(parts, 1, &p), 0);
	parts_free(parts);
	parts_free(NULL);
}

static void
test_lead(void **state)
{
	struct parts_options o = defaults;

	(void)state;
	o.mime.lead = 13;
	expect(span_str("Received: xx\n" B64 "\nQUJD"), &o, "text/plain[]{ABC}");
	expect(span_str("Received: xx\nFrom me\n" B64 "\nQUJD"), &o, "text/plain[]{ABC}");
}

static void
test_odd(void **state)
{
	static const char message[] = MULTI "--b\n" B64 "\nQUJD\n--b\n" B64 "\nQU!JD\n--b\n" B64
					    "\nQUJE\n--b\nContent-Transfer-Encoding: 7bit\n" B64
					    "\nQUJF\n--b\n\nplain\n--b--\n";
	static const char *const odd[] = { "ABC", "ABE", "QUJF" };
	struct parts_options o = defaults;
	struct parts *parts;
	struct parts_part p;

	(void)state;
	o.memory_limit = 6; /* enough for the odd ones alone */
	parts = parts_new(span_str(message), &o);
	for (size_t i = 0; i < nitems(odd); i++) {
		assert_int_equal(parts_odd(parts, i, &p), 1);
		assert_true(span_eq_str(p.decoded, odd[i]));
		assert_true(p.odd && p.whole);
	}
	assert_int_equal(parts_odd(parts, nitems(odd), &p), 0);
	assert_int_equal(parts_get(parts, 2, &p), 1);
	assert_false(p.whole || p.odd);
	assert_int_equal(parts_odd(parts, 0, &p), 1);
	parts_free(parts);
	o.mime.parts_limit = 2;
	parts = parts_new(span_str(message), &o);
	assert_int_equal(parts_odd(parts, 0, &p), -1);
	parts_free(parts);
}

static void
test_limits(void **state)
{
	struct parts_options o = defaults;

	(void)state;
	o.memory_limit = 2;
	expect(span_str(B64 "\nQUJD"), &o, "text/plain[]{AB}+");
	expect(span_str("\nwhat is not encoded takes no memory"), &o,
	    "text/plain[]{what is not encoded takes no memory}");
	o.memory_limit = 20;
	/* all together; what is cut stays cut */
	o.memory_limit = 5;
	expect(
	    span_str(MULTI "--b\n" B64 "\nQUJD\n--b\n" B64 "\nQUJD\n--b\n" B64 "\nQUJD\n--b--\n"),
	    &o, "text/plain[]{ABC} text/plain[]{AB}+ text/plain[]{}+");
	o.memory_limit = 10;
	expect(span_str("Content-Type: message/rfc822\n" B64 "\nU3ViamVjdDogeQ0KDQpoaQ0K\n"), &o,
	    "message/rfc822[]{Subject: y}+?!");
	o = defaults;
	o.inner_limit = 0;
	expect(span_str("Content-Type: message/rfc822\n" B64 "\nU3ViamVjdDogeQ0KDQpoaQ0K\n"), &o,
	    "message/rfc822[]{Subject: y//hi/}?!");
	o = defaults;
	o.mime.parts_limit = 2;
	expect(span_str(MULTI "--b\n\none\n--b\n\ntwo\n--b--\n"), &o, "text/plain[]{one}!");
	expect(span_str("\n" UU UU), &o,
	    "text/plain[]{begin 644 u.exe/#04)#/`/end/begin 644 u.exe/#04)#/`/end/} "
	    "application/octet-stream[u.exe]{ABC}!");
	o = defaults;
	o.mime.nesting_limit = 0;
	expect(span_str("Content-Type: multipart/mixed; boundary=a; boundary=b; boundary=c; "
			"boundary=d\n\n--d\n\nx\n"),
	    /* alone it counts */
	    &o, "multipart/mixed[]{--d//x/} text/plain[]{x/}?!");
}

/* Four readings of an encoded container, each with an end of its own, and as many again in each. */
static int
end_of_ways(const char *inner)
{
	struct buf b = { 0 };
	struct parts *parts;
	struct parts_part p;
	size_t i = 0;
	int rc;

	buf_adds(&b, "Content-Type: multipart/mixed; boundary=a; boundary=b; boundary*=''c; "
		     "boundary*0=d\n\n--a\n--b\n--c\n--d\n");
	buf_printf(&b,
	    "Content-Type: message/rfc822\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n"
	    "Content-Type: multipart/mixed; %s\n\n--e\nno field\n\n",
	    inner);
	for (int line = 0; line < 1000; line++)
		buf_adds(&b, "some text\n");
	buf_adds(&b, "--d\n--c\n--b\n--a\n");
	parts = parts_new(buf_span(&b), &defaults);
	while ((rc = parts_get(parts, i, &p)) == 1)
		i++;
	assert_in_range(i, 2, 100);
	parts_free(parts);
	buf_fini(&b);
	return rc;
}

static void
test_ways_limit(void **state)
{
	(void)state;
	assert_int_equal(end_of_ways("boundary=3De"), 0);
	assert_int_equal(
	    end_of_ways("boundary=3De; boundary=3Df; boundary*=3D''g; boundary*0=3Dh"), -1);
}

/* A line of two octets stands for 45. */
static void
test_uu_bomb(void **state)
{
	struct parts_options o = defaults;
	struct buf b = { 0 };
	struct parts *parts;
	struct parts_part p;

	(void)state;
	buf_adds(&b, "Content-Transfer-Encoding: uuencode\n\nbegin 644 x\n");
	for (int i = 0; i < 100000; i++)
		buf_adds(&b, "M\n");
	buf_adds(&b, "end\n");
	o.memory_limit = 1000000;
	parts = parts_new(buf_span(&b), &o);
	assert_int_equal(parts_get(parts, 0, &p), 1);
	assert_int_equal(p.decoded.len, 1000000);
	assert_int_equal(p.whole, 0);
	parts_free(parts);
	buf_fini(&b);
}

/* Attached messages within each other, each encoded, and so each with all the rest of the message:
 * what is decoded and walked grows with the message, and not with its square. */
static void
test_encoded_in_encoded(void **state)
{
	static const char *const encodings[] = { "base64", "quoted-printable", "x-uuencode" };
	struct parts_options o = defaults;

	(void)state;
	o.mime.parts_limit = 0;
	o.mime.nesting_limit = 100000;
	for (size_t i = 0; i < nitems(encodings); i++) {
		struct buf b = { 0 };
		struct parts *parts;
		struct parts_part p;
		size_t n = 0;
		int64_t began = clock_thread_us();

		for (int k = 0; k < 8000; k++)
			buf_printf(&b,
			    "Content-Type: message/rfc822\r\n"
			    "Content-Transfer-Encoding: %s\r\n\r\n",
			    encodings[i]);
		buf_adds(&b, "Subject: x\r\n\r\nhello\r\n");
		parts = parts_new(buf_span(&b), &o);
		assert_int_equal(parts_mistakes(parts) & PARTS_READINGS, PARTS_READINGS);
		while (parts_get(parts, n, &p) == 1)
			n++;
		assert_int_equal(parts_get(parts, n, &p), -1);
		assert_in_range(clock_thread_us() - began, 0, 2000 * 1000);
		parts_free(parts);
		buf_fini(&b);
	}
}

/* A dozen walks with as many parts each: only the parts that are new are kept. */
static void
test_memory_of_ways(void **state)
{
	struct parts_options o = defaults;
	struct buf b = { 0 };
	struct parts *parts;
	struct parts_part p;
	size_t before, n = 0;

	(void)state;
	o.mime.parts_limit = 10000;
	buf_adds(&b, MULTI);
	for (int i = 0; i < 3000; i++)
		buf_adds(&b, "--b\nContent-Type: multipart/x; boundary*0=b; boundary=\"b c\"; "
			     "boundary=(x)d; boundary=e f\n\nx\n");
	buf_adds(&b, "--b--\n");
	before = mallinfo2().uordblks;
	parts = parts_new(buf_span(&b), &o);
	while (parts_look(parts, n, &p) == 1)
		n++;
	assert_in_range(n, 3000, 10000);
	assert_in_range(mallinfo2().uordblks - before, 0, n * 1500);
	parts_free(parts);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_charsets),
		cmocka_unit_test(test_signed),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_lead),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_ways_limit),
		cmocka_unit_test(test_uu_bomb),
		cmocka_unit_test(test_encoded_in_encoded),
		cmocka_unit_test(test_memory_of_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
