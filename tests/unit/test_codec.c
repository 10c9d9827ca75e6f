#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "mail/codec.h"

#define CUT  CODEC_ODD_CUT
#define JUNK CODEC_ODD_JUNK
#define MORE CODEC_ODD_MORE
#define END  CODEC_ODD_END
#define SOFT CODEC_ODD_SOFT

enum {
	NONE = 1 << CODEC_NONE,
	BASE64 = 1 << CODEC_BASE64,
	QP = 1 << CODEC_QP,
	UU = 1 << CODEC_UU,
	YENC = 1 << CODEC_YENC,
	UNKNOWN = 1 << CODEC_UNKNOWN,
};

static const struct {
	const char *value;
	unsigned codecs;
} named[] = {
	{ "", NONE },
	{ " 7bit", NONE },
	{ " 8BIT", NONE },
	{ " binary", NONE },
	{ " Base64", BASE64 },
	{ "base64", BASE64 },
	{ " BASE64;", BASE64 },
	{ " base64 (really)", BASE64 },
	{ " (8bit (or so)) base64", BASE64 },
	{ "\r\n\tbase64", BASE64 },
	{ " \"base64\"", BASE64 },
	{ " base64, 8bit", BASE64 | NONE },
	{ " quoted-printable", QP },
	{ " x-uuencode", UU },
	{ " x-uue", UU },
	{ " uuencode", UU },
	{ " uue", UU },
	{ " base64x", UNKNOWN },
	{ " base 64", UNKNOWN },
	{ " x-yenc", YENC },
	{ " )(base64", NONE }, /* a comment without an end */
	{ " 7bit base64", NONE | BASE64 },
	{ " x-none; base64", UNKNOWN | BASE64 },
	{ " quoted-printable (base64), base64", QP | BASE64 },
	{ " base64 x-none", BASE64 },
	{ " base64; charset=utf-8", BASE64 },
	{ " X-yEncode", YENC },
};

static void
test_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(named); i++) {
		if (codec_named(span_str(named[i].value)) != named[i].codecs)
			fail_msg("\"%s\"", named[i].value);
	}
}

static const struct {
	enum codec codec;
	const char *in, *out;
	unsigned odd;
} cases[] = {
	{ CODEC_NONE, "a=3D\r\n", "a=3D\r\n", 0 },
	{ CODEC_UNKNOWN, "QUJD", "QUJD", 0 },

	{ CODEC_BASE64, "", "", 0 },
	{ CODEC_BASE64, "QUJDREVG", "ABCDEF", 0 },
	{ CODEC_BASE64, "QUJDRA==", "ABCD", 0 },
	{ CODEC_BASE64, "QUJDREU=\r\n", "ABCDE", 0 },
	{ CODEC_BASE64, "QU\r\nJD\nRE\rVG", "ABCDEF", 0 },
	{ CODEC_BASE64, " Q U\tJD ", "ABC", 0 },
	{ CODEC_BASE64, "Pz8/Pj4+", "\?\?\?>>>", 0 },
	{ CODEC_BASE64, "QUJDRA", "ABCD", END },
	{ CODEC_BASE64, "QUJDRA=", "ABCD", END },
	{ CODEC_BASE64, "QUJDREU", "ABCDE", END },
	{ CODEC_BASE64, "QUJDR", "ABC", END }, /* six bits are no octet */
	{ CODEC_BASE64, "QU!JD*", "ABC", JUNK },
	{ CODEC_BASE64, "Q-U_J.D", "ABC", JUNK }, /* nobody reads base64url in mail */
	{ CODEC_BASE64, "\xff\xfeQUJD\x80", "ABC", JUNK },
	{ CODEC_BASE64, "QUJD\r\n--x--", "ABC", JUNK | END }, /* an 'x' is a digit */
	{ CODEC_BASE64, "QQ==QkM=", "ABC", MORE },
	{ CODEC_BASE64, "QQ=QkM=", "ABC", MORE },
	{ CODEC_BASE64, "QQ==\r\n\r\nQkNE", "ABCD", MORE },
	{ CODEC_BASE64, "QUJD====RA==", "ABCD", JUNK }, /* no digit is lacking there */
	{ CODEC_BASE64, "=QUJD", "ABC", JUNK },
	{ CODEC_BASE64, "Q=UJD", "ABC", JUNK },
	{ CODEC_BASE64, "QQ===", "A", JUNK },
	{ CODEC_BASE64_ON, "QUJDRA==", "ABCD", END | JUNK },
	{ CODEC_BASE64_ON, "QUJDR=EVG", "ABCDEF", JUNK },
	{ CODEC_BASE64_ON, "QUJDRE=VG", "ABCDEF", JUNK },
	{ CODEC_BASE64_ON, "QUJDREV=\r\nG", "ABCDEF", JUNK },
	{ CODEC_BASE64_ON, "QUJDRE==VG", "ABCDEF", JUNK },
	{ CODEC_BASE64, "QR==", "A", 0 }, /* bits that nothing is made of */

	{ CODEC_QP, "", "", 0 },
	{ CODEC_QP, "a=3Db=3db\r\n", "a=b=b\r\n", 0 },
	{ CODEC_QP, "a=\r\nb=\nc", "abc", 0 },
	{ CODEC_QP, "a= \t\r\nb= \nc", "abc", SOFT },
	{ CODEC_QP, "a=\r\r\nb", "ab", SOFT },
	{ CODEC_QP, "a \t\r\nb \n", "a\r\nb\n", 0 },
	{ CODEC_QP, "a=20\r\n", "a \r\n", 0 },
	{ CODEC_QP, "a=", "a", 0 },
	{ CODEC_QP, "a= ", "a", SOFT },
	{ CODEC_QP, "=4", "=4", JUNK },
	{ CODEC_QP, "=4\r\n1", "=4\r\n1", JUNK },
	{ CODEC_QP, "=4G=41", "=4GA", JUNK },
	{ CODEC_QP, "==41", "=A", JUNK },
	{ CODEC_QP, "a=b c", "a=b c", JUNK },
	{ CODEC_QP, "=0D=0A.=0A", "\r\n.\n", 0 },
	{ CODEC_QP, "\xe4=E4\r\n", "\xe4\xe4\r\n", 0 },
	{ CODEC_QP, "a==\r\nb", "a=b", JUNK },
	{ CODEC_QP, "\r\n\r\n", "\r\n\r\n", 0 },

	{ CODEC_UU, "", "", END },
	{ CODEC_UU, "begin 644 x\r\n#04)#\r\n`\r\nend\r\n", "ABC", 0 },
	{ CODEC_UU, "text\nbegin 0644 x y\n#04)#\n \nend\ntext\n", "ABC", 0 },
	{ CODEC_UU, "begin 644 x\n!00``\n`\nend\n", "A", 0 },
	{ CODEC_UU, "begin 644 x\n!00\n`\nend\n", "A", 0 },
	{ CODEC_UU, "begin 644 x\n&04)#1$5&\n!1P\n\nend", "ABCDEFG", 0 },
	{ CODEC_UU, "begin 644 x\n#04)#\n", "ABC", END },
	{ CODEC_UU, "begin 644 x\n#04)#\n`\n#1$5&\nend\n", "ABCDEF", 0 },
	{ CODEC_UU, "begin 644 x\n#04)#\nend\nbegin 644 y\n#1$5&\nend\n", "ABCDEF", 0 },
	{ CODEC_UU, "begin 644 x\nhello\n#04)#\nend\n", "ABC", JUNK },
	{ CODEC_UU, "begin 644 x\n#04)#more\nend \n", "ABC", 0 },     /* a check sum, once */
	{ CODEC_UU, "begin 644 x\n#\xb0\x34)#\nend\n", "ABC", JUNK }, /* the lower bits count */
	{ CODEC_UU, "begin 64 x\n#04)#\nend\n", "ABC", JUNK },
	{ CODEC_UU, "begin 644 \n#04)#\nend\n", "ABC", 0 },
	{ CODEC_UU, "begin 644\n#04)#\nend\n", "ABC", 0 },
	{ CODEC_UU, "begin  644  x\n#04)#\nend\n", "ABC", 0 },

	{ CODEC_YENC, "", "", END },
	{ CODEC_YENC, "=ybegin line=128 size=3 name=x\r\nklm\r\n=yend size=3\r\n", "ABC", 0 },
	{ CODEC_YENC, "text\n=ybegin part=1 name=x\n=ypart begin=1\nk\nlm\n=yend\ntext", "ABC", 0 },
	{ CODEC_YENC, "=ybegin name=x\n=}k=n=}\n=yend\n",
	    "\x13"
	    "A\x04\x13",
	    0 },
	{ CODEC_YENC, "=ybegin name=x\n.\x1b=@l\n=yend\n",
	    "\x04\xf1\xd6"
	    "B",
	    0 },
	{ CODEC_YENC, "=ybegin name=x\nk\n=yend\n=ybegin name=y\nl\n=yend\n", "AB", 0 },
	{ CODEC_YENC, "=ybegin name=x\nk\rl=\nm\n=yend\n", "ABC", JUNK },
	{ CODEC_YENC, "=ybegin name=x\nk==\n=yend\n", "A\xd3", 0 },
	{ CODEC_YENC, "=ybegin\nklm", "ABC", END }, /* no blank: all lines are taken */
	{ CODEC_YENC, "klm\n=yend\nk", "ABC", 0 },
};

static void
check(size_t i)
{
	struct span in = span_str(cases[i].in);
	size_t room = codec_room(cases[i].codec, in), want = strlen(cases[i].out), n;
	uint8_t *out = malloc(room + 1);
	unsigned odd = ~0u;

	n = codec_decode(cases[i].codec, in, out, room, &odd);
	if (n != want || memcmp(out, cases[i].out, n) != 0)
		fail_msg("row %zu, \"%s\": \"%.*s\"", i, cases[i].in, (int)n, (char *)out);
	if (odd != cases[i].odd)
		fail_msg("row %zu, \"%s\": odd %x", i, cases[i].in, odd);
	assert_int_equal(codec_measure(cases[i].codec, in, &odd), want);
	assert_int_equal(odd, cases[i].odd);
	/* Whatever the buffer takes is the beginning. */
	for (size_t size = 0; size < want; size++) {
		memset(out, '#', room + 1);
		assert_int_equal(codec_decode(cases[i].codec, in, out, size, &odd), size);
		assert_memory_equal(out, cases[i].out, size);
		assert_int_equal(out[size], '#');
		assert_true(odd & CUT);
	}
	free(out);
}

static void
test_decode(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++)
		check(i);
}

static void
test_nul(void **state)
{
	uint8_t out[8];

	(void)state;
	assert_int_equal(codec_decode(CODEC_BASE64, span_make("QUI\0D", 5), out, 8, NULL), 3);
	assert_int_equal(codec_decode(CODEC_BASE64, span_str("AAAA"), out, 8, NULL), 3);
	assert_memory_equal(out, "\0\0", 3);
	assert_int_equal(codec_decode(CODEC_QP, span_make("=00\0", 4), out, 8, NULL), 2);
	assert_memory_equal(out, "\0", 2);
}

/* Each block is [name]{what is in it}; line ends are shown as '/'. */
static const struct {
	enum codec codec;
	const char *text, *blocks;
} block_rows[] = {
	{ CODEC_UU,
	    "Hello\r\nbegin the end\r\nbegin 644 a b.exe \r\n#04)#\r\n`\r\nend\r\nbegin 755 \r\n"
	    "begin 600 in it\nrest",
	    "[a b.exe]{begin 644 a b.exe /#04)#/`/end/}[]{begin 755 /begin 600 in it/rest}" },
	{ CODEC_UU, "begin-base64 644 a\nQUJD\n====\n", "" },
	{ CODEC_UU, "begin 644", "[]{begin 644}" },
	{ CODEC_UU, "", "" },
	{ CODEC_BASE64,
	    "x\nbegin-base64 644 a b.exe\r\nQUJD\r\n====\r\nbegin-base64 600 c\nQQ==\nend\n",
	    "[a b.exe]{QUJD/}[c]{QQ==/end/}" },
	{ CODEC_BASE64, "begin-base64 644 a", "[a]{}" },
	{ CODEC_BASE64,
	    "begin-base64 64 a\nbegin-base64x 644 a\n begin-base64 644 a\nbegin 644 a\n", "" },
	{ CODEC_YENC,
	    "a long line, and another\r\n=ybegin line=128 size=3 name=a b.exe \r\nklm\r\n=yend "
	    "size=3\r\n"
	    "=ybegin size=3\nname=x\n",
	    "[a b.exe]{=ybegin line=128 size=3 name=a b.exe /klm/=yend size=3/}[]{=ybegin "
	    "size=3/name=x/}" },
	{ CODEC_YENC, "=ybegin name=\"a.exe\"", "[a.exe]{=ybegin name=\"a.exe\"}" },
	{ CODEC_YENC, "=ybegin name=\"", "[\"]{=ybegin name=\"}" },
	{ CODEC_YENC, "=ybeginx name=a\n=3D\n =ybegin name=b\n", "" },
};

static void
test_blocks(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(block_rows); i++) {
		struct span text = span_str(block_rows[i].text), name, block;
		struct buf seen = { 0 };

		while (codec_block_next(block_rows[i].codec, &text, &name, &block)) {
			buf_printf(&seen, "[%.*s]{", (int)name.len, (const char *)name.p);
			for (size_t k = 0; k < block.len; k++)
				if (block.p[k] != '\r')
					buf_addc(
					    &seen, block.p[k] == '\n' ? '/' : (char)block.p[k]);
			buf_addc(&seen, '}');
		}
		if (!span_eq_str(buf_span(&seen), block_rows[i].blocks))
			fail_msg("row %zu: %s", i, buf_cstr(&seen));
		assert_int_equal(text.len, 0);
		buf_fini(&seen);
	}
}

/* Every octet at every place of a group, with and without line ends in between. */
static void
test_every_octet(void **state)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		uint8_t want[3] = { (uint8_t)c, (uint8_t)~c, (uint8_t)(c * 7) }, out[6];
		uint32_t bits = (uint32_t)want[0] << 16 | (uint32_t)want[1] << 8 | want[2];
		char in[9];

		for (int i = 0; i < 4; i++) {
			in[2 * i] = digits[bits >> (18 - 6 * i) & 63];
			in[2 * i + 1] = '\n';
		}
		assert_int_equal(codec_decode(CODEC_BASE64, span_make(in, 8), out, 6, NULL), 3);
		assert_memory_equal(out, want, 3);
		for (int i = 0; i < 4; i++)
			in[i] = in[2 * i];
		assert_int_equal(codec_decode(CODEC_BASE64, span_make(in, 4), out, 6, NULL), 3);
		assert_memory_equal(out, want, 3);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_every_octet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
