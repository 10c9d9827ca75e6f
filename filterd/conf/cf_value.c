#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/span.h"
#include "base/text.h"
#include "conf/cf_value.h"

#define INT_DEFAULT_MAX INT32_MAX /* Postfix's int, and what users of a value may rely on */

static int
found(struct err *err, const char *text, const char *expected)
{
	err_set(err, ERR_CONFIG, "found \"%.60s\", expected %s", text, expected);
	return -1;
}

/* Digits and at most one letter behind them; *unit is 0 without. */
static int
number(const char *text, uint64_t max, uint64_t *n, char *unit)
{
	size_t digits = strspn(text, "0123456789");

	*unit = text[digits];
	if (*unit != '\0' && text[digits + 1] != '\0')
		return -1;
	return span_u64(span_make(text, digits), max, n);
}

int
cf_time_parse(const char *text, char unit, int64_t *ms, struct err *err)
{
	static const char letters[] = "smhdw";
	static const int64_t seconds[] = { 1, 60, 3600, 86400, 604800 };
	uint64_t n;
	char given;
	const char *at;

	if (number(text, INT64_MAX, &n, &given) == -1)
		return found(err, text, "a time: a number and one of s m h d w");
	if (given == '\0')
		given = unit;
	at = strchr(letters, given >= 'A' && given <= 'Z' ? given + 32 : given);
	if (at == NULL)
		return found(err, text, "a time: a number and one of s m h d w");
	if (n > (uint64_t)(INT32_MAX / seconds[at - letters]))
		return found(err, text, "a time of at most 2147483647s");
	*ms = (int64_t)n * seconds[at - letters] * 1000;
	return 0;
}

int
cf_size_parse(const char *text, int64_t *octets, struct err *err)
{
	uint64_t n;
	char unit;
	int shift;

	if (number(text, INT64_MAX, &n, &unit) == -1)
		return found(err, text, "a size: a number, or a number and one of k m g");
	switch (unit) {
	case '\0':
		shift = 0;
		break;
	case 'k':
	case 'K':
		shift = 10;
		break;
	case 'm':
	case 'M':
		shift = 20;
		break;
	case 'g':
	case 'G':
		shift = 30;
		break;
	default:
		return found(err, text, "a size: a number, or a number and one of k m g");
	}
	if (n > (uint64_t)INT64_MAX >> shift)
		return found(err, text, "a size below 8589934592g");
	*octets = (int64_t)(n << shift);
	return 0;
}

int
cf_int_parse(const char *text, int64_t *out, struct err *err)
{
	int negative = text[0] == '-', sign = negative || text[0] == '+';
	uint64_t n;

	if (span_u64(span_str(text + sign), INT64_MAX, &n) == -1)
		return found(err, text, "a whole number");
	*out = negative ? -(int64_t)n : (int64_t)n;
	return 0;
}

static int
parse_number(const struct param_row *row, const char *text, int64_t *out, struct err *err)
{
	if (row->kind == PARAM_TIME)
		return cf_time_parse(text, cf_value_unit(row), out, err);
	if (row->kind == PARAM_SIZE)
		return cf_size_parse(text, out, err);
	return cf_int_parse(text, out, err);
}

static int
check_range(const struct param_row *row, const char *text, int64_t value, struct err *err)
{
	int64_t bound;

	if (row->min != NULL && parse_number(row, row->min, &bound, err) == -1)
		return -1;
	if (row->min != NULL && value < bound) {
		err_set(err, ERR_CONFIG, "found \"%.60s\", expected at least %s", text, row->min);
		return -1;
	}
	if (row->max != NULL && parse_number(row, row->max, &bound, err) == -1)
		return -1;
	if (row->max == NULL)
		bound = row->kind == PARAM_INT ? INT_DEFAULT_MAX : INT64_MAX;
	if (value > bound && row->max != NULL) {
		err_set(err, ERR_CONFIG, "found \"%.60s\", expected at most %s", text, row->max);
		return -1;
	}
	if (value > bound) {
		err_set(err, ERR_CONFIG, "found \"%.60s\", expected at most %" PRId64, text, bound);
		return -1;
	}
	return 0;
}

static int
parse_bool(const char *text, int *out, struct err *err)
{
	if (text_case_eq(text, "yes"))
		*out = 1;
	else if (text_case_eq(text, "no"))
		*out = 0;
	else
		return found(err, text, "yes or no");
	return 0;
}

/* The words of an ENUM, as C strings in store. */
static size_t
enum_words(const char *words, char *store, size_t size, const char **out, size_t max)
{
	size_t n = 0;
	char *save = NULL;

	strncpy(store, words, size - 1);
	store[size - 1] = '\0';
	for (char *w = strtok_r(store, " ", &save); w != NULL && n < max;
	     w = strtok_r(NULL, " ", &save))
		out[n++] = w;
	return n;
}

static int
parse_enum(const char *words, const char *text, int *out, struct err *err)
{
	char store[256];
	const char *word[16], *near;
	size_t n = enum_words(words, store, sizeof(store), word, nitems(word));

	for (size_t i = 0; i < n; i++)
		if (text_case_eq(word[i], text)) {
			*out = (int)i;
			return 0;
		}
	near = text_nearest(text, word, n);
	err_set(err, ERR_CONFIG, "found \"%.60s\", expected one of: %s%s%s", text, words,
	    near == NULL ? "" : "; nearest: ", near == NULL ? "" : near);
	return -1;
}

static int
check_text(const struct param_row *row, const char *text, struct err *err)
{
	int64_t least = 0;

	if (row->min != NULL && cf_int_parse(row->min, &least, err) == -1)
		return -1;
	if ((int64_t)strlen(text) < least) {
		if (least == 1)
			return found(err, text, "a value that is not empty");
		err_set(err, ERR_CONFIG, "found \"%.60s\", expected at least %s octets", text,
		    row->min);
		return -1;
	}
	return 0;
}

int
cf_value_set(const struct param_row *row, const char *text, void *out, struct err *err)
{
	void *field = (char *)out + row->offset;
	int64_t number_value;
	int small;

	switch (row->kind) {
	case PARAM_STR:
	case PARAM_RAW:
	case PARAM_LIST:
		if (check_text(row, text, err) == -1)
			return -1;
		memcpy(field, &text, sizeof(text));
		return 0;
	case PARAM_BOOL:
		if (parse_bool(text, &small, err) == -1)
			return -1;
		memcpy(field, &small, sizeof(small));
		return 0;
	case PARAM_ENUM:
		if (parse_enum(row->min, text, &small, err) == -1)
			return -1;
		memcpy(field, &small, sizeof(small));
		return 0;
	case PARAM_INT:
	case PARAM_TIME:
	case PARAM_SIZE:
		if (parse_number(row, text, &number_value, err) == -1 ||
		    check_range(row, text, number_value, err) == -1)
			return -1;
		memcpy(field, &number_value, sizeof(number_value));
		return 0;
	}
	return -1;
}

char
cf_value_unit(const struct param_row *row)
{
	size_t n = strlen(row->def);
	char last = n == 0 ? '\0' : row->def[n - 1];

	return last >= 'a' && last <= 'z' ? last : 's';
}
