/* reject_virus, hold_virus, check_virus: what becomes of what the scan said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "plugins/clamav_names.h"
#include "tests/lib/plugin_driver.h"

/* --- names --- */

static const struct {
	const char *name;
	enum clam_kind kind;
	const char *detail;
} kind_cases[] = {
	{ "Win.Test.EICAR_HDB-1", CLAM_VIRUS, NULL },
	{ "Heuristics.OLE2.ContainsMacros", CLAM_VIRUS, NULL },
	{ "Heuristics.Limits.Exceeded.MaxFiles", CLAM_LIMIT, "MaxFiles" },
	{ "Heuristics.Limits.Exceeded", CLAM_LIMIT, NULL },
	{ "Heuristics.Limits.Exceeded.", CLAM_LIMIT, NULL },
	{ "Heuristics.Limits.ExceededNot", CLAM_VIRUS, NULL },
	{ "Heuristics.Limits.Exceeded.MaxScanTime", CLAM_TIME, "MaxScanTime" },
	{ "Heuristics.Encrypted.Zip", CLAM_ENCRYPTED, "Zip" },
	/* A signature of the site's own may bear any name, and is a virus. */
	{ "Heuristics.Encrypted.Zip.UNOFFICIAL", CLAM_VIRUS, "Zip.UNOFFICIAL" },
	{ "", CLAM_VIRUS, NULL },
};

static void
test_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(kind_cases); i++) {
		const char *detail = clam_name_detail(kind_cases[i].name);

		assert_int_equal(clam_name_kind(kind_cases[i].name), kind_cases[i].kind);
		if (kind_cases[i].detail == NULL)
			assert_null(detail);
		else
			assert_string_equal(detail, kind_cases[i].detail);
	}
}

static const struct {
	const char *name, *keys;
} key_cases[] = {
	{ "A.B.C", "A.B.C A.B A *" },
	{ "A", "A *" },
	{ "A.B.UNOFFICIAL", "A.B.UNOFFICIAL A.UNOFFICIAL UNOFFICIAL *" },
	{ "UNOFFICIAL", "UNOFFICIAL *" }, /* the whole name, no tail */
	{ ".UNOFFICIAL", ".UNOFFICIAL *" },
	{ "Heuristics.Encrypted.Zip",
	    "Heuristics.Encrypted.Zip Heuristics.Encrypted Heuristics *" },
	{ "A..B", "A..B A. A *" },
	{ "A.", "A. A *" },
	{ "", "*" },
};

static void
test_keys(void **state)
{
	char long_name[CLAM_NAME_MAX + 2], key[CLAM_NAME_MAX + 1];

	(void)state;
	for (size_t i = 0; i < nitems(key_cases); i++) {
		char all[200] = "";

		for (size_t step = 0; clam_name_key(key_cases[i].name, step, key); step++) {
			if (step > 0)
				strcat(all, " ");
			strcat(all, key);
			assert_true(step < 10);
		}
		assert_string_equal(all, key_cases[i].keys);
	}
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	assert_int_equal(clam_name_key(long_name, 0, key), 0);
	long_name[CLAM_NAME_MAX] = '\0';
	assert_int_equal(clam_name_key(long_name, 0, key), 1);
	assert_string_equal(key, long_name);
}

/* --- restrictions --- */

#define EVIL   "Win.Evil.Thing-1"
#define LIMIT  "Heuristics.Limits.Exceeded.MaxFiles"
#define LATE   "Heuristics.Limits.Exceeded.MaxScanTime"
#define LOCKED "Heuristics.Encrypted.Zip"
#define BEYOND "message is beyond a limit of the virus scan: MaxFiles"

static const struct check_case {
	const char *set;               /* "parameter=value" or NULL */
	const char *names[3], *failed; /* what the scan said */
	const char *rows[4];           /* key, value, ... of the table */
	const char *check;
	const char *expect; /* the refusal; "hold ..."; "failed ..."; "ok"; "" */
} check_cases[] = {
	{ NULL, { NULL }, NULL, { NULL }, "reject_virus", "" },
	{ NULL, { EVIL }, NULL, { NULL }, "reject_virus",
	    "554 5.7.1 message contains malware: " EVIL },
	{ NULL, { EVIL }, NULL, { NULL }, "hold_virus", "hold virus " EVIL },
	{ NULL, { NULL }, NULL, { NULL }, "hold_virus", "" },
	{ NULL, { NULL }, "no engine", { NULL }, "reject_virus", "failed virus scan: no engine" },
	{ NULL, { NULL }, "no engine", { NULL }, "hold_virus", "failed virus scan: no engine" },
	{ NULL, { NULL }, "no engine", { "*", "OK" }, "check_virus",
	    "failed virus scan: no engine" },
	/* What was found is there whatever else failed. */
	{ NULL, { EVIL }, "no engine", { NULL }, "reject_virus",
	    "554 5.7.1 message contains malware: " EVIL },
	/* limits */
	{ NULL, { LIMIT }, NULL, { NULL }, "reject_virus", "failed " BEYOND },
	{ NULL, { LIMIT, EVIL }, NULL, { NULL }, "reject_virus",
	    "554 5.7.1 message contains malware: " EVIL },
	{ "clamav_limit_action=virus", { LIMIT }, NULL, { NULL }, "reject_virus",
	    "554 5.7.1 message contains malware: " LIMIT },
	{ "clamav_limit_action=virus", { LIMIT }, NULL, { NULL }, "hold_virus",
	    "hold virus " LIMIT },
	{ "clamav_limit_action=accept", { LIMIT }, NULL, { NULL }, "reject_virus", "" },
	/* Out of time is a failure, whatever limits are. */
	{ "clamav_limit_action=accept", { LATE }, NULL, { NULL }, "reject_virus",
	    "failed virus scan: out of time" },
	/* encrypted */
	{ NULL, { LOCKED }, NULL, { NULL }, "reject_virus", "" },
	{ "clamav_encrypted_action=virus", { LOCKED }, NULL, { NULL }, "reject_virus",
	    "554 5.7.1 message contains malware: " LOCKED },
	{ "clamav_encrypted_action=fail", { LOCKED }, NULL, { NULL }, "hold_virus",
	    "failed message holds what is encrypted: Zip" },
	/* tables */
	{ NULL, { EVIL }, NULL, { EVIL, "550 no" }, "check_virus", "550 no" },
	{ NULL, { EVIL }, NULL, { "Win.Evil", "550 evil" }, "check_virus", "550 evil" },
	{ NULL, { EVIL }, NULL, { "*", "550 all" }, "check_virus", "550 all" },
	{ NULL, { EVIL }, NULL, { "Heuristics", "550 no" }, "check_virus", "" },
	{ NULL, { EVIL }, NULL, { EVIL, "DUNNO", "Win", "550 no" }, "check_virus", "" },
	{ NULL, { EVIL }, NULL, { EVIL, "OK" }, "check_virus", "ok" },
	{ NULL, { "X.Y.UNOFFICIAL" }, NULL, { "X", "550 no", "UNOFFICIAL", "HOLD it" },
	    "check_virus", "hold HOLD it" },
	/* The first excused, the second is looked at. */
	{ NULL, { EVIL, "Win.Other" }, NULL, { EVIL, "DUNNO", "Win", "550 no" }, "check_virus",
	    "550 no" },
	/* A table decides about limits too, and then they have not failed. */
	{ NULL, { LIMIT }, NULL, { "Heuristics.Limits", "HOLD too much" }, "check_virus",
	    "hold HOLD too much" },
	{ NULL, { LIMIT }, NULL, { "Win", "550 no" }, "check_virus", "failed " BEYOND },
	{ NULL, { LATE }, NULL, { LATE, "DUNNO" }, "check_virus", "" },
	/* A table that cannot answer. */
	{ NULL, { EVIL }, NULL, { EVIL, NULL }, "check_virus", "table failed" },
};

static void
set_pair(struct driver *d, const char *pair)
{
	char name[100];
	size_t n = strcspn(pair, "=");

	snprintf(name, sizeof(name), "%.*s", (int)n, pair);
	driver_set(d, name, pair + n + 1);
}

static void
outcome(const struct driver_said *s, char *out, size_t size)
{
	if (s->failed != NULL)
		snprintf(out, size, "failed %s", s->failed);
	else if (s->refused != NULL)
		snprintf(out, size, "%s", s->refused);
	else if (s->held != NULL)
		snprintf(out, size, "hold %s", s->held);
	else
		snprintf(out, size, "%s", s->result == RULE_OK ? "ok" : "");
	assert_int_equal(s->result == RULE_REFUSED, s->failed != NULL || s->refused != NULL);
}

static void
run_case(size_t i)
{
	const struct check_case *c = &check_cases[i];
	struct driver *d = driver_new("clamav");
	char out[400];

	if (c->set != NULL)
		set_pair(d, c->set);
	assert_int_equal(driver_open(d), 0);
	driver_message(d, "Subject: x\r\n\r\n", 14);
	for (size_t k = 0; k < nitems(c->names) && c->names[k] != NULL; k++)
		driver_say_key(d, c->names[k]);
	if (c->failed != NULL)
		driver_say_failed(d, c->failed);
	for (size_t k = 0; k < nitems(c->rows) && c->rows[k] != NULL; k += 2)
		driver_table_row(d, c->rows[k], c->rows[k + 1]);
	outcome(driver_check(d, c->check), out, sizeof(out));
	if (strcmp(out, c->expect) != 0)
		fail_msg("row %zu: \"%s\", not \"%s\"", i, out, c->expect);
	driver_free(d);
}

static void
test_checks(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(check_cases); i++)
		run_case(i);
}

/* A failure that is a limit leaves that fact, not only that it failed. */
static void
test_facts_of_failure(void **state)
{
	static const char *const names[][2] = { { LIMIT, "clamav=limit:MaxFiles" },
		{ LATE, "clamav=timeout" }, { LOCKED, "clamav=encrypted:Zip" } };
	struct driver *d = driver_new("clamav");

	(void)state;
	driver_set(d, "clamav_encrypted_action", "fail");
	assert_int_equal(driver_open(d), 0);
	for (size_t i = 0; i < nitems(names); i++) {
		driver_message(d, "Subject: x\r\n\r\n", 14);
		driver_say_key(d, names[i][0]);
		assert_true(driver_said_fact(driver_check(d, "reject_virus"), names[i][1]));
	}
	driver_message(d, "Subject: x\r\n\r\n", 14);
	driver_say_failed(d, "no room");
	assert_true(driver_said_fact(driver_check(d, "reject_virus"), "clamav=error"));
	driver_free(d);
}

static void
test_no_scanner(void **state)
{
	struct driver *d = driver_new("clamav");
	const struct driver_said *s;

	(void)state;
	assert_int_equal(driver_open(d), 0);
	driver_message(d, "Subject: x\r\n\r\n", 14);
	driver_no_scanner(d, 1);
	s = driver_check(d, "reject_virus");
	assert_string_equal(s->failed, "no scanner");
	assert_int_equal(s->result, RULE_REFUSED);
	assert_true(driver_said_fact(s, "clamav=error"));
	driver_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_facts_of_failure),
		cmocka_unit_test(test_no_scanner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
