#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "rules/policy_service.h"
#include "table/braces.h"

/* --- NAME = VALUE --- */

enum option_kind { OPTION_TIME, OPTION_NUMBER, OPTION_TEXT };

struct option {
	const char *name;
	enum option_kind kind;
	size_t offset;
	int64_t min; /* OPTION_NUMBER */
};

#define OFFSET(member) offsetof(struct policy_check, member)
static const struct option options[] = {
	{ "timeout", OPTION_TIME, OFFSET(service.timeout), 0 },
	{ "max_idle", OPTION_TIME, OFFSET(service.max_idle), 0 },
	{ "max_ttl", OPTION_TIME, OFFSET(service.max_ttl), 0 },
	{ "retry_delay", OPTION_TIME, OFFSET(service.retry_delay), 0 },
	{ "request_limit", OPTION_NUMBER, OFFSET(service.request_limit), 0 },
	{ "try_limit", OPTION_NUMBER, OFFSET(service.try_limit), 1 },
	{ "default_action", OPTION_TEXT, OFFSET(default_action), 0 },
	{ "policy_context", OPTION_TEXT, OFFSET(service.policy_context), 0 },
};

#define TIME_MAX_MS ((int64_t)366 * 86400 * 1000)

/* A number of seconds, or with a unit; not 0, as with Postfix. */
static int
parse_time(struct span text, int64_t *ms)
{
	static const char units[] = "smhdw";
	static const int64_t unit_ms[] = { 1000, 60000, 3600000, 86400000, 604800000 };
	const char *unit = units;
	uint64_t n;

	if (text.len > 0 && memchr(units, text.p[text.len - 1], sizeof(units) - 1) != NULL)
		unit = strchr(units, text.p[--text.len]);
	if (span_u64(text, (uint64_t)(TIME_MAX_MS / unit_ms[unit - units]), &n) == -1 || n == 0)
		return -1;
	*ms = (int64_t)n * unit_ms[unit - units];
	return 0;
}

static int
wrong_value(const struct option *o, const char *value, const char *wish, struct err *err)
{
	err_set(err, ERR_CONFIG, "%s = %.100s: must be %s", o->name, value, wish);
	return -1;
}

static int
set_option(struct policy_check *c, const struct option *o, const char *value, struct err *err)
{
	void *member = (char *)c + o->offset;
	uint64_t n;

	switch (o->kind) {
	case OPTION_TIME:
		if (parse_time(span_str(value), member) == -1)
			return wrong_value(o, value, "a time such as 10s, not 0", err);
		return 0;
	case OPTION_NUMBER:
		if (span_u64(span_str(value), 1000000, &n) == -1 || (int64_t)n < o->min)
			return wrong_value(
			    o, value, o->min > 0 ? "a number, not 0" : "a number", err);
		*(int64_t *)member = (int64_t)n;
		return 0;
	case OPTION_TEXT:
		*(const char **)member = value;
		return 0;
	}
	return -1;
}

static int
take_option(struct policy_check *c, char *word, struct err *err)
{
	char *name, *value;

	if (word[0] == '{' && braces_strip(&word, 1, err) == -1)
		return -1;
	if (braces_assignment(word, &name, &value, err) == -1)
		return -1;
	for (size_t i = 0; i < nitems(options); i++)
		if (strcmp(options[i].name, name) == 0)
			return set_option(c, &options[i], value, err);
	err_set(err, ERR_CONFIG, "%.100s: a policy service has no such option", name);
	return -1;
}

/* --- SERVICE --- */

static int
take_path(struct policy_service *s, const char *path, const char *queue_directory, struct err *err)
{
	int n;

	if (path[0] == '\0') {
		err_set(err, ERR_CONFIG, "unix: must be followed by a path");
		return -1;
	}
	s->to.kind = ENDPOINT_UNIX;
	if (path[0] == '/')
		n = snprintf(s->to.path, sizeof(s->to.path), "%s", path);
	else
		n = snprintf(s->to.path, sizeof(s->to.path), "%s/%s", queue_directory, path);
	if (n < 0 || (size_t)n >= sizeof(s->to.path)) {
		err_set(err, ERR_CONFIG, "unix:%.200s: the path is too long for a socket", path);
		return -1;
	}
	return 0;
}

static int
take_service(
    struct policy_service *s, const char *text, const char *queue_directory, struct err *err)
{
	static const char *const types[] = { "inet:", "unix:", "local:" };

	for (size_t i = 0; i < nitems(types); i++) {
		size_t n = strlen(types[i]);

		if (strncmp(text, types[i], n) != 0)
			continue;
		s->name = text + n;
		if (i > 0)
			return take_path(s, s->name, queue_directory, err);
		if (endpoint_parse(s->name, NULL, &s->to, err) == 0 && s->to.kind == ENDPOINT_INET)
			return 0;
		err_set(err, ERR_CONFIG, "%.200s: must be inet:HOST:PORT", text);
		return -1;
	}
	err_set(err, ERR_CONFIG, "%.200s: must be inet:HOST:PORT or unix:PATH", text);
	return -1;
}

int
policy_service_parse(struct arena *mem, const char *text, const char *queue_directory,
    struct policy_check *c, struct err *err)
{
	char *copy = arena_strdup(mem, text), *word;

	if (copy[0] == '{' && braces_strip(&copy, 1, err) == -1)
		return -1;
	word = braces_next(&copy);
	if (take_service(&c->service, word == NULL ? "" : word, queue_directory, err) == -1)
		return -1;
	while ((word = braces_next(&copy)) != NULL)
		if (take_option(c, word, err) == -1)
			return -1;
	return 0;
}
