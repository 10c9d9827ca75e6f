/* Members of archives: as much of each is unpacked and held as is needed to look at it. */
#include <stdlib.h>
#include <string.h>

#include "plugins/attachment_kind.h"
#include "plugins/attachment_look.h"
#include "plugins/attachment_name.h"
#include "plugins/attachment_type.h"

/* What is not held is looked through in steps, which overlap by the longest magic. */
#define SEARCH_OCTETS  65536
#define SEARCH_OVERLAP 8

struct content {
	uint8_t *p;
	size_t len, cap;
};

/* Room for more: 1; 0: more than may be held. */
static int
grow(struct att_walk *w, struct content *c)
{
	size_t cap = c->cap == 0 ? 4096 : 2 * c->cap;
	uint8_t *p;

	if (w->memory + (cap - c->cap) > w->limits.memory)
		return 0;
	p = realloc(c->p, cap);
	if (p == NULL)
		return 0;
	w->memory += cap - c->cap;
	c->p = p;
	c->cap = cap;
	return 1;
}

/* Up to n octets in all.  1: there may be more; 0: that was all; -1: no more is to be read; -2: no
 * more may be held. */
static int
fill(struct att_walk *w, struct att_item *archive, const struct att_source *s, struct content *c,
    size_t n)
{
	ssize_t got;

	while (c->len < n) {
		size_t want;

		if (c->len == c->cap && !grow(w, c))
			return -2;
		want = (c->cap < n ? c->cap : n) - c->len;
		got = s->read(s->arg, c->p + c->len, want);
		if (got == 0)
			return 0;
		if (got < 0)
			return -1;
		c->len += (size_t)got;
		if (!att_unpacked(w, archive, (uint64_t)got))
			return -1;
	}
	return 1;
}

/* Does an archive seem to begin here, or a zip to end? */
static int
may_hide(struct filterd_octets o)
{
	size_t at = 0;

	return att_kind_behind(o, &at) != ATT_KIND_NONE ||
	       (o.len >= 4 && memmem(o.p, o.len, "PK\5\6", 4) != NULL);
}

/* What of a member can only be looked through: is an archive behind it?  1: perhaps. */
static int
search_rest(struct att_walk *w, struct att_item *archive, const struct att_source *s)
{
	uint8_t room[SEARCH_OCTETS + SEARCH_OVERLAP];
	size_t kept = 0;
	ssize_t got;

	while ((got = s->read(s->arg, room + kept, SEARCH_OCTETS)) > 0) {
		size_t n = kept + (size_t)got;

		if (may_hide((struct filterd_octets){ room, n }))
			return 1;
		kept = n < SEARCH_OVERLAP ? n : SEARCH_OVERLAP;
		memmove(room, room + n - kept, kept);
		if (!att_unpacked(w, archive, (uint64_t)got))
			break;
	}
	return 0;
}

/* A member of which no more than the beginning may be of use: all the same an archive may be behind
 * it. */
static int
fill_rest(
    struct att_walk *w, struct att_item *archive, const struct att_source *s, struct content *c)
{
	int rc = fill(w, archive, s, c, SIZE_MAX);

	if (rc == -2 &&
	    (may_hide((struct filterd_octets){ c->p, c->len }) || search_rest(w, archive, s)))
		att_tell(w, ATT_LIMIT_MEMORY, NULL);
	return rc;
}

/* Is there to be looked into what begins so? */
static int
is_wanted(struct att_walk *w, const struct att_item *member, struct filterd_octets begin)
{
	struct att_readings all;
	const char *type;

	if (att_kind(begin, &type) != ATT_KIND_NONE)
		return 1;
	for (size_t i = 0; i < member->nnames; i++) {
		att_readings(member->names[i], &all);
		if (att_kind_named(&all) || att_named_message(&all))
			return 1;
	}
	type = w->ops.type(w->ops.arg, begin);
	return type != NULL &&
	       (strcmp(type, "message/rfc822") == 0 || att_class_of_type(type) == ATT_PROGRAM);
}

void
att_member(struct att_walk *w, struct att_item *archive, struct att_item *member,
    const struct att_source *s)
{
	struct content c = { 0 };
	int rc = 0;

	if (!att_may_go_on(w, archive))
		s = NULL;
	if (s != NULL)
		rc = fill(w, archive, s, &c, ATT_KIND_OCTETS);
	if (rc == 1 && !is_wanted(w, member, (struct filterd_octets){ c.p, c.len })) {
		rc = fill_rest(w, archive, s, &c);
	} else {
		if (rc == 1)
			rc = fill(w, archive, s, &c, SIZE_MAX);
		if (rc == -2)
			att_tell(w, ATT_LIMIT_MEMORY, NULL);
	}
	member->outer = archive;
	member->unread = s == NULL;
	member->octets = (struct filterd_octets){ c.p == NULL ? (const uint8_t *)"" : c.p, c.len };
	member->whole = rc == 0;
	if (rc == 0 && s != NULL)
		member->size = (int64_t)c.len;
	att_look(w, member);
	w->memory -= c.cap;
	free(c.p);
}
