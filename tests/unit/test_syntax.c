#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "mail/syntax.h"

#define OK   SYNTAX_OK
#define CMD  SYNTAX_BAD_COMMAND
#define ADDR SYNTAX_BAD_ADDRESS
#define PAR  SYNTAX_BAD_PARAM

static int
setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	arena_free(*state);
	return 0;
}

/* What stands behind FROM: and TO:.  Rows without "ours" were put to Postfix 3.7.11, which answers
 * the same. */
static const struct {
	const char *in;
	enum syntax_result mail, rcpt;
	const char *octets, *local, *domain;
} path_cases[] = {
	{ "<a@b.c>", OK, OK, "a@b.c", "a", "b.c" },
	{ "a@b.c", OK, OK, "a@b.c", "a", "b.c" },
	{ " <a@b.c>", OK, OK, "a@b.c", "a", "b.c" },
	{ "\t<a@b.c>\t", OK, OK, "a@b.c", "a", "b.c" },
	{ "< a@b.c >", OK, OK, "a@b.c", "a", "b.c" },
	{ "", CMD, CMD, NULL, NULL, NULL },
	{ "  ", CMD, CMD, NULL, NULL, NULL },
	/* the null path, a sender only */
	{ "<>", OK, ADDR, "", "", "" },
	{ "<\"\">", OK, ADDR, "\"\"", "", "" },
	{ "<a@b.c", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@b.c>x", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@b.c>SIZE=1", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@b.c><d@e.f>", ADDR, ADDR, NULL, NULL, NULL },
	{ "a@b.c>", ADDR, ADDR, NULL, NULL, NULL },      /* ours */
	{ "<<a@b.c>>", ADDR, ADDR, NULL, NULL, NULL },   /* ours */
	{ "<a(c)@b.c>", ADDR, ADDR, NULL, NULL, NULL },  /* ours */
	{ "(c) <a@b.c>", ADDR, ADDR, NULL, NULL, NULL }, /* ours: 555 for the second word */
	/* more than one @: the last counts */
	{ "<a@b@c>", OK, OK, "a@b@c", "a@b", "c" },
	{ "<a\\@b@c.d>", OK, OK, "a\\@b@c.d", "a@b", "c.d" },
	{ "<\"a@b\"@x.y>", OK, OK, "\"a@b\"@x.y", "a@b", "x.y" },
	/* source routes */
	{ "<@x.y:a@b.c>", OK, OK, "@x.y:a@b.c", "a", "b.c" },
	{ "<@x.y,@z.w:a@b.c>", OK, OK, "@x.y,@z.w:a@b.c", "a", "b.c" },
	{ "<@[IPv6:::1]:a@b.c>", OK, OK, "@[IPv6:::1]:a@b.c", "a", "b.c" },
	{ "<@a.b:c>", OK, OK, "@a.b:c", "c", "" },
	{ "<@a,b@c.d>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<@a.b,@c.d>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<@a.b:>", ADDR, ADDR, NULL, NULL, NULL }, /* ours */
	{ "<@a..b:c@d.e>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<:a@b.c>", ADDR, ADDR, NULL, NULL, NULL },       /* ours */
	{ "<a:b@c.d>", ADDR, ADDR, NULL, NULL, NULL },      /* ours */
	{ "<mailto:a@b.c>", ADDR, ADDR, NULL, NULL, NULL }, /* ours */
	/* local parts */
	{ "<@b>", OK, OK, "@b", "", "b" },
	{ "<postmaster>", OK, OK, "postmaster", "postmaster", "" },
	{ "postmaster", OK, OK, "postmaster", "postmaster", "" },
	{ "<a!b>", OK, OK, "a!b", "a!b", "" },
	{ "<a%b@x.y>", OK, OK, "a%b@x.y", "a%b", "x.y" },
	{ "<a/b@c.d>", OK, OK, "a/b@c.d", "a/b", "c.d" },
	{ "<a*'b@c.d>", OK, OK, "a*'b@c.d", "a*'b", "c.d" },
	{ "<.a@b.c>", OK, OK, ".a@b.c", ".a", "b.c" },
	{ "<a.@b.c>", OK, OK, "a.@b.c", "a.", "b.c" },
	{ "<a..b@b.c>", OK, OK, "a..b@b.c", "a..b", "b.c" },
	{ "<\"a b\"@x.y>", OK, OK, "\"a b\"@x.y", "a b", "x.y" },
	{ "\"a b\"@x.y", OK, OK, "\"a b\"@x.y", "a b", "x.y" },
	{ "<\"a>b\"@x.y>", OK, OK, "\"a>b\"@x.y", "a>b", "x.y" },
	{ "<\"a\\\"b\"@x.y>", OK, OK, "\"a\\\"b\"@x.y", "a\"b", "x.y" },
	{ "<\"a\\\\b\"@c.d>", OK, OK, "\"a\\\\b\"@c.d", "a\\b", "c.d" },
	{ "<a\\ b@x.y>", OK, OK, "a\\ b@x.y", "a b", "x.y" },
	{ "<\\a@b.c>", OK, OK, "\\a@b.c", "a", "b.c" },
	{ "<\"a\".b@c.d>", OK, OK, "\"a\".b@c.d", "a.b", "c.d" },
	{ "<a.\"b c\"@c.d>", OK, OK, "a.\"b c\"@c.d", "a.b c", "c.d" },
	{ "<\"\"@b.c>", OK, OK, "\"\"@b.c", "", "b.c" },
	{ "<x\"y\"@c.d>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<\"x\"y@c.d>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<\"a@b.c>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a b@x.y>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a b>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a,b@c.d>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a;b@c.d>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@b.c,d@e.f>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@b.c\\>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@b.c\\>>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a\x01@b.c>", ADDR, ADDR, NULL, NULL, NULL },    /* ours */
	{ "<a\t@b.c>", ADDR, ADDR, NULL, NULL, NULL },      /* ours */
	{ "<\"a\rb\"@x.y>", ADDR, ADDR, NULL, NULL, NULL }, /* ours */
	{ "<\"a\nb\"@x.y>", ADDR, ADDR, NULL, NULL, NULL }, /* ours */
	/* domains */
	{ "<a@>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@b_c.example>", OK, OK, "a@b_c.example", "a", "b_c.example" },
	{ "<a@xn--4ca.c>", OK, OK, "a@xn--4ca.c", "a", "xn--4ca.c" },
	{ "<a@b.c.>", OK, OK, "a@b.c.", "a", "b.c." },
	{ "<a@1a.2b>", OK, OK, "a@1a.2b", "a", "1a.2b" },
	{ "<a@b.1>", OK, OK, "a@b.1", "a", "b.1" },
	{ "<a@b.c.x-1>", OK, OK, "a@b.c.x-1", "a", "b.c.x-1" },
	{ "<a@b..c>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@.b.c>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@.>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<u@-bad-.example>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<u@bad-.example>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@b/c.d>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@b+c.d>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@b c.d>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@b.c:25>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@\"b\">", ADDR, ADDR, NULL, NULL, NULL }, /* ours */
	/* numbers are no name, only a literal is an address */
	{ "<u@1.2.3.4>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@123>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@1.2>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@1.2.3.4.5>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@[1.2.3.4]>", OK, OK, "a@[1.2.3.4]", "a", "[1.2.3.4]" },
	{ "<a@[IPv6:::1]>", OK, OK, "a@[IPv6:::1]", "a", "[IPv6:::1]" },
	{ "<a@[ipv6:2001:db8::1]>", OK, OK, "a@[ipv6:2001:db8::1]", "a", "[ipv6:2001:db8::1]" },
	{ "<a@[1.2.3]>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@[256.1.1.1]>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@[IPv6:1.2.3.4]>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@[2001:db8::1]>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@[IPv6:zz]>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@[foo]>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@[]>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@[>", ADDR, ADDR, NULL, NULL, NULL },
	{ "<a@[1.2.3.4]y>", ADDR, ADDR, NULL, NULL, NULL },
	/* without SMTPUTF8 on offer */
	{ "<\xc3\xa4@b.c>", ADDR, ADDR, NULL, NULL, NULL },
};

static void
check_path(struct arena *a, const char *in, int utf8, int sender, enum syntax_result want,
    const char *octets, const char *local, const char *domain)
{
	struct mail_path p;
	struct mail_params params;
	const char *arg = arena_printf(a, "%s%s", sender ? "FROM:" : "TO:", in);
	enum syntax_result rc =
	    (sender ? syntax_mail : syntax_rcpt)(a, span_str(arg), utf8, &p, &params);

	if (rc != want)
		print_message("%s\n", arg);
	assert_int_equal(rc, want);
	if (rc != SYNTAX_OK)
		return;
	assert_string_equal(p.octets, octets);
	assert_string_equal(p.local, local);
	assert_string_equal(p.domain, domain);
	assert_string_equal(
	    p.addr, domain[0] == '\0' ? local : arena_printf(a, "%s@%s", local, domain));
	assert_string_equal(params.raw, "");
	assert_null(params.unknown);
}

static void
test_path(void **state)
{
	for (size_t i = 0; i < nitems(path_cases); i++) {
		check_path(*state, path_cases[i].in, 0, 1, path_cases[i].mail, path_cases[i].octets,
		    path_cases[i].local, path_cases[i].domain);
		check_path(*state, path_cases[i].in, 0, 0, path_cases[i].rcpt, path_cases[i].octets,
		    path_cases[i].local, path_cases[i].domain);
	}
}

static void
test_path_lengths(void **state)
{
	static const struct {
		int local, label, labels;
		enum syntax_result rc;
	} cases[] = {
		{ 64, 63, 2, OK },
		{ 65, 1, 1, OK }, /* longer than the RFC's 64, and sent by real people */
		{ 1500, 1, 1, OK }, { 1, 64, 1, ADDR }, { 1, 63, 4, OK }, /* 255 octets */
		{ 1, 60, 5, ADDR },                                       /* 304 */
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		struct buf b = { 0 };
		struct mail_path p;
		struct mail_params params;

		buf_adds(&b, "TO:<");
		for (int k = 0; k < cases[i].local; k++)
			buf_addc(&b, 'l');
		buf_addc(&b, '@');
		for (int n = 0; n < cases[i].labels; n++) {
			if (n > 0)
				buf_addc(&b, '.');
			for (int k = 0; k < cases[i].label; k++)
				buf_addc(&b, 'd');
		}
		buf_addc(&b, '>');
		assert_int_equal(syntax_rcpt(*state, buf_span(&b), 0, &p, &params), cases[i].rc);
		buf_fini(&b);
	}
}

static void
test_path_utf8(void **state)
{
	check_path(*state, "<\xc3\xa4@b.c>", 1, 1, OK, "\xc3\xa4@b.c", "\xc3\xa4", "b.c");
	check_path(*state, "<\"\xc3\xa4\"@b.c>", 1, 0, OK, "\"\xc3\xa4\"@b.c", "\xc3\xa4", "b.c");
	/* not UTF-8; overlong; a surrogate; beyond the last character; cut */
	check_path(*state, "<\xe4@b.c>", 1, 1, ADDR, NULL, NULL, NULL);
	check_path(*state, "<\xc0\xaf@b.c>", 1, 1, ADDR, NULL, NULL, NULL);
	check_path(*state, "<\xed\xa0\x80@b.c>", 1, 1, ADDR, NULL, NULL, NULL);
	check_path(*state, "<\xf4\x90\x80\x80@b.c>", 1, 1, ADDR, NULL, NULL, NULL);
	check_path(*state, "<a@b.c\xe2\x82>", 1, 1, ADDR, NULL, NULL, NULL);
	check_path(*state, "<\xf0\x9f\x98\x80@b.c>", 1, 1, OK, "\xf0\x9f\x98\x80@b.c",
	    "\xf0\x9f\x98\x80", "b.c");
	/* a domain only for who says SMTPUTF8; RCPT cannot know */
	check_path(*state, "<a@b\xc3\xa4.c>", 1, 1, ADDR, NULL, NULL, NULL);
	check_path(*state, "<a@b\xc3\xa4.c>", 1, 0, OK, "a@b\xc3\xa4.c", "a", "b\xc3\xa4.c");
}

/* An octet by itself in a local part: the specials of RFC 5322 and what is not printed are for
 * quotes.  "." and "@" are syntax, and '>' ends the path. */
static void
test_atom_octets(void **state)
{
	for (int c = 1; c < 128; c++) {
		char text[] = "a_b@c.d";
		struct mail_path p;
		int good = c > ' ' && c < 0x7f && strchr("()<>,;:\"[]\\", c) == NULL;

		text[1] = (char)c;
		if (c == '@' || c == '\\') /* the last "@" counts; "\b" is "b" */
			continue;
		assert_int_equal(syntax_address(*state, span_str(text), 0, &p), good ? 0 : -1);
	}
}

static void
test_nul(void **state)
{
	static const char *const cases[] = { "FROM:<a_b@c.d>", "FROM:<a@c_d>", "FROM:<_>",
		"FROM:<\"_\"@c.d>", "FROM:<\"\\_\"@c.d>", "FROM:<a@[_]>", "FROM:<a@b.c> _",
		"FROM:<a@b.c> ENVID=a_b", "FROM:<a@b.c> X_Y", "FROM:_<a@b.c>", "FR_M:<a@b.c>" };

	for (size_t i = 0; i < nitems(cases); i++) {
		char *arg = arena_strdup(*state, cases[i]);
		struct span s = span_str(arg);
		struct mail_path p;
		struct mail_params params;

		*strchr(arg, '_') = '\0';
		assert_int_not_equal(syntax_mail(*state, s, 1, &p, &params), SYNTAX_OK);
	}
}

static const struct {
	const char *in;
	enum syntax_result rc;
	const char *unknown, *why;
} command_cases[] = {
	{ "FROM:<a@b.c>", OK, NULL, NULL }, { "from: <a@b.c>", OK, NULL, NULL },
	{ "  FROM:<a@b.c>", OK, NULL, NULL }, { "FROM :<a@b.c>", CMD, NULL, NULL },
	{ "FROM<a@b.c>", CMD, NULL, NULL }, { "FROM", CMD, NULL, NULL },
	{ "FROM:", CMD, NULL, NULL }, { "", CMD, NULL, NULL }, { "TO:<a@b.c>", CMD, NULL, NULL },
	{ "X FROM:<a@b.c>", CMD, NULL, NULL }, { "FROM:a b c", OK, "b", NULL },
	{ "FROM:<a@b.c> (comment)", OK, "(comment)", NULL },
	{ "FROM:<a@b.c> SIZE=1", OK, NULL, NULL },
	{ "FROM:<a@b.c>\tsize=1 \t BODY=7BIT", OK, NULL, NULL },
	{ "FROM:<a@b.c> SIZE", OK, "SIZE", NULL },
	{ "FROM:<a@b.c> SIZE=", PAR, NULL, "Bad message size syntax" },
	{ "FROM:<a@b.c> SIZE=abc", PAR, NULL, "Bad message size syntax" },
	{ "FROM:<a@b.c> SIZE=-1", PAR, NULL, "Bad message size syntax" },
	{ "FROM:<a@b.c> SIZE=1 SIZE=1", PAR, NULL, "Bad message size syntax" }, /* ours */
	{ "FROM:<a@b.c> BODY=8bitmime", OK, NULL, NULL },
	{ "FROM:<a@b.c> BODY=X", OK, "BODY=X", NULL }, { "FROM:<a@b.c> BODY", OK, "BODY", NULL },
	{ "FROM:<a@b.c> BODY=7BIT BODY=8BITMIME", PAR, NULL,
	    "Bad BODY parameter syntax" }, /* ours */
	{ "FROM:<a@b.c> SMTPUTF8", OK, NULL, NULL },
	{ "FROM:<a@b.c> SMTPUTF8=1", OK, "SMTPUTF8=1", NULL },
	{ "FROM:<a@b.c> PRDR", OK, NULL, NULL }, { "FROM:<a@b.c> PRDR=1", OK, "PRDR=1", NULL },
	{ "FROM:<a@b.c> PRDR prdr", PAR, NULL, "Bad PRDR parameter syntax" },
	{ "FROM:<a@b.c> RET=FULL", OK, NULL, NULL }, { "FROM:<a@b.c> RET=hdrs", OK, NULL, NULL },
	{ "FROM:<a@b.c> RET=X", PAR, NULL, "Bad RET parameter syntax" },
	{ "FROM:<a@b.c> RET=", PAR, NULL, "Bad RET parameter syntax" },
	{ "FROM:<a@b.c> RET=FULL RET=HDRS", PAR, NULL, "Bad RET parameter syntax" },
	{ "FROM:<a@b.c> ENVID=a+20b", OK, NULL, NULL },
	{ "FROM:<a@b.c> ENVID=a+zzb", PAR, NULL, "Bad ENVID parameter syntax" },
	{ "FROM:<a@b.c> ENVID=a+2", PAR, NULL, "Bad ENVID parameter syntax" },
	{ "FROM:<a@b.c> ENVID=", PAR, NULL, "Bad ENVID parameter syntax" },
	{ "FROM:<a@b.c> ENVID=a=b", PAR, NULL, "Bad ENVID parameter syntax" },   /* ours */
	{ "FROM:<a@b.c> ENVID=a+00b", PAR, NULL, "Bad ENVID parameter syntax" }, /* ours */
	{ "FROM:<a@b.c> ENVID=a+0Ab", PAR, NULL, "Bad ENVID parameter syntax" },
	{ "FROM:<a@b.c> ENVID=a ENVID=b", PAR, NULL, "Bad ENVID parameter syntax" },
	{ "FROM:<a@b.c> NOTIFY=NEVER", OK, "NOTIFY=NEVER", NULL }, /* RCPT's */
	{ "FROM:<a@b.c> X=Y SIZE=x", OK, "X=Y", NULL },            /* the first is reported */
	{ "FROM:<a@b.c> SIZE=x X=Y", PAR, NULL, "Bad message size syntax" },
	{ "FROM:<a b> X=Y", ADDR, NULL, NULL },
	{ "FROM:<a@b.c> AUTH=<>", OK, "AUTH=<>", NULL }, /* ours */
};

static const struct {
	const char *in;
	enum syntax_result rc;
	const char *unknown, *why;
} rcpt_cases[] = {
	{ "TO:<a@b.c> NOTIFY=NEVER", OK, NULL, NULL },
	{ "TO:<a@b.c> notify=success,failure,delay", OK, NULL, NULL },
	{ "TO:<a@b.c> NOTIFY=SUCCESS,SUCCESS,", OK, NULL, NULL },
	{ "TO:<a@b.c> NOTIFY=,SUCCESS", OK, NULL, NULL },
	{ "TO:<a@b.c> NOTIFY=NEVER,NEVER", OK, NULL, NULL },
	{ "TO:<a@b.c> NOTIFY=SUCCESS,NEVER", PAR, NULL, "Error: Bad NOTIFY parameter syntax" },
	{ "TO:<a@b.c> NOTIFY=X", PAR, NULL, "Error: Bad NOTIFY parameter syntax" },
	{ "TO:<a@b.c> NOTIFY=", PAR, NULL, "Error: Bad NOTIFY parameter syntax" },
	{ "TO:<a@b.c> NOTIFY=,", PAR, NULL, "Error: Bad NOTIFY parameter syntax" },
	{ "TO:<a@b.c> NOTIFY", OK, "NOTIFY", NULL },
	{ "TO:<a@b.c> NOTIFY=NEVER NOTIFY=DELAY", PAR, NULL, "Error: Bad NOTIFY parameter syntax" },
	{ "TO:<a@b.c> ORCPT=rfc822;a+2Bx@b.c", OK, NULL, NULL },
	{ "TO:<a@b.c> ORCPT=rfc822;", OK, NULL, NULL },
	{ "TO:<a@b.c> ORCPT=rfc822;\"a+09b\"@b.c", OK, NULL, NULL },
	{ "TO:<a@b.c> ORCPT=rfc822;a+7F+E9", OK, NULL, NULL },
	{ "TO:<a@b.c> ORCPT=rfc822;a+00b", PAR, NULL,
	    "Error: Bad ORCPT parameter syntax" }, /* ours */
	{ "TO:<a@b.c> ORCPT=rfc+09822;a", PAR, NULL, "Error: Bad ORCPT parameter syntax" },
	{ "TO:<a@b.c> ORCPT=utf-8;a\\x{20AC}@b.c", OK, NULL, NULL },
	{ "TO:<a@b.c> ORCPT=utf-8;\xc3\xa4@b.c", PAR, NULL, "Error: Bad ORCPT parameter syntax" },
	{ "TO:<a@b.c> ORCPT=a@b.c", PAR, NULL, "Error: Bad ORCPT parameter syntax" },
	{ "TO:<a@b.c> ORCPT=;a@b.c", PAR, NULL, "Error: Bad ORCPT parameter syntax" },
	{ "TO:<a@b.c> ORCPT=rfc822;a+zz", PAR, NULL, "Error: Bad ORCPT parameter syntax" },
	{ "TO:<a@b.c> ORCPT=", PAR, NULL, "Error: Bad ORCPT parameter syntax" },
	{ "TO:<a@b.c> ORCPT", OK, "ORCPT", NULL },
	{ "TO:<a@b.c> ORCPT=rfc822;a ORCPT=rfc822;b", PAR, NULL,
	    "Error: Bad ORCPT parameter syntax" },
	{ "TO:<a@b.c> SIZE=1", OK, "SIZE=1", NULL },
	{ "TO:<a@b.c> RET=FULL", OK, "RET=FULL", NULL },
	{ "TO", CMD, NULL, NULL },
	{ "TO:", CMD, NULL, NULL },
	{ "FROM:<a@b.c>", CMD, NULL, NULL },
};

static void
check_words(const struct mail_params *p, const char *unknown, const char *why)
{
	if (unknown == NULL)
		assert_null(p->unknown);
	else
		assert_string_equal(p->unknown, unknown);
	if (why == NULL)
		assert_null(p->why);
	else
		assert_string_equal(p->why, why);
}

static void
test_commands(void **state)
{
	struct mail_path p;
	struct mail_params params;

	for (size_t i = 0; i < nitems(command_cases); i++) {
		assert_int_equal(syntax_mail(*state, span_str(command_cases[i].in), 0, &p, &params),
		    command_cases[i].rc);
		check_words(&params, command_cases[i].unknown, command_cases[i].why);
	}
	for (size_t i = 0; i < nitems(rcpt_cases); i++) {
		assert_int_equal(syntax_rcpt(*state, span_str(rcpt_cases[i].in), 0, &p, &params),
		    rcpt_cases[i].rc);
		check_words(&params, rcpt_cases[i].unknown, rcpt_cases[i].why);
	}
}

static void
test_params_values(void **state)
{
	struct mail_path p;
	struct mail_params v;

	assert_int_equal(syntax_mail(*state,
			     span_str("FROM:<>  SIZE=12\tBODY=8bitmime prdr SMTPUTF8 ret=hdrs "
				      "ENVID=q+2B "),
			     1, &p, &v),
	    OK);
	/* PRDR is not for the next hop */
	assert_string_equal(v.raw, "SIZE=12 BODY=8bitmime SMTPUTF8 ret=hdrs ENVID=q+2B");
	assert_int_equal(v.prdr, 1);
	assert_int_equal(v.size, 12);
	assert_int_equal(v.body, BODY_8BITMIME);
	assert_int_equal(v.smtputf8, 1);
	assert_string_equal(v.ret, "HDRS");
	assert_string_equal(v.envid, "q+2B");
	assert_null(v.notify);

	assert_int_equal(syntax_mail(*state, span_str("FROM:<>"), 1, &p, &v), OK);
	assert_int_equal(v.prdr, 0);
	assert_int_equal(v.size, -1);
	assert_int_equal(v.body, BODY_NONE);
	assert_int_equal(v.smtputf8, 0);
	assert_null(v.ret);

	/* more than an integer holds is more than any limit */
	assert_int_equal(
	    syntax_mail(*state, span_str("FROM:<> SIZE=99999999999999999999"), 1, &p, &v), OK);
	assert_true(v.size == INT64_MAX);
	assert_int_equal(syntax_mail(*state, span_str("FROM:<> BODY=BINARYMIME"), 1, &p, &v), OK);
	assert_int_equal(v.body, BODY_BINARYMIME);

	assert_int_equal(syntax_rcpt(*state,
			     span_str("TO:<a@b> NOTIFY=never ORCPT=utf-8;\xc3\xa4@b.c"), 1, &p, &v),
	    OK);
	assert_string_equal(v.notify, "never");
	assert_int_equal(v.notify_never, 1);
	assert_string_equal(v.orcpt, "utf-8;\xc3\xa4@b.c");
	assert_int_equal(syntax_rcpt(*state, span_str("TO:<a@b> NOTIFY=DELAY"), 1, &p, &v), OK);
	assert_int_equal(v.notify_never, 0);
}

static void
test_address(void **state)
{
	struct mail_path p;

	assert_int_equal(syntax_address(*state, span_str("user@example.org"), 0, &p), 0);
	assert_string_equal(p.addr, "user@example.org");
	assert_int_equal(syntax_address(*state, span_str("user"), 0, &p), 0);
	assert_int_equal(syntax_address(*state, span_str(""), 0, &p), -1);
	assert_int_equal(syntax_address(*state, span_str("<user@example.org>"), 0, &p), -1);
	assert_int_equal(syntax_address(*state, span_str("a@b, c@d"), 0, &p), -1);
}

static void
test_helo(void **state)
{
	static const struct {
		const char *in;
		int ok;
	} cases[] = {
		{ "mail.example.org", 1 },
		{ "[192.0.2.1]", 1 },
		{ "bad!host_.example", 1 }, /* reject_invalid_helo_hostname's business */
		{ "\xc3\xa4.example", 1 },
		{ "\xe4.example", 0 },
		{ "", 0 },
		{ "a b", 0 },
		{ "a\x01", 0 },
		{ "a\x7f", 0 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++)
		assert_int_equal(syntax_helo(span_str(cases[i].in)), cases[i].ok);
	assert_int_equal(syntax_helo(span_make("a\0b", 3)), 0);
}

static void
test_xtext(void **state)
{
	static const struct {
		const char *in, *out; /* out NULL: refused */
	} cases[] = {
		{ "", "" },
		{ "abc", "abc" },
		{ "a+2Bb+3D", "a+b=" },
		{ "+20", " " },
		{ "+e4", "\xe4" }, /* lower case is out of order and clear */
		{ "+", NULL },
		{ "+2", NULL },
		{ "+2x", NULL },
		{ "a=b", NULL },
		{ "a b", NULL },
		{ "\xe4", NULL },
		{ "+00", NULL },
		{ "+0A", NULL },
		{ "a+0D", NULL },
		{ "+7F", NULL },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct buf b = { 0 };

		buf_adds(&b, "before:");
		assert_int_equal(
		    xtext_decode(span_str(cases[i].in), &b), cases[i].out == NULL ? -1 : 0);
		assert_memory_equal(buf_cstr(&b), "before:", 7);
		assert_string_equal(buf_cstr(&b) + 7, cases[i].out == NULL ? "" : cases[i].out);
		buf_fini(&b);
	}
}

static void
test_xtext_encode(void **state)
{
	struct buf b = { 0 }, back = { 0 };

	(void)state;
	xtext_encode(span_make("a +=\xe4\0\x7f~", 8), &b);
	assert_string_equal(buf_cstr(&b), "a+20+2B+3D+E4+00+7F~");
	buf_reset(&b);
	xtext_encode(span_str("every thing = + \xc3\xa4"), &b);
	assert_int_equal(xtext_decode(buf_span(&b), &back), 0);
	assert_string_equal(buf_cstr(&back), "every thing = + \xc3\xa4");
	buf_fini(&b);
	buf_fini(&back);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_path, setup, teardown),
		cmocka_unit_test_setup_teardown(test_path_lengths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_path_utf8, setup, teardown),
		cmocka_unit_test_setup_teardown(test_atom_octets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nul, setup, teardown),
		cmocka_unit_test_setup_teardown(test_commands, setup, teardown),
		cmocka_unit_test_setup_teardown(test_params_values, setup, teardown),
		cmocka_unit_test_setup_teardown(test_address, setup, teardown),
		cmocka_unit_test(test_helo),
		cmocka_unit_test(test_xtext),
		cmocka_unit_test(test_xtext_encode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
