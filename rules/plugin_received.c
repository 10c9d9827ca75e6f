/* The Received: line in front of what scans are given (PITFALLS C10): without one as the first line
 * some take a message for something else. */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "rules/plugin_impl.h"

/* A word of the line: what is no plain printable ASCII, or would be a comment's or the date's
 * punctuation, is shown as "?". */
static const char *
word(struct rule_run *run, const char *s, const char *otherwise)
{
	char *copy;

	if (s == NULL || s[0] == '\0')
		return otherwise;
	copy = arena_strdup(run->arena, s);
	for (char *p = copy; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || strchr("()[];\\\"<>", *p) != NULL)
			*p = '?';
	return copy;
}

/* RFC 5322, in UTC: its names are English whatever the locale. */
static const char *
date(struct rule_run *run)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
		"Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t now = (time_t)(clock_wall_us() / 1000000);
	struct tm tm;

	gmtime_r(&now, &tm);
	return arena_printf(run->arena, "%s, %d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday],
	    tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* RFC 5321 4.1.3. */
static const char *
address(struct rule_run *run)
{
	const struct client *c = run->client;

	if (c->sa.ss_family == AF_UNSPEC)
		return "unknown";
	return arena_printf(run->arena, "%s%s", c->sa.ss_family == AF_INET6 ? "IPv6:" : "",
	    word(run, c->addr, "unknown"));
}

struct span
plugin_received_line(struct rule_run *run)
{
	const struct client *c = run->client;

	if (run->kept->received == NULL)
		run->kept->received =
		    arena_printf(run->arena, "Received: from %s (%s [%s]) by %s with %s; %s\r\n",
			word(run, run->txn->has_helo ? c->helo : "", "unknown"),
			word(run, c->name, "unknown"), address(run),
			word(run, run->o->myhostname, "localhost"), word(run, c->proto, "SMTP"),
			date(run));
	return span_str(run->kept->received);
}
