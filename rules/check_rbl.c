/* reject_rbl_client, reject_rhsbl_*, permit_dnswl_client, permit_rhswl_client, reject_maps_rbl. */
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "rules/address.h"
#include "rules/mx_backup.h"
#include "rules/rbl_run.h"
#include "rules/rules_private.h"

/* --- the checks --- */

static void
tell_untold(struct rule_run *run, const struct rule_op *op, const struct rbl_asked *a)
{
	if (rbl_untold(run, a))
		rule_warn(run, "%s: the client is not known, no XFORWARD told of it", op->word);
}

static enum rule_result
check_listed(struct rule_run *run, const struct rule_op *op)
{
	const struct rbl_lists *l = op->data;
	struct rbl_asked a = rbl_asked(run, op);

	tell_untold(run, op, &a);
	for (size_t i = 0; i < l->n; i++) {
		const struct rbl_spec *s = &l->specs[i];
		const char *name = rbl_asked_name(run, &a, s);
		enum rule_result r;

		if (name == NULL || rbl_look(run, &a, s, name) != RBL_LISTED)
			continue;
		r = rbl_refuse(run, &a, l, s, name);
		if (r != RULE_DUNNO)
			return r;
	}
	return RULE_DUNNO;
}

/* A list of good senders must not open a relay: at RCPT it speaks for our own recipients only. */
static int
may_permit(struct rule_run *run)
{
	const struct address *rcpt;

	if (run->ask->stage != RULE_RCPT || run->rcpt == NULL)
		return 1;
	rcpt = rule_recipient(run);
	return !rcpt->broken && relay_authorised(run, rcpt);
}

static enum rule_result
check_permitted(struct rule_run *run, const struct rule_op *op)
{
	const struct rbl_lists *l = op->data;
	const struct rbl_spec *s = &l->specs[0];
	struct rbl_asked a = rbl_asked(run, op);
	const char *name = l->n == 0 ? NULL : rbl_asked_name(run, &a, s);

	tell_untold(run, op, &a);
	if (name == NULL || !may_permit(run))
		return RULE_DUNNO;
	switch (rbl_look(run, &a, s, name)) {
	case RBL_LISTED:
		return RULE_OK;
	case RBL_TROUBLE:
		return rule_defer_if_reject(run, 450, "4.7.1",
		    "<%s>: %s rejected: Service unavailable", a.what,
		    subject_class(a.subject.kind));
	case RBL_NOT_LISTED:
	case RBL_REFUSED:
		break;
	}
	return RULE_DUNNO;
}

static void
prepare(struct rule_run *run, const struct rule_op *op)
{
	const struct rbl_lists *l = op->data;
	struct rbl_asked a = rbl_asked(run, op);

	for (size_t i = 0; i < l->n; i++)
		rbl_look_start(run, &a, &l->specs[i]);
}

/* --- at load --- */

static struct rbl_lists *
lists_new(struct rule_compile *c, size_t n)
{
	struct rbl_lists *l = rule_compile_alloc(c, sizeof(*l) + n * sizeof(struct rbl_spec));

	rbl_safe_make(rule_compile_options(c)->smtpd_expansion_filter, &l->safe);
	return l;
}

/* Where Postfix looks up nothing, for what it would ask for is no name. */
static int
asks_nobody(struct rule_compile *c, const char *text)
{
	size_t n = strcspn(text, "=");

	if (!rule_compile_options(c)->tolerant ||
	    (n > 0 && text[n - 1] != '.' && rbl_zone_valid(span_make(text, n))))
		return 0;
	rule_compile_warning(c, "%s: begins with no domain name and is not asked", text);
	return 1;
}

static int
add_spec(struct rule_compile *c, struct rbl_lists *l, const char *text)
{
	struct err err;

	if (text == NULL || asks_nobody(c, text))
		return 0;
	if (rbl_spec_parse(text, &l->specs[l->n], &err) == -1) {
		rule_compile_error(c, "%s", err.text);
		return -1;
	}
	l->n++;
	return 0;
}

/* What Postfix finds out, and dies of, when the first listed client comes. */
static int
default_reply_is_fine(struct rule_compile *c)
{
	struct arena *a = arena_new();
	const char *fault = rbl_reply_fault(a, rule_compile_options(c)->default_rbl_reply);

	int fine = fault == NULL;

	/* A tolerant load leaves it to rbl_refuse(). */
	if (!fine && rule_compile_options(c)->tolerant) {
		rule_compile_warning(c, "default_rbl_reply: %s", fault);
		fine = 1;
	} else if (!fine) {
		rule_compile_error(c, "default_rbl_reply: %s", fault);
	}
	arena_free(a);
	return fine;
}

int
rbl_compile(struct rule_compile *c, struct rule_op *op)
{
	struct rbl_lists *l = lists_new(c, 1);

	if (add_spec(c, l, op->arg) == -1 || !default_reply_is_fine(c))
		return -1;
	op->data = l;
	return 0;
}

static int
compile_permit(struct rule_compile *c, struct rule_op *op)
{
	const struct rbl_lists *l;

	if (rbl_compile(c, op) == -1)
		return -1;
	l = op->data;
	if (l->n > 0 && !l->specs[0].has_filter && !rule_compile_options(c)->dnsbl_strict_postfix)
		rule_compile_warning(c,
		    "%s without =filter: only answers from 127.0.0.2 to 127.0.0.254 permit; lists "
		    "of good senders have others, such as %s=127.0.[0..255].[1..3]",
		    op->word, l->specs[0].zone);
	return 0;
}

static int
compile_maps(struct rule_compile *c, struct rule_op *op)
{
	struct span all = span_str(rule_compile_options(c)->maps_rbl_domains);
	struct span rest = all, word;
	struct rbl_lists *l;
	size_t n = 0;

	rule_compile_warning(c,
	    "reject_maps_rbl is older than Postfix 2.1; write reject_rbl_client with the name of "
	    "each list of maps_rbl_domains");
	while (rule_word(&rest, &word))
		n++;
	l = lists_new(c, n);
	for (rest = all; rule_word(&rest, &word);) {
		char *text = rule_compile_alloc(c, word.len + 1);

		memcpy(text, word.p, word.len);
		if (add_spec(c, l, text) == -1)
			return -1;
	}
	if (!default_reply_is_fine(c))
		return -1;
	op->data = l;
	return 0;
}

static const char *const older_rbl_client[] = { "reject_rbl", NULL };

#define REJECTS check_listed, .prepare = prepare, .compile = rbl_compile
#define PERMITS check_permitted, .prepare = prepare, .compile = compile_permit

const struct restriction_def restrictions_rbl[] = {
	{ .name = "reject_rbl_client",
	    .older = older_rbl_client,
	    .args = ARG_TEXT,
	    .stages = AT_ANY,
	    .needs = NEED_DNS,
	    .variant = SUBJECT_CLIENT,
	    .check = REJECTS,
	    .text = "Rejects a client whose address stands in this DNS list." },
	{ .name = "reject_rhsbl_client",
	    .args = ARG_TEXT,
	    .stages = AT_ANY,
	    .needs = NEED_DNS,
	    .variant = SUBJECT_CLIENT | RBL_BY_NAME,
	    .check = REJECTS,
	    .text = "Rejects a client whose verified name stands in this DNS list." },
	{ .name = "reject_rhsbl_reverse_client",
	    .args = ARG_TEXT,
	    .stages = AT_ANY,
	    .needs = NEED_DNS,
	    .variant = SUBJECT_REVERSE_CLIENT,
	    .check = REJECTS,
	    .text = "Rejects a client whose unverified name stands in this DNS list." },
	{ .name = "reject_rhsbl_helo",
	    .args = ARG_TEXT,
	    .stages = AT_ANY,
	    .needs = NEED_DNS | NEED_HELO,
	    .variant = SUBJECT_HELO,
	    .check = REJECTS,
	    .text = "Rejects if the HELO name stands in this DNS list." },
	{ .name = "reject_rhsbl_sender",
	    .args = ARG_TEXT,
	    .stages = AT_ANY,
	    .needs = NEED_DNS | NEED_SENDER,
	    .variant = SUBJECT_SENDER,
	    .check = REJECTS,
	    .text = "Rejects a sender whose domain stands in this DNS list." },
	{ .name = "reject_rhsbl_recipient",
	    .args = ARG_TEXT,
	    .stages = AT_ANY,
	    .needs = NEED_DNS | NEED_RCPT,
	    .variant = SUBJECT_RECIPIENT,
	    .check = REJECTS,
	    .text = "Rejects a recipient whose domain stands in this DNS list." },
	{ .name = "permit_dnswl_client",
	    .args = ARG_TEXT,
	    .stages = AT_ANY,
	    .needs = NEED_DNS | CAN_PERMIT,
	    .variant = SUBJECT_CLIENT,
	    .check = PERMITS,
	    .text =
		"Permits a client whose address stands in this DNS list, to our own recipients." },
	{ .name = "permit_rhswl_client",
	    .args = ARG_TEXT,
	    .stages = AT_ANY,
	    .needs = NEED_DNS | CAN_PERMIT,
	    .variant = SUBJECT_CLIENT | RBL_BY_NAME,
	    .check = PERMITS,
	    .text = "Permits a client whose verified name stands in this DNS list, to our own "
		    "recipients." },
	{ .name = "reject_maps_rbl",
	    .args = ARG_NONE,
	    .stages = AT_ANY,
	    .needs = NEED_DNS,
	    .variant = SUBJECT_CLIENT,
	    .check = check_listed,
	    .prepare = prepare,
	    .compile = compile_maps,
	    .text = "As reject_rbl_client, with the lists of maps_rbl_domains." },
	{ .name = NULL },
};
