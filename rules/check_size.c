/* check_message_size, check_recipient_count: { >10M REJECT 5.3.4 Too big for you }. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "rules/content_source.h"
#include "rules/rules_private.h"

enum measure { MEASURE_SIZE, MEASURE_RECIPIENTS };

enum comparison { IS_GREATER, IS_GREATER_OR_EQUAL, IS_LESS, IS_LESS_OR_EQUAL, IS_EQUAL, IS_OTHER };

static const struct {
	const char *sign;
	enum comparison is;
} signs[] = {
	/* the longer ones first */
	{ ">=", IS_GREATER_OR_EQUAL },
	{ "<=", IS_LESS_OR_EQUAL },
	{ "!=", IS_OTHER },
	{ "==", IS_EQUAL },
	{ "=", IS_EQUAL },
	{ ">", IS_GREATER },
	{ "<", IS_LESS },
};

struct test {
	enum comparison is;
	int64_t number;
	const char *result; /* as a row's of an access(5) table */
};

/* --- at load --- */

static struct span
after(struct span s, size_t n)
{
	s = span_make(s.p + n, s.len - n);
	while (s.len > 0 && (*s.p == ' ' || *s.p == '\t' || *s.p == '\n' || *s.p == '\r'))
		s = span_make(s.p + 1, s.len - 1);
	return s;
}

static int
take_sign(struct span *s, enum comparison *is)
{
	for (size_t i = 0; i < nitems(signs); i++) {
		size_t n = strlen(signs[i].sign);

		if (s->len < n || memcmp(s->p, signs[i].sign, n) != 0)
			continue;
		*is = signs[i].is;
		*s = after(*s, n);
		return 1;
	}
	return 0;
}

/* "10", "10M": how many octets of the text; 0: it is no number. */
static size_t
take_number(struct span s, int may_have_suffix, int64_t *out)
{
	static const char suffixes[] = "kmg";
	size_t n = 0;
	const char *suffix;
	uint64_t v;

	while (n < s.len && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	if (n == 0 || span_u64(span_make(s.p, n), (uint64_t)1 << 32, &v) == -1)
		return 0;
	if (may_have_suffix && n < s.len && (suffix = strchr(suffixes, s.p[n] | 0x20)) != NULL &&
	    *suffix != '\0') {
		v <<= 10 * (suffix - suffixes + 1);
		n++;
	}
	*out = (int64_t)v;
	return n;
}

/* NULL, or what is wrong. */
static const char *
read_test(struct rule_compile *c, const struct rule_op *op, struct test *t)
{
	struct span s = span_str(op->arg);
	size_t n;

	if (op->arg == NULL || s.len < 2 || s.p[0] != '{' || s.p[s.len - 1] != '}')
		return "there must be { COMPARISON RESULT }, such as { >10M REJECT 5.3.4 Too big }";
	s = after(span_make(s.p, s.len - 1), 1);
	if (!take_sign(&s, &t->is))
		return "the comparison must begin with >, >=, <, <=, = or !=";
	n = take_number(s, op->def->variant == MEASURE_SIZE, &t->number);
	if (n == 0)
		return "the comparison must be with a number";
	if (n < s.len && after(s, n).p == s.p + n)
		return op->def->variant == MEASURE_SIZE
			   ? "behind the number may stand k, m or g, and then a blank"
			   : "behind the number must stand a blank";
	s = span_trim(after(s, n));
	if (s.len == 0)
		return "a result must stand behind the comparison, such as REJECT";
	t->result = rule_compile_word(c, s);
	return NULL;
}

static int
compile_test(struct rule_compile *c, struct rule_op *op)
{
	struct test *t = rule_compile_alloc(c, sizeof(*t));
	const char *fault = read_test(c, op, t);

	if (fault != NULL)
		rule_compile_broken(c, op, "%s: %s", op->word, fault);
	else
		content_look_at_result(c, op, t->result);
	op->data = t;
	return 0;
}

/* --- when it is asked --- */

/* -1: it is not known yet. */
static int64_t
measured(const struct rule_run *run, enum measure what)
{
	const struct transaction *t = run->txn;
	struct span message;

	switch (what) {
	case MEASURE_SIZE:
		if (content_message(run, &message))
			return (int64_t)(message.len - t->lead);
		return t->size > 0 ? t->size : -1; /* what MAIL has said */
	case MEASURE_RECIPIENTS:
		/* The one that RCPT is about is not among them yet. */
		if (run->ask->stage < RULE_RCPT)
			return -1;
		return (int64_t)t->nrcpts + (run->ask->stage == RULE_RCPT);
	}
	return -1;
}

static int
holds(const struct test *t, int64_t v)
{
	switch (t->is) {
	case IS_GREATER:
		return v > t->number;
	case IS_GREATER_OR_EQUAL:
		return v >= t->number;
	case IS_LESS:
		return v < t->number;
	case IS_LESS_OR_EQUAL:
		return v <= t->number;
	case IS_EQUAL:
		return v == t->number;
	case IS_OTHER:
		return v != t->number;
	}
	return 0;
}

static enum rule_result
check_measure(struct rule_run *run, const struct rule_op *op)
{
	const struct test *t = op->data;
	int64_t v = measured(run, (enum measure)op->def->variant);

	if (v == -1 || !holds(t, v))
		return RULE_DUNNO;
	return access_result(run, NULL, t->result, NULL, rule_subject(run, SUBJECT_CONTENT));
}

const char *
rule_measure_result(const struct rule_op *op)
{
	const struct test *t = op->data;

	return op->def->check == check_measure ? t->result : NULL;
}

const struct restriction_def restrictions_size[] = {
	{ .name = "check_message_size",
	    .args = ARG_TEXT,
	    .stages = AT_ANY,
	    .needs = NEED_SENDER | CAN_PERMIT,
	    .variant = MEASURE_SIZE,
	    .check = check_measure,
	    .compile = compile_test,
	    .text = "Compares the message's size in octets, before the message what MAIL says of "
		    "it, and does as the result says, which may be any of a table row: "
		    "check_message_size { >10M REJECT 5.3.4 Too big for you }. Comparisons are >, "
		    ">=, <, <=, = and !=; suffixes k, m and g count by 1024." },
	{ .name = "check_recipient_count",
	    .args = ARG_TEXT,
	    .stages = AT_RCPT | AT_RELAY | AT_DATA | AT_END_OF_DATA | AT_END | AT_CLIENT | AT_HELO |
		      AT_SENDER,
	    .needs = NEED_RCPT | CAN_PERMIT,
	    .variant = MEASURE_RECIPIENTS,
	    .check = check_measure,
	    .compile = compile_test,
	    .text = "The same of the number of recipients: at RCPT those accepted so far and the "
		    "one at hand, later all that were accepted: check_recipient_count { >=50 "
		    "bulk }, where bulk is a class. With on_mixed = split it counts those who "
		    "are left in a transaction; in smtpd_recipient_restrictions it counts before "
		    "they are parted." },
	{ .name = NULL },
};
