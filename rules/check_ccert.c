/* check_ccert_access: a table is asked for what the client's certificate is known by. */
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "rules/access_lookup.h"
#include "rules/rules_private.h"

enum ccert_key { CCERT_FINGERPRINT, CCERT_PUBKEY, CCERT_SUBJECT, CCERT_ISSUER };

static const char *const key_names[] = {
	[CCERT_FINGERPRINT] = "cert_fingerprint",
	[CCERT_PUBKEY] = "pubkey_fingerprint",
	[CCERT_SUBJECT] = "subject",
	[CCERT_ISSUER] = "issuer",
};

struct ccert_search {
	enum ccert_key order[nitems(key_names)];
	size_t n;
};

static const struct ccert_search usual = { .order = { CCERT_FINGERPRINT, CCERT_PUBKEY }, .n = 2 };

static struct span
unbraced(struct span s)
{
	s = span_trim(s);
	if (s.len >= 2 && s.p[0] == '{' && s.p[s.len - 1] == '}')
		s = span_make(s.p + 1, s.len - 2);
	return span_trim(s);
}

static int
add_key(struct rule_compile *c, struct ccert_search *search, struct span word)
{
	for (size_t i = 0; i < nitems(key_names); i++) {
		if (!span_case_eq_str(word, key_names[i]))
			continue;
		if (search->n < nitems(search->order))
			search->order[search->n++] = (enum ccert_key)i;
		return 0;
	}
	rule_compile_error(c,
	    "check_ccert_access: search_order: \"%.*s\" is none of cert_fingerprint, "
	    "pubkey_fingerprint, subject, issuer",
	    (int)word.len, (const char *)word.p);
	return -1;
}

/* "{ search_order = a, b }" */
static int
parse_option(struct rule_compile *c, struct ccert_search *search, struct span option)
{
	struct span name, value, word;

	if (!span_cut(unbraced(option), '=', &name, &value) ||
	    !span_case_eq_str(span_trim(name), "search_order")) {
		rule_compile_error(c, "check_ccert_access: \"%.*s\" must be search_order = ...",
		    (int)option.len, (const char *)option.p);
		return -1;
	}
	search->n = 0;
	while (rule_word(&value, &word))
		if (add_key(c, search, word) == -1)
			return -1;
	return 0;
}

/* "type:name", or "{ type:name, { search_order = ... } }". */
static int
compile_ccert(struct rule_compile *c, struct rule_op *op)
{
	struct ccert_search *search = rule_compile_alloc(c, sizeof(*search));
	struct span rest = span_str(op->arg), word, option;

	*search = usual;
	op->data = search;
	/* A table such as inline:{...} has braces too, but does not begin with one. */
	if (op->arg[0] == '{')
		rest = unbraced(rest);
	if (!rule_word(&rest, &word) || span_find(word, ':') == word.len) {
		rule_compile_error(
		    c, "%s: must be type:name, or { type:name, { search_order = ... } }", op->word);
		return -1;
	}
	while (rule_word(&rest, &option))
		if (parse_option(c, search, option) == -1)
			return -1;
	op->table = rule_compile_table(c, arena_str(c->load.mem, word));
	return op->table == -1 ? -1 : access_compile(c, op);
}

static const char *
key_of(const struct client_tls *tls, enum ccert_key key)
{
	switch (key) {
	case CCERT_FINGERPRINT:
		return tls->ccert_fingerprint;
	case CCERT_PUBKEY:
		return tls->ccert_pubkey_fingerprint;
	case CCERT_SUBJECT:
		return tls->ccert_subject;
	case CCERT_ISSUER:
		return tls->ccert_issuer;
	}
	return NULL;
}

static enum rule_result
ccert_access(struct rule_run *run, const struct rule_op *op)
{
	struct access_lookup a = {
		.run = run, .op = op, .subject = rule_subject(run, SUBJECT_CCERT)
	};
	const struct ccert_search *search = op->data;
	const struct client_tls *tls = run->client->tls;

	for (size_t i = 0; tls != NULL && i < search->n; i++) {
		const char *key = key_of(tls, search->order[i]);

		if (key != NULL && access_lookup(&a, span_str(key), 0))
			break;
	}
	return a.result;
}

const struct restriction_def restrictions_ccert[] = {
	{ .name = "check_ccert_access",
	    .args = ARG_SERVICE,
	    .stages = AT_ANY,
	    .needs = CAN_PERMIT,
	    .check = ccert_access,
	    .compile = compile_ccert,
	    .text = "Looks up the fingerprint of the client's certificate, then that of its public "
		    "key." },
	{ .name = NULL },
};
