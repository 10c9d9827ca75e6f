/* One scan, in a scanner process: the parts of the message, and of messages found in archives. */
#include <stdio.h>
#include <string.h>

#include "plugins/attachment_int.h"

#define NAMES_MAX 17
#define TYPES_MAX 5

struct scan {
	struct att_engine *e;
	struct filterd_work *work; /* of the message that is taken apart */
	struct filterd_say *say;
};

/* --- what the walk asks and says --- */

static const char *
type_of(void *arg, struct filterd_octets o)
{
	const struct scan *s = arg;

	return magic_buffer(s->e->magic, o.p, o.len);
}

static void
say(const struct scan *s, char what, const char *text)
{
	char line[1100];

	snprintf(line, sizeof(line), "%c%s", what, text);
	s->e->host->say_key(s->say, line);
}

static void
say_key(void *arg, const char *key, int more)
{
	say(arg, more ? ATT_SAYS_MORE : ATT_SAYS_KEY, key);
}

static void
say_fact(void *arg, const char *subject, const char *value, const char *detail)
{
	const struct scan *s = arg;
	char text[100];

	s->e->host->say_fact(s->say, subject, value, detail);
	if (strcmp(subject, "archive") != 0)
		return;
	snprintf(text, sizeof(text), "%s%s%s", value, detail == NULL ? "" : ":",
	    detail == NULL ? "" : detail);
	say(s, ATT_SAYS_FACT, text);
}

/* --- parts --- */

static int
is_read(const char *type)
{
	return strncmp(type, "text/", 5) == 0 || strncmp(type, "message/", 8) == 0;
}

static void
look_at_part(struct scan *s, struct att_walk *w, struct att_item *outer, size_t i,
    const struct filterd_part *part)
{
	const struct filterd_host *h = s->e->host;
	struct filterd_octets names[NAMES_MAX];
	const char *types[TYPES_MAX];
	struct att_item item = { .outer = outer,
		.names = names,
		.types = types,
		.octets = part->decoded,
		.whole = part->whole,
		.is_body = 1,
		.size = part->whole ? (int64_t)part->decoded.len : -1 };
	int rc = 0;

	while (item.nnames < NAMES_MAX &&
	       (rc = h->part_name(s->work, i, item.nnames, &names[item.nnames])) == 1)
		item.nnames++;
	while (rc != -1 && item.ntypes < TYPES_MAX &&
	       (rc = h->part_type(s->work, i, item.ntypes, &types[item.ntypes])) == 1)
		item.ntypes++;
	if (rc == -1)
		att_tell(w, ATT_LIMIT_NAMES, NULL);
	/* What it counts as without a Content-Type. */
	if (item.ntypes == 0)
		types[item.ntypes++] = part->type;
	for (size_t k = 0; k < item.ntypes; k++)
		item.is_body &= is_read(types[k]);
	if (!part->whole)
		att_tell(w, ATT_LIMIT_MEMORY, NULL);
	att_look(w, &item);
}

static void
look_at_parts(struct scan *s, struct att_walk *w, struct att_item *outer)
{
	struct filterd_part part;
	size_t i = 0;
	int rc;

	for (; (rc = s->e->host->part(s->work, i, &part)) == 1; i++)
		look_at_part(s, w, outer, i, &part);
	if (rc == -1)
		att_tell(w, ATT_LIMIT_PARTS, NULL);
}

static void
look_at_message(void *arg, struct att_walk *w, struct att_item *item)
{
	struct scan *s = arg, inner = *s;

	inner.work = s->e->host->work_open(s->work, item->octets);
	look_at_parts(&inner, w, item);
	s->e->host->work_close(inner.work);
}

/* --- the scan --- */

static int
finish(const struct scan *s, const struct att_walk *w)
{
	const struct filterd_host *h = s->e->host;

	h->say_count(s->say, "attachment_members", w->members);
	if (w->told & ((1u << ATT_ENCRYPTED) - 1))
		h->say_count(s->say, "attachment_limits", 1);
	if (!w->failed) {
		h->say_count(s->say, "attachment_messages", 1);
		return 0;
	}
	h->say_count(s->say, "attachment_failed", 1);
	h->say_failed(s->say, "libmagic: %s", magic_error(s->e->magic));
	return -1;
}

int
att_scan_run(void *engine, const struct filterd_message *m, struct filterd_work *work,
    struct filterd_say *to)
{
	struct scan s = { .e = engine, .work = work, .say = to };
	const struct att_ops ops = { type_of, say_key, say_fact, look_at_message, &s };
	struct att_walk w;
	locale_t before = uselocale(s.e->locale);

	att_walk_init(&w, &s.e->limits, &ops, m->time_left_ms);
	look_at_parts(&s, &w, NULL);
	(void)uselocale(before);
	return finish(&s, &w);
}
