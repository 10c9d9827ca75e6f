/* The restrictions: functions that any number of threads call at the same time. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "example.h"

/* One for the process: it is there before the first check, and is not written again. */
static const struct filterd_host *host;

/* One for each configuration.  The values live as long as the configuration does, but copies are
 * taken of what is used, so that nobody has to remember the order of the rows. */
struct state {
	int has_line;
	int64_t size_limit, time_reserve;
	enum { REFUSE, HOLD, TAG } action; /* the words of example_action */
	char *reply;
};

int
example_open(
    const struct filterd_host *h, const struct filterd_value *v, void **out, char *why, size_t size)
{
	struct state *s = calloc(1, sizeof(*s));

	(void)why;
	(void)size;
	if (host == NULL)
		host = h;
	if (s == NULL || (s->reply = strdup(v[P_REPLY].text)) == NULL)
		abort();
	s->has_line = v[P_LINE].text[0] != '\0';
	s->size_limit = v[P_SIZE_LIMIT].number;
	s->time_reserve = v[P_TIME_RESERVE].number;
	s->action = (int)v[P_ACTION].number;
	*out = s;
	return 0;
}

void
example_close(void *state)
{
	struct state *s = state;

	free(s->reply);
	free(s);
}

/* --- reject_sender_containing TEXT --- */

static char *
lower(char *s)
{
	for (char *p = s; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return s;
}

/* When the configuration is read: what is wrong is told now, and what a check would do again and
 * again is done now. */
static int
containing_compile(struct rule_compile *c, struct rule_op *op)
{
	const char *arg = host->item_arg(op);
	char *text;

	if (strlen(arg) < 2) {
		host->compile_error(c,
		    "reject_sender_containing: \"%s\" is in nearly every address, expected more",
		    arg);
		return -1;
	}
	text = host->compile_alloc(c, strlen(arg) + 1);
	strcpy(text, arg);
	host->item_set_data(op, lower(text));
	return 0;
}

static enum rule_result
containing_check(struct rule_run *run, const struct rule_op *op)
{
	const struct state *s = host->state(run);
	const char *sender = host->about(run, FILTERD_SENDER), *text = host->item_data(op);
	char *copy;

	if (sender == NULL || sender[0] == '\0') /* not known yet, or nobody */
		return RULE_DUNNO;
	copy = host->alloc(run, strlen(sender) + 1);
	strcpy(copy, sender);
	if (strstr(lower(copy), text) == NULL)
		return RULE_DUNNO;
	host->count(host, "example_refused", 1);
	return host->refuse(run, 550, "5.7.1", "%s", s->reply);
}

/* --- check_sender_tld TABLE --- */

static enum rule_result
tld_check(struct rule_run *run, const struct rule_op *op)
{
	const char *sender = host->about(run, FILTERD_SENDER);
	const char *dot = sender == NULL ? NULL : strrchr(sender, '.');
	struct filterd_hit hit;

	if (dot == NULL || dot < strrchr(sender, '@') || dot[1] == '\0')
		return RULE_DUNNO;
	switch (host->lookup(run, op, dot + 1, &hit)) {
	case 1:
		return host->apply(run, &hit);
	case 0:
		return RULE_DUNNO;
	default: /* not the same as: it is not there */
		return host->table_failed(run);
	}
}

/* --- reject_marked_line --- */

static enum rule_result
verdict(struct rule_run *run, const struct state *s, const char *line)
{
	switch (s->action) {
	case REFUSE:
		return host->refuse(run, 550, "5.7.1", "%s (line %s)", s->reply, line);
	case HOLD:
		host->hold(run, "marked line");
		break;
	case TAG:
		host->tag(run, "marked line");
		break;
	}
	return RULE_DUNNO;
}

static enum rule_result
marked_check(struct rule_run *run, const struct rule_op *op)
{
	const struct state *s = host->state(run);
	const struct filterd_scan_answer *a;
	struct filterd_octets message = host->message(run);
	enum rule_result answer;

	if (!s->has_line)
		return RULE_DUNNO;
	if ((int64_t)message.len > s->size_limit) {
		host->fact(run, "example", "size", NULL);
		return host->failed(run, "message larger than example_size_limit");
	}
	if (host->time_left_ms(run) < s->time_reserve)
		return host->failed(run, "too little time left");
	a = host->scan(run, op, &answer);
	if (a == NULL)
		return answer;
	if (a->failed != NULL)
		return host->failed(run, "%s", a->failed);
	return a->nkeys == 0 ? RULE_DUNNO : verdict(run, s, a->keys[0]);
}

const struct restriction_def example_restrictions[] = {
	{ .name = "reject_sender_containing",
	    .args = ARG_TEXT,
	    .stages = AT_SENDER | AT_RELAY | AT_RCPT | AT_DATA | AT_END_OF_DATA | AT_END,
	    .needs = NEED_SENDER,
	    .check = containing_check,
	    .compile = containing_compile,
	    .text = "Refuse a sender with this text in the address." },
	{ .name = "check_sender_tld",
	    .args = ARG_TABLE,
	    .stages = AT_SENDER | AT_RELAY | AT_RCPT | AT_DATA | AT_END_OF_DATA | AT_END,
	    .needs = NEED_SENDER | NEED_TABLES | CAN_PERMIT,
	    .check = tld_check,
	    .text = "Look up the last label of the sender's domain, such as com." },
	{ .name = "reject_marked_line",
	    .stages = AT_END_OF_DATA | AT_END,
	    .needs = NEED_CONTENT,
	    .check = marked_check,
	    .scan = "lines",
	    .text = "Refuse a message in which the line of example_line stands." },
	{ .name = NULL },
};
