#include <string.h>

#include "base/err.h"
#include "base/attr.h"
#include "conf/cf_compare.h"

int
cf_operator_parse(struct span *s, struct cf_operator *op)
{
	static const struct {
		const char *text;
		struct cf_operator op;
	} operators[] = {
		{ "==", { .equal = 1 } },
		{ "!=", { .less = 1, .greater = 1 } },
		{ "<=", { .less = 1, .equal = 1 } }, /* before "<" */
		{ ">=", { .greater = 1, .equal = 1 } },
		{ "<", { .less = 1 } },
		{ ">", { .greater = 1 } },
	};

	for (size_t i = 0; i < nitems(operators); i++) {
		size_t n = strlen(operators[i].text);

		if (!span_case_starts(*s, operators[i].text))
			continue;
		*op = operators[i].op;
		*s = span_make(s->p + n, s->len - n);
		op->level = span_case_starts(*s, "level");
		if (op->level)
			*s = span_make(s->p + 5, s->len - 5);
		return 0;
	}
	return -1;
}

static int
all_digits(const char *s)
{
	return s[0] != '\0' && s[strspn(s, "0123456789")] == '\0';
}

/* Digits of any length, as numbers. */
static int
compare_numbers(const char *a, const char *b)
{
	size_t la, lb;

	a += strspn(a, "0");
	b += strspn(b, "0");
	la = strlen(a);
	lb = strlen(b);
	if (la != lb)
		return la < lb ? -1 : 1;
	return strcmp(a, b);
}

/* 3, 3.10 or 3.10.2 */
static int
parse_level(const char *s, uint64_t out[3], struct err *err)
{
	struct span rest = span_str(s), head;
	int more = 1;

	memset(out, 0, 3 * sizeof(out[0]));
	for (int i = 0; i < 3 && more; i++) {
		more = span_cut(rest, '.', &head, &rest);
		if (head.len == 0 || span_u64(head, 1000000, &out[i]) == -1)
			goto bad;
	}
	if (!more)
		return 0;
bad:
	err_set(err, ERR_CONFIG, "found \"%.40s\", expected a compatibility level as 3.6", s);
	return -1;
}

static int
compare_levels(const char *a, const char *b, int *out, struct err *err)
{
	uint64_t va[3], vb[3];

	if (parse_level(a, va, err) == -1 || parse_level(b, vb, err) == -1)
		return -1;
	*out = 0;
	for (int i = 0; i < 3 && *out == 0; i++)
		*out = (va[i] > vb[i]) - (va[i] < vb[i]);
	return 0;
}

int
cf_compare(const struct cf_operator *op, const char *a, const char *b, int *yes, struct err *err)
{
	int c;

	if (op->level) {
		if (compare_levels(a, b, &c, err) == -1)
			return -1;
	} else if (all_digits(a) && all_digits(b)) {
		c = compare_numbers(a, b);
	} else {
		c = strcmp(a, b);
	}
	*yes = c < 0 ? op->less : c == 0 ? op->equal : op->greater;
	return 0;
}
