/*
 * fuzz_rbl - a DNS list's zone=filter, a name to ask it for, and a template of its reply, on a line
 * each
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/client.h"
#include "net/dns.h"
#include "rules/rbl_name.h"
#include "rules/rbl_reply.h"
#include "rules/rbl_spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
read_answers(const struct rbl_spec *s, const uint8_t *p)
{
	struct dns_rr rr = { .data = { p, 4 } };
	struct dns_result r = { .outcome = DNS_FOUND, .rr = &rr, .n = 1 };
	enum rbl_reading strict, plain;
	char odd[16];

	strict = rbl_spec_read(s, RBL_NAMES, 1, &r, odd);
	plain = rbl_spec_read(s, RBL_NAMES, 0, &r, odd);
	/* Whoever is listed is so to Postfix too. */
	assert(plain != RBL_LISTED || strict == RBL_LISTED);
	assert(plain != RBL_LISTED || p[0] == 127);
}

static void
fill_in(struct arena *a, const char *template, const char *outside)
{
	struct client client;
	struct rbl_safe safe;
	struct rbl_macros m = { .code = 554,
		.domain = "rbl.test",
		.what = outside,
		.class = "Client host",
		.txt = outside,
		.client = &client,
		.sender = outside,
		.recipient = "",
		.myhostname = "mx.test",
		.safe = &safe };
	struct rbl_reply reply;
	const char *why = NULL, *text;

	client_init(&client);
	rbl_safe_make(outside, &safe);
	text = rbl_reply_expand(a, template, &m, &why);
	assert((text == NULL) == (why != NULL));
	if (text != NULL && rbl_reply_split(text, &reply) == 0)
		assert(reply.code >= 400 && reply.code <= 599 && reply.text[0] != '\0');
	(void)rbl_reply_fault(a, template);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct span spec, name, template, rest = span_make(data, size);
	char *s, *n, *t, out[600];
	struct rbl_spec parsed;
	struct err err;

	span_cut(rest, '\n', &spec, &rest);
	span_cut(rest, '\n', &name, &rest);
	template = rest;
	s = arena_str(a, spec);
	n = arena_str(a, name);
	t = arena_str(a, template);
	if (s != NULL && rbl_spec_parse(s, &parsed, &err) == 0 && size >= 4)
		read_answers(&parsed, data);
	if (s != NULL && n != NULL && rbl_name_of_domain(n, s, out, sizeof(out)))
		assert(strlen(out) < DNS_NAME_TEXT_SIZE);
	if (n != NULL && t != NULL)
		fill_in(a, t, n);
	arena_free(a);
	return 0;
}
