/* What an MTA says of its client, in events and macros, as struct client; and paths and parameters
 * as struct transaction. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/log.h"
#include "front/milter_session_private.h"
#include "tests/lib/milter_script.h"

#define CONF "listeners = { milter:127.0.0.1:1 }\n"
#define OLD  "N 2 3f 0\n"
#define U    "unknown"

static const struct {
	const char *script, *addr, *port, *name, *reverse;
	enum attr_state name_state, reverse_state;
	int untold;
	enum client_source source;
} connections[] = {
	/* Postfix with the macros we ask for. */
	{ "m C client_ptr=a.example\nm C client_resolve=OK\nC a.example 4 192.0.2.1 99\n",
	    "192.0.2.1", "99", "a.example", "a.example", ATTR_KNOWN, ATTR_KNOWN, 0, SOURCE_MILTER },
	{ "m C client_ptr=a.example\nm C client_resolve=FORGED\nC unknown 4 192.0.2.1 99\n",
	    "192.0.2.1", "99", U, "a.example", ATTR_UNKNOWN, ATTR_KNOWN, 0, SOURCE_MILTER },
	{ "m C client_ptr=a.example\nm C client_resolve=FAIL\nC unknown 4 192.0.2.1 99\n",
	    "192.0.2.1", "99", U, "a.example", ATTR_UNKNOWN, ATTR_KNOWN, 0, SOURCE_MILTER },
	{ "m C client_ptr=a.example\nm C client_resolve=TEMP\nC unknown 4 192.0.2.1 99\n",
	    "192.0.2.1", "99", U, "a.example", ATTR_TEMPFAIL, ATTR_KNOWN, 0, SOURCE_MILTER },
	{ "m C client_ptr=unknown\nm C client_resolve=FAIL\nC unknown 4 192.0.2.1 99\n",
	    "192.0.2.1", "99", U, U, ATTR_UNKNOWN, ATTR_UNKNOWN, 0, SOURCE_MILTER },
	{ "m C client_ptr=unknown\nm C client_resolve=TEMP\nC unknown 4 192.0.2.1 99\n",
	    "192.0.2.1", "99", U, U, ATTR_TEMPFAIL, ATTR_TEMPFAIL, 0, SOURCE_MILTER },
	/* Sendmail: the address for a name; {client_ptr} may be that too. */
	{ "m C client_name=[192.0.2.1]\nm C client_ptr=a.example\nm C client_resolve=FORGED\n"
	  "C [192.0.2.1] 4 192.0.2.1 99\n",
	    "192.0.2.1", "99", U, "a.example", ATTR_UNKNOWN, ATTR_KNOWN, 0, SOURCE_MILTER },
	{ "m C client_ptr=[192.0.2.1]\nm C client_resolve=FAIL\nC [192.0.2.1] 4 192.0.2.1 99\n",
	    "192.0.2.1", "99", U, U, ATTR_UNKNOWN, ATTR_UNKNOWN, 0, SOURCE_MILTER },
	/* A name that somebody claims and the MTA does not believe. */
	{ "m C client_name=a.example\nm C client_resolve=FORGED\nC a.example 4 192.0.2.1 99\n",
	    "192.0.2.1", "99", U, U, ATTR_UNKNOWN, ATTR_UNKNOWN, 1, SOURCE_MILTER },
	/* Nothing but the event: the name is the verified one; of the other nobody knows. */
	{ "C a.example 4 192.0.2.1 99\n", "192.0.2.1", "99", "a.example", "a.example", ATTR_KNOWN,
	    ATTR_KNOWN, 0, SOURCE_MILTER },
	{ "C unknown 4 192.0.2.1 99\n", "192.0.2.1", "99", U, U, ATTR_UNKNOWN, ATTR_UNKNOWN, 1,
	    SOURCE_MILTER },
	/* What is no host name is none. */
	{ "m C client_ptr=a_b;c\nm C client_resolve=FAIL\nC a|b 4 192.0.2.1 0\n", "192.0.2.1", "",
	    U, U, ATTR_UNKNOWN, ATTR_UNKNOWN, 0, SOURCE_MILTER },
	/* IPv6, with and without its prefix; an address that is only told. */
	{ "C a.example 6 2001:DB8::1 99\n", "2001:db8::1", "99", "a.example", "a.example",
	    ATTR_KNOWN, ATTR_KNOWN, 0, SOURCE_MILTER },
	{ "m C client_addr=IPv6:2001:db8::1\nm C client_port=7\nC a.example U - 0\n", "2001:db8::1",
	    "7", "a.example", "a.example", ATTR_KNOWN, ATTR_KNOWN, 0, SOURCE_MILTER },
	{ "m C client_addr=unknown\nC unknown U - 0\n", U, "", U, U, ATTR_UNKNOWN, ATTR_UNKNOWN, 1,
	    SOURCE_MILTER },
	{ "C localhost L /run/x 0\n", U, "", "localhost", "localhost", ATTR_KNOWN, ATTR_KNOWN, 0,
	    SOURCE_MILTER },
	{ "C a.example 4 bogus 99\n", U, "99", "a.example", "a.example", ATTR_KNOWN, ATTR_KNOWN, 0,
	    SOURCE_MILTER },
	/* What Postfix makes up, and somebody who is really there. */
	{ "C localhost 4 127.0.0.1 0\n", "127.0.0.1", "", "localhost", "localhost", ATTR_KNOWN,
	    ATTR_KNOWN, 0, SOURCE_MILTER_LOCAL },
	{ "C localhost 4 127.0.0.1 99\n", "127.0.0.1", "99", "localhost", "localhost", ATTR_KNOWN,
	    ATTR_KNOWN, 0, SOURCE_MILTER },
	/* Macros of the client before, and of an event that did not come. */
	{ "m C client_ptr=a.example\nm C client_resolve=TEMP\nC unknown 4 192.0.2.1 99\nK\n"
	  "C unknown 4 192.0.2.2 99\n",
	    "192.0.2.2", "99", U, U, ATTR_UNKNOWN, ATTR_UNKNOWN, 1, SOURCE_MILTER },
	{ "m C client_ptr=a.example\nm C client_resolve=TEMP\nC unknown 4 192.0.2.1 99\n"
	  "C unknown 4 192.0.2.2 99\n",
	    "192.0.2.2", "99", U, U, ATTR_UNKNOWN, ATTR_UNKNOWN, 1, SOURCE_MILTER },
	/* Told before the session before it is over, for this one (QUIT_NC comes in any order). */
	{ "C unknown 4 192.0.2.1 99\nm C client_ptr=a.example\nm C client_resolve=TEMP\nK\n"
	  "C unknown 4 192.0.2.2 99\n",
	    "192.0.2.2", "99", U, "a.example", ATTR_TEMPFAIL, ATTR_KNOWN, 0, SOURCE_MILTER },
};

static void
test_connections(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(connections); i++) {
		struct milter_script *m = milter_script_new(CONF, NULL);
		const struct client *c = &m->session->client;

		milter_script_play(m, OLD);
		milter_script_play(m, connections[i].script);
		if (strcmp(c->name, connections[i].name) != 0)
			print_error("row %zu\n", i);
		assert_string_equal(c->name, connections[i].name);
		assert_string_equal(c->addr, connections[i].addr);
		assert_string_equal(c->port, connections[i].port);
		assert_string_equal(c->reverse_name, connections[i].reverse);
		assert_int_equal(c->name_state, connections[i].name_state);
		assert_int_equal(c->reverse_state, connections[i].reverse_state);
		assert_int_equal(c->reverse_untold, connections[i].untold);
		assert_int_equal(c->source, connections[i].source);
		milter_script_free(m);
	}
}

/* --- what the server's side and the session have --- */

#define CLIENT  "C a.example 4 192.0.2.1 99\n"
#define POSTFIX "m C v=Postfix 3.7.11\n" CLIENT
#define OTHER   "m C v=8.17.1\n" CLIENT
#define TLS     "m M tls_version=TLSv1.3\nm M cipher=X\nm M cipher_bits=256\n"
#define CERT    "m M cert_subject=CN+3Da\nm M cert_issuer=ca\n"
#define MAIL    "M <a@b.example>\n"

static const struct {
	const char *script;
	const char *facts; /* login/method/author proto tls/cipher/bits/subject/issuer ident, as far
			      as told */
} sessions[] = {
	{ CLIENT MAIL, "// - " },
	{ CLIENT "M <a@b.example> SIZE=1\n", "// ESMTP - " },
	{ CLIENT "m H r=ESMTPSA\nH x\n" MAIL, "// ESMTP - " },
	{ CLIENT "m M r=SMTP\n" MAIL, "// SMTP - " },
	/* PITFALLS B5: absent or empty is not authenticated. */
	{ CLIENT "m M auth_authen=joe\nm M auth_type=PLAIN\nm M auth_author=joe@b.example\n" MAIL,
	    "joe/PLAIN/joe@b.example ESMTP - " },
	{ CLIENT "m M auth_authen=\nm M auth_type=PLAIN\nm M auth_author=x\n" MAIL, "// - " },
	{ CLIENT "m M auth_type=PLAIN\n" MAIL, "// - " },
	/* A message's macros end with it, whoever tells what is next. */
	{ CLIENT "m M auth_authen=joe\n" MAIL "A\n" MAIL, "// - " },
	{ CLIENT "m M auth_authen=joe\n" MAIL MAIL, "// - " },
	{ CLIENT "m M auth_authen=joe\n" MAIL "R <c@d.example>\nE\n" MAIL, "// - " },
	{ CLIENT "m M auth_authen=joe\n" MAIL "m M auth_authen=\n" MAIL, "// - " },
	/* ABORT may come when the next one's have been told. */
	{ CLIENT MAIL "m M auth_authen=joe\nA\n" MAIL, "joe// ESMTP - " },
	{ CLIENT "m M auth_authen=joe\n" MAIL "K\n" CLIENT MAIL, "// - " },
	/* TLS; a certificate is one if the MTA says that it was verified. */
	{ POSTFIX TLS MAIL, "// ESMTP TLSv1.3/X/256// " },
	{ POSTFIX TLS CERT MAIL, "// ESMTP TLSv1.3/X/256/CN+3Da/ca " },
	{ OTHER TLS CERT MAIL, "// ESMTP TLSv1.3/X/256// " },
	{ OTHER TLS CERT "m M verify=NO\n" MAIL, "// ESMTP TLSv1.3/X/256// " },
	{ OTHER TLS CERT "m M verify=OK\n" MAIL, "// ESMTP TLSv1.3/X/256/CN=a/ca " },
	{ POSTFIX TLS CERT "m M verify=FAIL\n" MAIL, "// ESMTP TLSv1.3/X/256// " },
	{ CLIENT CERT "m M verify=OK\n" MAIL, "// - " }, /* no TLS */
	{ CLIENT "m H tls_version=TLSv1.2\nm H cipher_bits=x\nH x\n" MAIL,
	    "// ESMTP TLSv1.2//0// " },
	/* HELO without macros after one with them (an MTA without TLS sends none). */
	{ CLIENT "m H tls_version=TLSv1.2\nH x\nH y\n" MAIL, "// - " },
	/* The queue id comes when there is one. */
	{ CLIENT MAIL "R <c@d.example>\nm T i=ABC\nT\n", "// - ABC" },
	{ CLIENT MAIL "m R i=ABC\nR <c@d.example>\nR <e@d.example>\n", "// - " },
	{ CLIENT "m M i=ABC\n" MAIL "A\n" MAIL, "// - " },
};

static void
describe(const struct client *c, char *out, size_t size)
{
	const struct client_tls *t = c->tls;
	char tls[600] = "-";

	if (t != NULL)
		snprintf(tls, sizeof(tls), "%s/%s/%d/%s/%s", t->protocol, t->cipher,
		    (int)t->keysize, t->ccert_subject, t->ccert_issuer);
	snprintf(out, size, "%s/%s/%s %s%s%s %s", c->login, c->login_method,
	    c->login_sender == NULL ? "" : c->login_sender, c->proto,
	    c->proto[0] == '\0' ? "" : " ", tls, c->ident);
}

static void
test_sessions(void **state)
{
	char got[1500];

	(void)state;
	for (size_t i = 0; i < nitems(sessions); i++) {
		struct milter_script *m = milter_script_new(CONF, NULL);

		milter_script_play(m, OLD);
		milter_script_play(m, sessions[i].script);
		describe(&m->session->client, got, sizeof(got));
		if (strcmp(got, sessions[i].facts) != 0)
			print_error("row %zu\n", i);
		assert_string_equal(got, sessions[i].facts);
		milter_script_free(m);
	}
}

static const struct {
	const char *script, *addr, *port;
} servers[] = {
	{ "m C daemon_addr=192.0.2.9\nm C daemon_port=25\n" CLIENT, "192.0.2.9", "25" },
	{ "m C daemon_addr=IPv6:2001:db8::9\nm C daemon_port=25\n" CLIENT, "2001:db8::9", "25" },
	/* Sendmail: what it listens at, and the address of this connection. */
	{ "m C daemon_addr=0.0.0.0\nm C daemon_port=25\n" CLIENT, "", "" },
	{ "m C if_addr=192.0.2.9\nm C daemon_addr=0.0.0.0\nm C daemon_port=25\n" CLIENT,
	    "192.0.2.9", "25" },
	{ "m C daemon_addr=127.0.0.1\nm C daemon_port=0\n" CLIENT, "127.0.0.1", "" },
	{ CLIENT, "", "" },
};

static void
test_servers(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(servers); i++) {
		struct milter_script *m = milter_script_new(CONF, NULL);

		milter_script_play(m, servers[i].script);
		assert_string_equal(m->session->client.server_addr, servers[i].addr);
		assert_string_equal(m->session->client.server_port, servers[i].port);
		milter_script_free(m);
	}
}

/* A login or a name that was cut could be another one's. */
static void
test_too_long(void **state)
{
	struct milter_script *m = milter_script_new(CONF, NULL);
	char name[6000];

	(void)state;
	milter_script_play(m, POSTFIX);
	milter_session_macros_begin(m->session, MILTER_AT_MAIL);
	for (size_t n = 255; n < sizeof(name); n += 1915) {
		memset(name, 'a', n);
		name[n] = '\0';
		milter_session_macro(m->session, MILTER_AT_MAIL, "auth_authen", name);
		milter_session_macro(m->session, MILTER_AT_MAIL, "cert_subject", name);
		milter_session_macro(m->session, MILTER_AT_MAIL, "tls_version", "TLSv1.3");
		milter_script_play(m, MAIL);
		assert_int_equal(strlen(m->session->client.login), n == 255 ? 255 : 0);
		assert_int_equal(strlen(m->session->client.tls->ccert_subject), n == 255 ? 255 : 0);
		milter_session_macros_begin(m->session, MILTER_AT_MAIL);
	}
	milter_script_free(m);
}

/* A packet may have one name as often as it has room for it, and a session is kept for hours. */
static void
test_told_again(void **state)
{
	struct milter_script *m = milter_script_new(CONF, NULL);
	size_t before;

	(void)state;
	milter_script_play(m, POSTFIX);
	milter_session_macros_begin(m->session, MILTER_AT_MAIL);
	before = mallinfo2().uordblks;
	for (size_t i = 0; i < 10000; i++)
		milter_session_macro(
		    m->session, MILTER_AT_MAIL, "auth_authen", i % 2 ? "joe" : "josephine");
	assert_true(mallinfo2().uordblks < before + 4096);
	milter_session_macro(m->session, MILTER_AT_MAIL, "auth_authen", "ann");
	milter_script_play(m, MAIL);
	assert_string_equal(m->session->client.login, "ann");
	milter_script_free(m);
}

/* --- the envelope --- */

static const struct {
	const char *args;
	const char *octets, *local, *domain, *addr, *params;
	int size, body_8bit, smtputf8;
} paths[] = {
	{ "<a@b.example>", "a@b.example", "a", "b.example", "a@b.example", "", 0, 0, 0 },
	{ "a@b.example", "a@b.example", "a", "b.example", "a@b.example", "", 0, 0, 0 },
	{ "<>", "", "", "", "", "", 0, 0, 0 },
	{ "", "", "", "", "", "", 0, 0, 0 }, /* Postfix's cleanup(8) has the null sender so */
	{ "<\"a.b\"@c.example>", "\"a.b\"@c.example", "a.b", "c.example", "a.b@c.example", "", 0, 0,
	    0 },
	{ "<@r.example:a@b.example>", "@r.example:a@b.example", "a", "b.example", "a@b.example", "",
	    0, 0, 0 },
	{ "<\303\244@b.example> SMTPUTF8", "\303\244@b.example", "\303\244", "b.example",
	    "\303\244@b.example", "SMTPUTF8", 0, 0, 1 },
	/* Parameters, also those we do not know. */
	{ "<a@b> SIZE=12 BODY=8BITMIME", "a@b", "a", "b", "a@b", "SIZE=12 BODY=8BITMIME", 12, 1,
	    0 },
	{ "<a@b> AUTH=<> size=7 X=Y body=7bit", "a@b", "a", "b", "a@b",
	    "AUTH=<> size=7 X=Y body=7bit", 7, 0, 0 },
	{ "<a@b> SIZE=x SIZE=99999999999999999999", "a@b", "a", "b", "a@b",
	    "SIZE=x SIZE=99999999999999999999", 0, 0, 0 },
};

static void
test_paths(void **state)
{
	char line[200];

	(void)state;
	for (size_t i = 0; i < nitems(paths); i++) {
		struct milter_script *m = milter_script_new(CONF, NULL);
		const struct transaction *t = &m->session->txn;

		snprintf(line, sizeof(line), "M %s\n", paths[i].args);
		milter_script_play(m, line);
		assert_string_equal(t->sender.octets, paths[i].octets);
		assert_string_equal(t->sender.local, paths[i].local);
		assert_string_equal(t->sender.domain, paths[i].domain);
		assert_string_equal(t->sender.addr, paths[i].addr);
		assert_string_equal(t->sender.params, paths[i].params);
		assert_int_equal(t->size, paths[i].size);
		assert_int_equal(t->body_8bit, paths[i].body_8bit);
		assert_int_equal(t->smtputf8, paths[i].smtputf8);
		/* The same as a recipient. */
		line[0] = 'R';
		milter_script_play(m, line);
		if (strcmp(paths[i].args, "<>") == 0) { /* but for this one */
			assert_int_equal(t->nrcpts, 0);
			milter_script_free(m);
			continue;
		}
		assert_int_equal(t->nrcpts, 1);
		assert_string_equal(t->rcpts[0]->path.addr, paths[i].addr);
		assert_string_equal(t->rcpts[0]->path.params, paths[i].params);
		assert_false(t->rcpts[0]->notify_never);
		milter_script_play(m, "R <x@y> ORCPT=rfc822;x NOTIFY=never\n");
		assert_true(t->rcpts[1]->notify_never);
		milter_script_free(m);
	}
}

/* Comments and the like: an MTA may know who that is, we do not, so nobody is asked.  In a session
 * that Postfix has made up they are addresses, not what a client has written. */
static const struct {
	const char *text;
	const char *octets, *local, *domain;
} odd_paths[] = {
	{ "<a(b)@c.example>", "a(b)@c.example", "a(b)", "c.example" },
	{ "<a@c.example(b)>", "a@c.example(b)", "a", "c.example(b)" },
	{ "a@c.example(b)", "a@c.example(b)", "a", "c.example(b)" },
	{ "<a:b@c@d>", "a:b@c@d", "a:b@c", "d" },
	{ "<b<a@c.example>>", "b<a@c.example>", "b<a", "c.example>" },
	{ "<x:a@c.example;>", "x:a@c.example;", "x:a", "c.example;" },
	{ "a>b", "a>b", "a>b", "" },
};

static void
test_odd_paths(void **state)
{
	char line[200];

	(void)state;
	for (size_t i = 0; i < nitems(odd_paths); i++) {
		struct milter_script *m = milter_script_new(CONF "smtpd_reject_footer =\n", NULL);
		const struct transaction *t = &m->session->txn;

		snprintf(line, sizeof(line), "M %s\nM <a@b>\nR %s\nR <c@d>\n", odd_paths[i].text,
		    odd_paths[i].text);
		milter_script_play(m, line);
		assert_string_equal(buf_cstr(&m->told),
		    "M 501 5.1.7 Bad sender address syntax\n"
		    "R 501 5.1.3 Bad recipient address syntax\n");
		assert_int_equal(t->nrcpts, 1);
		assert_string_equal(t->rcpts[0]->path.addr, "c@d");
		milter_script_free(m);

		m = milter_script_new(CONF, NULL);
		t = &m->session->txn;
		milter_script_play(m, "C localhost 4 127.0.0.1 0\n");
		milter_script_play(m, line);
		assert_string_equal(buf_cstr(&m->told), "");
		assert_int_equal(t->nrcpts, 2);
		assert_string_equal(t->rcpts[0]->path.octets, odd_paths[i].octets);
		assert_string_equal(t->rcpts[0]->path.local, odd_paths[i].local);
		assert_string_equal(t->rcpts[0]->path.domain, odd_paths[i].domain);
		milter_script_free(m);
	}
}

static void
quiet(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_told_again),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_odd_paths),
	};

	log_set_hook(quiet);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
