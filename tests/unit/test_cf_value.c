#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "conf/cf_value.h"

#define NO_TIME "a time: a number and one of s m h d w"
#define NO_SIZE "a size: a number, or a number and one of k m g"

static const struct {
	const char *in;
	char unit;
	int64_t ms;
	const char *expected; /* NULL: it is fine */
} time_cases[] = {
	{ "90s", 's', 90000, NULL },
	{ "10", 's', 10000, NULL },
	{ "10", 'd', 864000000, NULL }, /* the parameter's own unit, as in postconf(5) */
	{ "5m", 's', 300000, NULL },
	{ "2h", 's', 7200000, NULL },
	{ "1d", 's', 86400000, NULL },
	{ "1w", 's', 604800000, NULL },
	{ "3H", 's', 10800000, NULL },
	{ "0", 's', 0, NULL },
	{ "2147483647s", 's', 2147483647000, NULL },
	{ "2147483648s", 's', 0, "a time of at most 2147483647s" },
	{ "3551w", 's', 0, "a time of at most 2147483647s" },
	{ "10q", 's', 0, NO_TIME },
	{ "5ms", 's', 0, NO_TIME },
	{ "", 's', 0, NO_TIME },
	{ "s", 's', 0, NO_TIME },
	{ "-1s", 's', 0, NO_TIME },
	{ "1 s", 's', 0, NO_TIME },
	{ "1.5h", 's', 0, NO_TIME },
	{ "99999999999999999999s", 's', 0, NO_TIME },
};

static void
check_err(const struct err *err, const char *in, const char *expected)
{
	char want[200];

	snprintf(want, sizeof(want), "found \"%s\", expected %s", in, expected);
	assert_string_equal(err->text, want);
	assert_int_equal(err->class, ERR_CONFIG);
}

static void
test_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(time_cases); i++) {
		int64_t got = -1;
		struct err err;
		int rc = cf_time_parse(time_cases[i].in, time_cases[i].unit, &got, &err);

		assert_int_equal(rc, time_cases[i].expected == NULL ? 0 : -1);
		if (rc == 0)
			assert_int_equal(got, time_cases[i].ms);
		else
			check_err(&err, time_cases[i].in, time_cases[i].expected);
	}
}

static const struct {
	const char *in;
	int64_t octets;
	const char *expected;
} size_cases[] = {
	{ "0", 0, NULL },
	{ "10240000", 10240000, NULL },
	{ "1k", 1024, NULL },
	{ "2M", 2097152, NULL },
	{ "10g", 10737418240, NULL },
	{ "8589934591g", 9223372035781033984, NULL },
	{ "8589934592g", 0, "a size below 8589934592g" },
	{ "9223372036854775807", INT64_MAX, NULL },
	{ "9223372036854775808", 0, NO_SIZE },
	{ "1t", 0, NO_SIZE },
	{ "1kb", 0, NO_SIZE },
	{ "-1", 0, NO_SIZE },
	{ "", 0, NO_SIZE },
};

static void
test_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(size_cases); i++) {
		int64_t got = -1;
		struct err err;
		int rc = cf_size_parse(size_cases[i].in, &got, &err);

		assert_int_equal(rc, size_cases[i].expected == NULL ? 0 : -1);
		if (rc == 0)
			assert_int_equal(got, size_cases[i].octets);
		else
			check_err(&err, size_cases[i].in, size_cases[i].expected);
	}
}

/* Through the rows of params.def: kind, unit and range are theirs. */
static const struct {
	const char *name, *in;
	int64_t value;
	const char *error;
} set_cases[] = {
	{ "smtpd_timeout", "10", 10000, NULL },
	{ "hold_max_age", "10", 864000000, NULL }, /* default 30d: days */
	{ "smtpd_timeout", "0", 0, "found \"0\", expected at least 1s" },
	{ "smtpd_timeout", "2h", 0, "found \"2h\", expected at most 1h" },
	{ "worker_threads", "2", 2, NULL },
	{ "worker_threads", "1", 0, "found \"1\", expected at least 2" },
	{ "worker_threads", "-5", 0, "found \"-5\", expected at least 2" },
	{ "worker_threads", "1001", 0, "found \"1001\", expected at most 1000" },
	{ "worker_threads", "ten", 0, "found \"ten\", expected a whole number" },
	{ "worker_threads", "", 0, "found \"\", expected a whole number" },
	{ "worker_threads", "10k", 0, "found \"10k\", expected a whole number" },
	{ "hopcount_limit", "2147483647", 2147483647, NULL },
	{ "hopcount_limit", "2147483648", 0, "found \"2147483648\", expected at most 2147483647" },
	{ "message_memory_limit", "1k", 0, "found \"1k\", expected at least 64k" },
	{ "message_memory_limit", "64K", 65536, NULL },
	{ "soft_bounce", "yes", 1, NULL },
	{ "soft_bounce", "NO", 0, NULL },
	{ "soft_bounce", "true", 0, "found \"true\", expected yes or no" },
	{ "soft_bounce", "", 0, "found \"\", expected yes or no" },
	{ "on_mixed", "split", 0, NULL },
	{ "on_mixed", "Defer", 4, NULL },
	{ "on_mixed", "strict", 0,
	    "found \"strict\", expected one of: split strictest lenient hold defer; nearest: "
	    "split" },
	{ "on_mixed", "q", 0, "found \"q\", expected one of: split strictest lenient hold defer" },
};

static int64_t
field(const struct param_row *row, const struct params *p)
{
	const char *at = (const char *)p + row->offset;
	int64_t wide;
	int small;

	if (row->kind == PARAM_BOOL || row->kind == PARAM_ENUM) {
		memcpy(&small, at, sizeof(small));
		return small;
	}
	memcpy(&wide, at, sizeof(wide));
	return wide;
}

static void
test_set(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(set_cases); i++) {
		const struct param_row *row = param_row_find(set_cases[i].name);
		struct params p;
		struct err err;
		int rc;

		assert_non_null(row);
		memset(&p, 0, sizeof(p));
		rc = cf_value_set(row, set_cases[i].in, &p, &err);
		assert_int_equal(rc, set_cases[i].error == NULL ? 0 : -1);
		if (rc == -1)
			assert_string_equal(err.text, set_cases[i].error);
		else
			assert_int_equal(field(row, &p), set_cases[i].value);
	}
}

static void
test_set_text(void **state)
{
	struct params p;
	struct err err;

	(void)state;
	memset(&p, 0, sizeof(p));
	assert_int_equal(cf_value_set(param_row_find("header_checks"), "pcre:/x", &p, &err), 0);
	assert_string_equal(p.header_checks, "pcre:/x");
	assert_int_equal(cf_value_set(param_row_find("header_checks"), "", &p, &err), 0);
	assert_string_equal(p.header_checks, "");
	assert_int_equal(cf_value_set(param_row_find("next_hop"), "", &p, &err), -1);
	assert_string_equal(err.text, "found \"\", expected a value that is not empty");
}

/* Every bound and every word of params.def must itself be readable, and each default in range. */
static void
test_rows(void **state)
{
	(void)state;
	assert_true(param_row_count() > 50);
	for (size_t i = 0; i < param_row_count(); i++) {
		const struct param_row *row = param_row_at(i);
		struct params p;
		struct err err = { 0 };

		memset(&p, 0, sizeof(p));
		assert_ptr_equal(param_row_find(row->name), row);
		/* Exactly one of the two, a text, and a sentence. */
		assert_int_equal(!(row->flags & PF_RELOAD), !!(row->flags & PF_RESTART));
		assert_true(strlen(row->text) > 10);
		assert_int_equal(row->text[strlen(row->text) - 1], '.');
		if (strchr(row->def, '$') != NULL)
			continue;
		if (row->def[0] == '\0' && strcmp(row->name, "myhostname") == 0)
			continue;
		for (int role = ROLE_AFTER_QUEUE; role <= ROLE_MTA; role++)
			if (cf_value_set(row, param_row_default(row, (enum role)role), &p, &err) ==
			    -1)
				fail_msg("%s: %s", row->name, err.text);
	}
	assert_null(param_row_find("nobody"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_set_text),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
