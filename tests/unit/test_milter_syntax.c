#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config.h"
#ifdef HAVE_LIBMILTER_MFDEF_H
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#endif

#include "base/arena.h"
#include "base/err.h"
#include "mail/milter_syntax.h"

/* A literal with NULs in it, without the one that the compiler adds. */
#define BYTES(s)                                                                                   \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}

static const struct {
	struct span in;
	int first;
	enum milter_found found;
	size_t len; /* with MORE: 0 as long as the length is not known */
	int command;
	struct span data;
} find_cases[] = {
	{ BYTES(""), 1, MILTER_MORE, 0, 0, BYTES("") },
	{ BYTES("\0"), 1, MILTER_MORE, 0, 0, BYTES("") },
	{ BYTES("\0\0\0"), 0, MILTER_MORE, 0, 0, BYTES("") },
	{ BYTES("\0\0\0\1"), 0, MILTER_MORE, 5, 0, BYTES("") },
	{ BYTES("\0\0\0\1Q"), 0, MILTER_WHOLE, 5, 'Q', BYTES("") },
	{ BYTES("\0\0\0\3Hx"), 0, MILTER_MORE, 7, 0, BYTES("") },
	{ BYTES("\0\0\0\3Hx\0"), 0, MILTER_WHOLE, 7, 'H', BYTES("x\0") },
	/* the next packet is left alone, whatever it begins with */
	{ BYTES("\0\0\0\1Tgarbage"), 0, MILTER_WHOLE, 5, 'T', BYTES("") },
	{ BYTES("\0\0\0\15O\0\0\0\6\0\0\1\377\0\37\377\377"), 1, MILTER_WHOLE, 17, 'O',
	    BYTES("\0\0\0\6\0\0\1\377\0\37\377\377") },
	/* a length counts the command, so 0 is none */
	{ BYTES("\0\0\0\0"), 0, MILTER_BROKEN, 0, 0, BYTES("") },
	{ BYTES("\0\0\0\0"), 1, MILTER_BROKEN, 0, 0, BYTES("") },
	{ BYTES("\0\0\0\0Q"), 0, MILTER_BROKEN, 0, 0, BYTES("") },
	{ BYTES("\377\377\377\377"), 0, MILTER_BROKEN, 0, 0, BYTES("") },
	{ BYTES("\377\377\377\377B"), 0, MILTER_BROKEN, 0, 0, BYTES("") },
	/* the largest packet and one octet more */
	{ BYTES("\0\20\1\374B"), 0, MILTER_MORE, MILTER_FRAME_MAX, 0, BYTES("") },
	{ BYTES("\0\20\1\375"), 0, MILTER_BROKEN, 0, 0, BYTES("") },
	/* enough of the length is there to know that it is too much */
	{ BYTES("\1"), 0, MILTER_BROKEN, 0, 0, BYTES("") },
	{ BYTES("\0\21"), 0, MILTER_BROKEN, 0, 0, BYTES("") },
	{ BYTES("\0\20\2"), 0, MILTER_BROKEN, 0, 0, BYTES("") },
	{ BYTES("\0\20\1"), 0, MILTER_MORE, 0, 0, BYTES("") },
	/* negotiation is small */
	{ BYTES("\0\1\0\0"), 1, MILTER_MORE, 65540, 0, BYTES("") },
	{ BYTES("\0\1\0\1"), 1, MILTER_BROKEN, 0, 0, BYTES("") },
	{ BYTES("\0\1\0\1"), 0, MILTER_MORE, 65541, 0, BYTES("") },
	/* it comes first, and other commands are told from it by their first octet */
	{ BYTES("\0\0\0\1Q"), 1, MILTER_BROKEN, 0, 0, BYTES("") },
	{ BYTES("\0\0\0\100C"), 1, MILTER_BROKEN, 0, 0, BYTES("") },
	{ BYTES("\0\0\0\100C"), 0, MILTER_MORE, 68, 0, BYTES("") },
	/* no command; what a filter says is none either */
	{ BYTES("\0\0\0\100Z"), 0, MILTER_BROKEN, 0, 0, BYTES("") },
	{ BYTES("\0\0\0\1c"), 0, MILTER_BROKEN, 0, 0, BYTES("") },
	{ BYTES("\0\0\0\1\0"), 0, MILTER_BROKEN, 0, 0, BYTES("") },
	/* other protocols: HTTP, clamd's answer, SMTP, TLS */
	{ BYTES("GET / HTTP/1.1\r\n"), 1, MILTER_BROKEN, 0, 0, BYTES("") },
	{ BYTES("G"), 1, MILTER_BROKEN, 0, 0, BYTES("") },
	{ BYTES("UNKNOWN COMMAND\n"), 1, MILTER_BROKEN, 0, 0, BYTES("") },
	{ BYTES("UNKNOWN COMMAND\n"), 0, MILTER_BROKEN, 0, 0, BYTES("") },
	{ BYTES("EHLO x\r\n"), 1, MILTER_BROKEN, 0, 0, BYTES("") },
	{ BYTES("\26\3\1\2\0\1\0\1\374\3\3"), 1, MILTER_BROKEN, 0, 0, BYTES("") },
};

static void
test_find(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(find_cases); i++) {
		struct milter_packet packet = { 0 };
		struct err err = { 0 };
		size_t len = 999;

		assert_int_equal(
		    milter_packet_find(find_cases[i].in, find_cases[i].first, &packet, &len, &err),
		    find_cases[i].found);
		assert_int_equal(len, find_cases[i].len);
		assert_int_equal(
		    err.class, find_cases[i].found == MILTER_BROKEN ? ERR_PEER : ERR_NONE);
		if (find_cases[i].found != MILTER_WHOLE)
			continue;
		assert_int_equal(packet.command, find_cases[i].command);
		assert_true(span_eq(packet.data, find_cases[i].data));
	}
}

/* Every octet as a command: those of the protocol alone are taken. */
static void
test_commands(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		const uint8_t in[] = { 0, 0, 0, 1, (uint8_t)c };
		int known = c != 0 && strchr("ABCDEHKLMNOQRTU", c) != NULL;
		struct milter_packet packet;
		struct err err;
		size_t len;

		assert_int_equal(
		    milter_packet_find(span_make(in, sizeof(in)), 0, &packet, &len, &err),
		    known ? MILTER_WHOLE : MILTER_BROKEN);
		assert_int_equal(
		    milter_packet_find(span_make(in, sizeof(in)), 1, &packet, &len, &err),
		    c == 'O' ? MILTER_WHOLE : MILTER_BROKEN);
		if (known)
			assert_int_equal(packet.command, c);
	}
}

static const struct {
	struct span in;
	int rc;
	struct milter_options options;
} optneg_cases[] = {
	{ BYTES("\0\0\0\6\0\0\1\377\0\37\377\377"), 0, { 6, 0x1ff, 0x1fffff } },
	/* nothing is granted, as it says: this is no filter of version 1 */
	{ BYTES("\0\0\0\2\0\0\0\0\0\0\0\0"), 0, { 2, 0, 0 } },
	/* lists of macros behind it */
	{ BYTES("\0\0\0\6\0\0\0\1\0\0\0\2\0\0\0\0{i}\0"), 0, { 6, 1, 2 } },
	/* versions and bits of the future are for the session to mask */
	{ BYTES("\377\377\377\377\377\377\377\377\377\377\377\377"), 0,
	    { 0xffffffff, 0xffffffff, 0xffffffff } },
	{ BYTES("\0\0\0\6\0\0\1\377\0\37\377"), -1, { 0, 0, 0 } },
	{ BYTES(""), -1, { 0, 0, 0 } },
};

static void
test_optneg(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(optneg_cases); i++) {
		struct milter_options o;
		struct err err = { 0 };

		assert_int_equal(
		    milter_parse_optneg(optneg_cases[i].in, &o, &err), optneg_cases[i].rc);
		assert_int_equal(err.class, optneg_cases[i].rc == 0 ? ERR_NONE : ERR_PEER);
		if (optneg_cases[i].rc == 0)
			assert_memory_equal(&o, &optneg_cases[i].options, sizeof(o));
	}
}

static const struct {
	struct span in;
	int rc;
	struct milter_connection c;
} connect_cases[] = {
	{ BYTES("a.example\0004\x04\xd2"
		"192.0.2.1\0"),
	    0, { "a.example", '4', 1234, "192.0.2.1" } },
	/* with Sendmail's prefix, and without it */
	{ BYTES("[IPv6:2001:db8::1]\0006\0\031IPv6:2001:db8::1\0"), 0,
	    { "[IPv6:2001:db8::1]", '6', 25, "2001:db8::1" } },
	{ BYTES("a\0006\0\0ipv6:::1\0"), 0, { "a", '6', 0, "::1" } },
	{ BYTES("a\0006\0\0::1\0"), 0, { "a", '6', 0, "::1" } },
	/* the prefix belongs to IPv6 alone */
	{ BYTES("a\0004\0\0IPv6:::1\0"), 0, { "a", '4', 0, "IPv6:::1" } },
	{ BYTES("localhost\0L\0\0/run/x\0"), 0, { "localhost", 'L', 0, "/run/x" } },
	{ BYTES("localhost\0L\0\0\0"), 0, { "localhost", 'L', 0, "" } },
	{ BYTES("unknown\0U"), 0, { "unknown", 'U', 0, "" } },
	{ BYTES("unknown\0U\0\0\0"), 0, { "unknown", 'U', 0, "" } },
	{ BYTES("\0U"), 0, { "", 'U', 0, "" } },
	{ BYTES(""), -1, { 0 } },
	{ BYTES("a"), -1, { 0 } },
	{ BYTES("a\0"), -1, { 0 } },
	{ BYTES("a\0X\0\0192.0.2.1\0"), -1, { 0 } }, /* no family */
	{ BYTES("a\0\0\0\0192.0.2.1\0"), -1, { 0 } },
	{ BYTES("a\0004"), -1, { 0 } },
	{ BYTES("a\0004\0"), -1, { 0 } },
	{ BYTES("a\0004\0\0"), -1, { 0 } },
	{ BYTES("a\0004\0\031"
		"192.0.2.1"),
	    -1, { 0 } }, /* without its NUL */
	{ BYTES("a\0004\0\031"
		"192.0.2.1\0x"),
	    -1, { 0 } },
};

static void
test_connect(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(connect_cases); i++) {
		struct milter_connection c;
		struct err err = { 0 };

		assert_int_equal(
		    milter_parse_connect(connect_cases[i].in, &c, &err), connect_cases[i].rc);
		assert_int_equal(err.class, connect_cases[i].rc == 0 ? ERR_NONE : ERR_PEER);
		if (connect_cases[i].rc == -1)
			continue;
		assert_string_equal(c.name, connect_cases[i].c.name);
		assert_int_equal(c.family, connect_cases[i].c.family);
		assert_int_equal(c.port, connect_cases[i].c.port);
		assert_string_equal(c.addr, connect_cases[i].c.addr);
	}
}

static const struct {
	struct span in;
	int rc;
	size_t n;
	const char *args[3];
} args_cases[] = {
	{ BYTES("<a@b>\0"), 0, 1, { "<a@b>" } },
	{ BYTES("<>\0SIZE=1000\0BODY=8BITMIME\0"), 0, 3, { "<>", "SIZE=1000", "BODY=8BITMIME" } },
	{ BYTES("\0"), 0, 1, { "" } }, /* HELO without a name */
	{ BYTES("\0\0"), 0, 2, { "", "" } },
	{ BYTES("a\xff\r\n\0"), 0, 1, { "a\xff\r\n" } }, /* odd, but one text */
	{ BYTES(""), -1, 0, { 0 } },
	{ BYTES("<a@b>"), -1, 0, { 0 } }, /* no NUL */
	{ BYTES("<a@b>\0SIZE=1"), -1, 0, { 0 } },
};

static void
test_args(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < nitems(args_cases); i++) {
		struct err err = { 0 };
		const char **args;
		size_t n;

		assert_int_equal(
		    milter_parse_args(args_cases[i].in, a, &args, &n, &err), args_cases[i].rc);
		assert_int_equal(err.class, args_cases[i].rc == 0 ? ERR_NONE : ERR_PEER);
		if (args_cases[i].rc == -1)
			continue;
		assert_int_equal(n, args_cases[i].n);
		for (size_t k = 0; k < n; k++)
			assert_string_equal(args[k], args_cases[i].args[k]);
	}
	arena_free(a);
}

/* Eight octets of ours for each NUL of theirs: that is bounded. */
static void
test_many_args(void **state)
{
	static const uint8_t nuls[1025];
	struct arena *a = arena_new();
	struct err err = { 0 };
	const char **args;
	size_t n;

	(void)state;
	assert_int_equal(milter_parse_args(span_make(nuls, 1024), a, &args, &n, &err), 0);
	assert_int_equal(n, 1024);
	assert_int_equal(milter_parse_args(span_make(nuls, 1025), a, &args, &n, &err), -1);
	assert_int_equal(err.class, ERR_PEER);
	arena_free(a);
}

static const struct {
	struct span in;
	int rc;
	const char *name, *value;
} header_cases[] = {
	{ BYTES("Subject\0hello\0"), 0, "Subject", "hello" },
	{ BYTES("Subject\0 hello\0"), 0, "Subject", " hello" }, /* HDR_LEADSPC */
	{ BYTES("To\0a,\n\tb\0"), 0, "To", "a,\n\tb" },
	{ BYTES("To\0a,\r\n\tb\0"), 0, "To", "a,\r\n\tb" }, { BYTES("X\0\0"), 0, "X", "" },
	{ BYTES("X \0: y\0"), 0, "X ", ": y" }, /* "X : : y" */
	{ BYTES(""), -1, NULL, NULL }, { BYTES("X"), -1, NULL, NULL },
	{ BYTES("X\0"), -1, NULL, NULL }, { BYTES("X\0y"), -1, NULL, NULL },
	{ BYTES("\0y\0"), -1, NULL, NULL }, { BYTES("X\0y\0z"), -1, NULL, NULL },
	{ BYTES("X\0y\0z\0"), -1, NULL, NULL }, /* libmilter would pass on "y" */
};

static void
test_header(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(header_cases); i++) {
		struct err err = { 0 };
		struct span name, value;

		assert_int_equal(milter_parse_header(header_cases[i].in, &name, &value, &err),
		    header_cases[i].rc);
		assert_int_equal(err.class, header_cases[i].rc == 0 ? ERR_NONE : ERR_PEER);
		if (header_cases[i].rc == -1)
			continue;
		assert_true(span_eq_str(name, header_cases[i].name));
		assert_true(span_eq_str(value, header_cases[i].value));
	}
}

#define LONG_NAME                                                                                  \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"                         \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
	struct span in;
	int rc, command;
	const char *told;
} macro_cases[] = {
	{ BYTES("Cj\0mx.example\0{client_addr}\000192.0.2.1\0"), 0, 'C',
	    "j=mx.example;client_addr=192.0.2.1;" },
	{ BYTES("M{auth_type}\0\0"), 0, 'M', "auth_type=;" },
	{ BYTES("R"), 0, 'R', "" },             /* none at this stage */
	{ BYTES("U{i}\0x\0"), 0, 'U', "i=x;" }, /* Postfix has a list for it */
	/* braces go only in pairs, and not alone */
	{ BYTES("H{a\0001\0b}\0002\0{}\0003\0{\0004\0{c}\0005\0\0006\0"), 0, 'H',
	    "{a=1;b}=2;{}=3;{=4;c=5;=6;" },
	{ BYTES("E" LONG_NAME "\0x\0i\0y\0"), 0, 'E', "i=y;" },
	{ BYTES(""), -1, 0, "" },
	{ BYTES("Zi\0x\0"), -1, 0, "" },
	{ BYTES("Ci\0"), -1, 0, "" },
	{ BYTES("Ci\0x\0j\0"), -1, 0, "" }, /* an odd number: not one is told */
	{ BYTES("Ci\0x"), -1, 0, "" },
	{ BYTES("Ci\0x\0j\0y\0z"), -1, 0, "" },
};

static void
tell(void *arg, const char *name, const char *value)
{
	struct buf *b = arg;

	buf_printf(b, "%s=%s;", name, value);
}

static void
test_macros(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(macro_cases); i++) {
		enum milter_command command;
		struct err err = { 0 };
		struct buf told = { 0 };

		assert_int_equal(
		    milter_parse_macros(macro_cases[i].in, &command, tell, &told, &err),
		    macro_cases[i].rc);
		assert_int_equal(err.class, macro_cases[i].rc == 0 ? ERR_NONE : ERR_PEER);
		assert_string_equal(buf_cstr(&told), macro_cases[i].told);
		if (macro_cases[i].rc == 0)
			assert_int_equal(command, macro_cases[i].command);
		buf_fini(&told);
	}
}

static const struct {
	char command;
	int at; /* -1: macros come not with it */
} stage_cases[] = {
	{ 'C', 0 },
	{ 'H', 1 },
	{ 'M', 2 },
	{ 'R', 3 },
	{ 'T', 4 },
	{ 'E', 5 },
	{ 'N', 6 },
	{ 'A', -1 },
	{ 'B', -1 },
	{ 'D', -1 },
	{ 'K', -1 },
	{ 'L', -1 },
	{ 'O', -1 },
	{ 'Q', -1 },
	{ 'U', -1 },
};

static void
test_stages(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(stage_cases); i++) {
		enum milter_macros_at at = MILTER_ATS;
		int rc = milter_macros_at((enum milter_command)stage_cases[i].command, &at);

		assert_int_equal(rc, stage_cases[i].at != -1);
		assert_int_equal(at, rc ? stage_cases[i].at : MILTER_ATS);
	}
}

#ifdef HAVE_LIBMILTER_MFDEF_H
#define SAME(ours, theirs)                                                                         \
	{                                                                                          \
#ours " and " #theirs, (unsigned long)(ours), (unsigned long)(theirs)              \
	}

static const struct {
	const char *what;
	unsigned long ours, theirs;
} constants[] = {
	SAME(MILTER_VERSION, SMFI_PROT_VERSION),
	SAME(MILTER_DATA_64K, MILTER_CHUNK_SIZE),
	SAME(MILTER_DATA_64K, MILTER_MAX_DATA_SIZE),
	SAME(MILTER_ABORT, SMFIC_ABORT),
	SAME(MILTER_BODY, SMFIC_BODY),
	SAME(MILTER_CONNECT, SMFIC_CONNECT),
	SAME(MILTER_MACRO, SMFIC_MACRO),
	SAME(MILTER_END, SMFIC_BODYEOB),
	SAME(MILTER_HELO, SMFIC_HELO),
	SAME(MILTER_QUIT_NC, SMFIC_QUIT_NC),
	SAME(MILTER_HEADER, SMFIC_HEADER),
	SAME(MILTER_MAIL, SMFIC_MAIL),
	SAME(MILTER_EOH, SMFIC_EOH),
	SAME(MILTER_OPTNEG, SMFIC_OPTNEG),
	SAME(MILTER_QUIT, SMFIC_QUIT),
	SAME(MILTER_RCPT, SMFIC_RCPT),
	SAME(MILTER_DATA, SMFIC_DATA),
	SAME(MILTER_UNKNOWN, SMFIC_UNKNOWN),
	SAME(MILTER_R_ADDRCPT, SMFIR_ADDRCPT),
	SAME(MILTER_R_DELRCPT, SMFIR_DELRCPT),
	SAME(MILTER_R_ADDRCPT_PAR, SMFIR_ADDRCPT_PAR),
	SAME(MILTER_R_ACCEPT, SMFIR_ACCEPT),
	SAME(MILTER_R_REPLBODY, SMFIR_REPLBODY),
	SAME(MILTER_R_CONTINUE, SMFIR_CONTINUE),
	SAME(MILTER_R_DISCARD, SMFIR_DISCARD),
	SAME(MILTER_R_CHGFROM, SMFIR_CHGFROM),
	SAME(MILTER_R_ADDHEADER, SMFIR_ADDHEADER),
	SAME(MILTER_R_INSHEADER, SMFIR_INSHEADER),
	SAME(MILTER_R_SETSYMLIST, SMFIR_SETSYMLIST),
	SAME(MILTER_R_CHGHEADER, SMFIR_CHGHEADER),
	SAME(MILTER_R_PROGRESS, SMFIR_PROGRESS),
	SAME(MILTER_R_QUARANTINE, SMFIR_QUARANTINE),
	SAME(MILTER_R_REJECT, SMFIR_REJECT),
	SAME(MILTER_R_SKIP, SMFIR_SKIP),
	SAME(MILTER_R_TEMPFAIL, SMFIR_TEMPFAIL),
	SAME(MILTER_R_REPLYCODE, SMFIR_REPLYCODE),
	SAME(MILTER_CAN_ADDHDRS, SMFIF_ADDHDRS),
	SAME(MILTER_CAN_CHGBODY, SMFIF_CHGBODY),
	SAME(MILTER_CAN_ADDRCPT, SMFIF_ADDRCPT),
	SAME(MILTER_CAN_DELRCPT, SMFIF_DELRCPT),
	SAME(MILTER_CAN_CHGHDRS, SMFIF_CHGHDRS),
	SAME(MILTER_CAN_QUARANTINE, SMFIF_QUARANTINE),
	SAME(MILTER_CAN_CHGFROM, SMFIF_CHGFROM),
	SAME(MILTER_CAN_ADDRCPT_PAR, SMFIF_ADDRCPT_PAR),
	SAME(MILTER_CAN_SETSYMLIST, SMFIF_SETSYMLIST),
	SAME(MILTER_CAN_ALL, SMFI_CURR_ACTS),
	SAME(MILTER_NO_CONNECT, SMFIP_NOCONNECT),
	SAME(MILTER_NO_HELO, SMFIP_NOHELO),
	SAME(MILTER_NO_MAIL, SMFIP_NOMAIL),
	SAME(MILTER_NO_RCPT, SMFIP_NORCPT),
	SAME(MILTER_NO_BODY, SMFIP_NOBODY),
	SAME(MILTER_NO_HEADERS, SMFIP_NOHDRS),
	SAME(MILTER_NO_EOH, SMFIP_NOEOH),
	SAME(MILTER_NR_HEADER, SMFIP_NR_HDR),
	SAME(MILTER_NO_UNKNOWN, SMFIP_NOUNKNOWN),
	SAME(MILTER_NO_DATA, SMFIP_NODATA),
	SAME(MILTER_SKIP, SMFIP_SKIP),
	SAME(MILTER_RCPT_REJ, SMFIP_RCPT_REJ),
	SAME(MILTER_NR_CONNECT, SMFIP_NR_CONN),
	SAME(MILTER_NR_HELO, SMFIP_NR_HELO),
	SAME(MILTER_NR_MAIL, SMFIP_NR_MAIL),
	SAME(MILTER_NR_RCPT, SMFIP_NR_RCPT),
	SAME(MILTER_NR_DATA, SMFIP_NR_DATA),
	SAME(MILTER_NR_UNKNOWN, SMFIP_NR_UNKN),
	SAME(MILTER_NR_EOH, SMFIP_NR_EOH),
	SAME(MILTER_NR_BODY, SMFIP_NR_BODY),
	SAME(MILTER_HDR_LEADSPC, SMFIP_HDR_LEADSPC),
	SAME(MILTER_STEPS_ALL, SMFI_CURR_PROT),
	SAME(MILTER_MDS_256K, SMFIP_MDS_256K),
	SAME(MILTER_MDS_1M, SMFIP_MDS_1M),
	SAME(MILTER_AT_CONNECT, SMFIM_CONNECT),
	SAME(MILTER_AT_HELO, SMFIM_HELO),
	SAME(MILTER_AT_MAIL, SMFIM_ENVFROM),
	SAME(MILTER_AT_RCPT, SMFIM_ENVRCPT),
	SAME(MILTER_AT_DATA, SMFIM_DATA),
	SAME(MILTER_AT_END, SMFIM_EOM),
	SAME(MILTER_AT_EOH, SMFIM_EOH),
	SAME(MILTER_ATS, SMFIM_LAST + 1),
	SAME('4', SMFIA_INET),
	SAME('6', SMFIA_INET6),
	SAME('L', SMFIA_UNIX),
	SAME('U', SMFIA_UNKNOWN),
};

static void
test_constants(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(constants); i++) {
		if (constants[i].ours != constants[i].theirs)
			fail_msg("%s: %#lx, %#lx", constants[i].what, constants[i].ours,
			    constants[i].theirs);
	}
}
#else
static void
test_constants(void **state)
{
	(void)state;
	print_message("libmilter/mfdef.h is not here\n");
	skip();
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_optneg),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_args),
		cmocka_unit_test(test_many_args),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_macros),
		cmocka_unit_test(test_stages),
		cmocka_unit_test(test_constants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
