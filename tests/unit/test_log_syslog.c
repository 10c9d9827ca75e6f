/* What is handed to syslog(3): the two functions of libc's are replaced by these. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/log.h"

static struct { /* replacements have no argument for it */
	const char *tag;
	int option, facility, priority, calls;
	char line[512];
} seen;

void
openlog(const char *tag, int option, int facility)
{
	seen.tag = tag;
	seen.option = option;
	seen.facility = facility;
}

void
syslog(int priority, const char *fmt, ...)
{
	va_list ap;

	seen.priority = priority;
	seen.calls++;
	va_start(ap, fmt);
	vsnprintf(seen.line, sizeof(seen.line), fmt, ap);
	va_end(ap);
}

static const struct {
	enum log_level level;
	const char *service, *id, *text, *tag, *line;
} cases[] = {
	/* syslog(3) makes "filterd/lmtp[pid]: " of the tag */
	{ LOG_LEVEL_INFO, "lmtp", "4ID", "reject: x", "filterd/lmtp", "4ID: reject: x" },
	{ LOG_LEVEL_WARN, NULL, NULL, "100%s", "filterd", "warning: 100%s" },
	{ LOG_LEVEL_ERROR, "smtp", NULL, "a\nb", "filterd/smtp", "error: a\\x0ab" },
};

static void
test_lines(void **state)
{
	const struct log_options o = {
		.target = LOG_TO_SYSLOG, .facility = LOG_LOCAL3, .level = LOG_LEVEL_INFO
	};

	(void)state;
	assert_int_equal(log_open(&o, NULL), 0);
	for (size_t i = 0; i < nitems(cases); i++) {
		log_event(cases[i].level, cases[i].service, cases[i].id, "test", NULL, 0, "%s",
		    cases[i].text);
		assert_int_equal(seen.calls, (int)i + 1);
		assert_string_equal(seen.tag, cases[i].tag);
		assert_string_equal(seen.line, cases[i].line);
		assert_int_equal(seen.option & LOG_PID, LOG_PID);
		assert_int_equal(seen.facility, LOG_LOCAL3);
	}
	log_debug("lmtp", NULL, "not wanted");
	assert_int_equal(seen.calls, (int)nitems(cases));
}

static void
test_json(void **state)
{
	const struct log_options o = {
		.target = LOG_TO_SYSLOG, .facility = LOG_MAIL, .json = 1, .level = LOG_LEVEL_INFO
	};

	(void)state;
	assert_int_equal(log_open(&o, NULL), 0);
	log_info("lmtp", "4ID", "text");
	assert_non_null(strstr(seen.line, "\"program\":\"filterd/lmtp\""));
	assert_int_equal(seen.line[0], '{');
	assert_int_equal(seen.line[strlen(seen.line) - 1], '}');
	assert_int_equal(seen.priority, LOG_INFO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
