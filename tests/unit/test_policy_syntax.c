#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "mail/policy_syntax.h"

/* The example of SMTPD_POLICY_README, every attribute of 3.7 in it. */
static const char readme[] = "request=smtpd_access_policy\n"
			     "protocol_state=RCPT\n"
			     "protocol_name=SMTP\n"
			     "helo_name=some.domain.tld\n"
			     "queue_id=8045F2AB23\n"
			     "sender=foo@bar.tld\n"
			     "recipient=bar@foo.tld\n"
			     "recipient_count=0\n"
			     "client_address=1.2.3.4\n"
			     "client_name=another.domain.tld\n"
			     "reverse_client_name=another.domain.tld\n"
			     "instance=123.456.7\n"
			     "sasl_method=plain\n"
			     "sasl_username=you\n"
			     "sasl_sender=\n"
			     "size=12345\n"
			     "ccert_subject=solaris9.porcupine.org\n"
			     "ccert_issuer=Wietse+20Venema\n"
			     "ccert_fingerprint=C2:9D:F4\n"
			     "encryption_protocol=TLSv1/SSLv3\n"
			     "encryption_cipher=DHE-RSA-AES256-SHA\n"
			     "encryption_keysize=256\n"
			     "etrn_domain=\n"
			     "stress=\n"
			     "ccert_pubkey_fingerprint=68:B3:29\n"
			     "client_port=1234\n"
			     "policy_context=submission\n"
			     "server_address=10.3.2.1\n"
			     "server_port=54321\n"
			     "\n";

static void
test_readme(void **state)
{
	struct arena *a = arena_new();
	struct policy_request r;
	struct err err;
	size_t len;

	(void)state;
	assert_int_equal(policy_request_find(span_str(readme), &len, &err), POLICY_WHOLE);
	assert_int_equal(len, strlen(readme));
	assert_int_equal(policy_request_parse(a, span_str(readme), &r, &err), 0);
	assert_string_equal(r.request, "smtpd_access_policy");
	assert_string_equal(r.protocol_state, "RCPT");
	assert_string_equal(r.protocol_name, "SMTP");
	assert_string_equal(r.helo_name, "some.domain.tld");
	assert_string_equal(r.queue_id, "8045F2AB23");
	assert_string_equal(r.sender, "foo@bar.tld");
	assert_string_equal(r.recipient, "bar@foo.tld");
	assert_int_equal(r.recipient_count, 0);
	assert_string_equal(r.client_address, "1.2.3.4");
	assert_string_equal(r.client_name, "another.domain.tld");
	assert_string_equal(r.client_port, "1234");
	assert_string_equal(r.reverse_client_name, "another.domain.tld");
	assert_string_equal(r.instance, "123.456.7");
	assert_string_equal(r.sasl_method, "plain");
	assert_string_equal(r.sasl_username, "you");
	assert_string_equal(r.sasl_sender, "");
	assert_int_equal(r.size, 12345);
	assert_string_equal(r.ccert_subject, "solaris9.porcupine.org");
	assert_string_equal(r.ccert_issuer, "Wietse+20Venema");
	assert_string_equal(r.ccert_fingerprint, "C2:9D:F4");
	assert_string_equal(r.ccert_pubkey_fingerprint, "68:B3:29");
	assert_string_equal(r.encryption_protocol, "TLSv1/SSLv3");
	assert_string_equal(r.encryption_cipher, "DHE-RSA-AES256-SHA");
	assert_int_equal(r.encryption_keysize, 256);
	assert_string_equal(r.etrn_domain, "");
	assert_string_equal(r.stress, "");
	assert_string_equal(r.policy_context, "submission");
	assert_string_equal(r.server_address, "10.3.2.1");
	assert_string_equal(r.server_port, "54321");
	arena_free(a);
}

#define REQ "request=smtpd_access_policy\n"

static const struct {
	const char *in;
	const char *why; /* NULL: it is fine */
} request_cases[] = {
	{ REQ "\n", NULL },
	{ REQ "sender=\n\n", NULL },
	{ "sender=a\n" REQ "\n", NULL },                /* any order */
	{ REQ "sender=a=b@c\n\n", NULL },               /* the first = divides */
	{ REQ "shoe_size=44\nshoe_size=45\n\n", NULL }, /* nobody looks at it, so twice is once */
	{ REQ "recipient_count=\n\n", NULL },           /* "unavailable" */
	{ REQ "size=9223372036854775807\n\n", NULL },
	{ REQ "Sender=a\nsender=b\n\n", NULL }, /* names have a case */
	{ "\n", "request must be smtpd_access_policy: \"\"" },
	{ "sender=a\n\n", "request must be smtpd_access_policy: \"\"" },
	{ "request=junk\n\n", "request must be smtpd_access_policy: \"junk\"" },
	{ "request=smtpd_access_policy\r\n\r\n\n", "not NAME=VALUE: \"\r\"" }, /* not CRLF */
	{ REQ REQ "\n", "given twice: \"request\"" },
	{ REQ "sender=a\nsender=a\n\n", "given twice: \"sender\"" },
	{ REQ "size=1\nsize=1\n\n", "given twice: \"size\"" },
	{ REQ "sender\n\n", "not NAME=VALUE: \"sender\"" },
	{ REQ "=a\n\n", "not NAME=VALUE: \"=a\"" },
	{ REQ "size=12k\n\n", "not a number: \"size\"" },
	{ REQ "size=-1\n\n", "not a number: \"size\"" },
	{ REQ "recipient_count= 1\n\n", "not a number: \"recipient_count\"" },
	{ REQ "size=9223372036854775808\n\n", "not a number: \"size\"" },
	{ REQ "sender=a", "no line end: \"sender=a\"" },
};

static void
test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(request_cases); i++) {
		struct arena *a = arena_new();
		struct policy_request r;
		struct err err = { 0 };
		int rc = policy_request_parse(a, span_str(request_cases[i].in), &r, &err);

		assert_int_equal(rc, request_cases[i].why == NULL ? 0 : -1);
		if (rc == -1)
			assert_string_equal(err.text, request_cases[i].why);
		arena_free(a);
	}
}

static void
test_nul(void **state)
{
	static const char in[] = REQ "sender=a\0b\n\n";
	struct arena *a = arena_new();
	struct policy_request r;
	struct err err;

	(void)state;
	assert_int_equal(policy_request_parse(a, span_make(in, sizeof(in) - 1), &r, &err), -1);
	assert_string_equal(err.text, "a NUL: \"\"");
	arena_free(a);
}

/* A request of `lines` unknown attributes, with a sender of `sender_len` octets. */
static int
parse_made(size_t lines, size_t sender_len, struct err *err)
{
	struct arena *a = arena_new();
	struct buf b = { 0 };
	struct policy_request r;
	int rc;

	buf_adds(&b, REQ "sender=");
	for (size_t i = 0; i < sender_len; i++)
		buf_addc(&b, 'x');
	for (size_t i = 0; i < lines; i++)
		buf_printf(&b, "\nname%zu=", i);
	buf_adds(&b, "\n\n");
	rc = policy_request_parse(a, buf_span(&b), &r, err);
	if (rc == 0)
		assert_int_equal(strlen(r.sender), sender_len);
	buf_fini(&b);
	arena_free(a);
	return rc;
}

static void
test_limits(void **state)
{
	size_t most = POLICY_LINE_MAX - strlen("sender=");
	struct err err;

	(void)state;
	assert_int_equal(parse_made(POLICY_ATTRS_MAX - 2, 1, &err), 0);
	assert_int_equal(parse_made(POLICY_ATTRS_MAX - 1, 1, &err), -1);
	assert_string_equal(err.text, "too many attributes: \"name98=\"");
	assert_int_equal(parse_made(0, most, &err), 0);
	assert_int_equal(parse_made(0, most + 1, &err), -1);
	assert_true(strncmp(err.text, "line too long: \"sender=xxx", 26) == 0);
}

static void
test_find(void **state)
{
	char *big = malloc(POLICY_REQUEST_MAX + 2);
	struct err err;
	size_t len;

	(void)state;
	assert_int_equal(policy_request_find(span_str(""), &len, &err), POLICY_MORE);
	assert_int_equal(policy_request_find(span_str("a=b\n"), &len, &err), POLICY_MORE);
	assert_int_equal(
	    policy_request_find(span_str("a=b\nc=d\n\nnext"), &len, &err), POLICY_WHOLE);
	assert_int_equal(len, 9);
	assert_int_equal(policy_request_find(span_str("\n\n"), &len, &err), POLICY_WHOLE);
	assert_int_equal(len, 1);
	memset(big, 'x', POLICY_REQUEST_MAX + 2);
	assert_int_equal(
	    policy_request_find(span_make(big, POLICY_REQUEST_MAX - 1), &len, &err), POLICY_MORE);
	assert_int_equal(
	    policy_request_find(span_make(big, POLICY_REQUEST_MAX), &len, &err), POLICY_BROKEN);
	memcpy(big + POLICY_REQUEST_MAX - 2, "\n\n", 2);
	assert_int_equal(
	    policy_request_find(span_make(big, POLICY_REQUEST_MAX), &len, &err), POLICY_WHOLE);
	/* one octet more, all there at once */
	memcpy(big + POLICY_REQUEST_MAX - 2, "x\n\n", 3);
	assert_int_equal(
	    policy_request_find(span_make(big, POLICY_REQUEST_MAX + 1), &len, &err), POLICY_BROKEN);
	free(big);
}

/* What is written is read as what it was, and a line end adds no attribute (PITFALLS B6). */
static void
test_format(void **state)
{
	struct arena *a = arena_new();
	struct policy_request r, back;
	struct buf out = { 0 };
	struct err err;

	(void)state;
	policy_request_init(&r);
	r.protocol_state = "RCPT";
	r.helo_name = "x\nsasl_username=root\n";
	r.recipient = "b=c@example.org";
	r.size = 77;
	policy_request_format(&r, &out);
	assert_int_equal(policy_request_parse(a, buf_span(&out), &back, &err), 0);
	assert_string_equal(back.helo_name, "x?sasl_username=root?");
	assert_string_equal(back.sasl_username, "");
	assert_string_equal(back.recipient, "b=c@example.org");
	assert_int_equal(back.size, 77);
	assert_true(strncmp(out.p,
			"request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=\n"
			"client_address=\n",
			70) == 0);
	buf_fini(&out);
	arena_free(a);
}

static const struct {
	const char *in;
	enum policy_found found;
	const char *action;
	size_t len;
} reply_cases[] = {
	{ "action=DUNNO\n\n", POLICY_WHOLE, "DUNNO", 14 },
	{ "action=REJECT a=b\n\nmore", POLICY_WHOLE, "REJECT a=b", 19 },
	{ "action=\n\n", POLICY_WHOLE, "", 9 },
	{ "version=1\naction=OK\nx=y\n\n", POLICY_WHOLE, "OK", 25 }, /* others are skipped */
	{ "action=OK\naction=REJECT\n\n", POLICY_WHOLE, "OK", 25 },  /* as Postfix: the first */
	{ "action=DUNNO\n", POLICY_MORE, NULL, 0 },
	{ "action=DUNNO", POLICY_MORE, NULL, 0 },
	{ "", POLICY_MORE, NULL, 0 },
	{ "\n", POLICY_BROKEN, NULL, 0 },
	{ "Action=DUNNO\n\n", POLICY_BROKEN, NULL, 0 },
	{ "DUNNO\n\n", POLICY_BROKEN, NULL, 0 },
	{ "action=DUNNO\r\n\r\n\n", POLICY_BROKEN, NULL, 0 },
	{ "=x\naction=DUNNO\n\n", POLICY_BROKEN, NULL, 0 },
};

static void
test_replies(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(reply_cases); i++) {
		struct arena *a = arena_new();
		const char *action = NULL;
		struct err err;
		size_t len = 0;

		assert_int_equal(
		    policy_reply_parse(a, span_str(reply_cases[i].in), &len, &action, &err),
		    reply_cases[i].found);
		if (reply_cases[i].found == POLICY_WHOLE) {
			assert_string_equal(action, reply_cases[i].action);
			assert_int_equal(len, reply_cases[i].len);
		}
		arena_free(a);
	}
}

static void
test_reply_format(void **state)
{
	struct buf out = { 0 };

	(void)state;
	policy_reply_format("550 5.7.1 no\n\naction=OK\r\x7f", &out);
	assert_string_equal(buf_cstr(&out), "action=550 5.7.1 no  action=OK  \n\n");
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readme),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_reply_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
