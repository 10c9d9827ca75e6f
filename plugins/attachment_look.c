#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugins/attachment_archive.h"
#include "plugins/attachment_kind.h"
#include "plugins/attachment_look.h"
#include "plugins/attachment_name.h"
#include "plugins/attachment_type.h"
#include "plugins/attachment_zip.h"

/* What a scanner's answer holds is less than these, with what each costs besides. */
#define KEYS_MAX       1900
#define KEY_OCTETS_MAX 150000
/* So much may come out of anything. */
#define RATIO_FREE 1048576
/* What libmagic is given. */
#define TYPE_OCTETS 262144
/* Of what seems to begin in something else so many are tried. */
#define BEHIND_MAX  32
#define PATH_OCTETS 400
#define KEY_OCTETS  1000

static const struct {
	const char *subject, *value, *detail;
} facts[ATT_FACTS] = {
	[ATT_LIMIT_DEPTH] = { "archive", "limit", "depth" },
	[ATT_LIMIT_MEMBERS] = { "archive", "limit", "members" },
	[ATT_LIMIT_SIZE] = { "archive", "limit", "size" },
	[ATT_LIMIT_MEMORY] = { "archive", "limit", "memory" },
	[ATT_LIMIT_RATIO] = { "archive", "limit", "ratio" },
	[ATT_LIMIT_TIME] = { "archive", "limit", "time" },
	[ATT_LIMIT_KEYS] = { "archive", "limit", "keys" },
	[ATT_LIMIT_NAMES] = { "archive", "limit", "names" },
	[ATT_LIMIT_PARTS] = { "archive", "limit", "parts" },
	[ATT_ENCRYPTED] = { "archive", "encrypted", NULL },
	[ATT_BROKEN] = { "archive", "broken", NULL },
	[ATT_AMBIGUOUS] = { "archive", "ambiguous", NULL },
	[ATT_MISMATCH] = { "attachment", "type_mismatch", NULL },
};

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
att_walk_init(struct att_walk *w, const struct att_limits *limits, const struct att_ops *ops,
    int64_t time_left_ms)
{
	*w = (struct att_walk){ .limits = *limits, .ops = *ops };
	w->until_ms = now_ms() + (time_left_ms < limits->time_ms ? time_left_ms : limits->time_ms);
}

void
att_tell(struct att_walk *w, enum att_fact fact, const char *detail)
{
	if (w->told & 1u << fact)
		return;
	w->told |= 1u << fact;
	w->ops.fact(w->ops.arg, facts[fact].subject, facts[fact].value,
	    facts[fact].detail != NULL ? facts[fact].detail : detail);
}

/* --- limits --- */

static int
stop(struct att_walk *w, enum att_fact limit)
{
	att_tell(w, limit, NULL);
	w->stop = 1;
	return 0;
}

int
att_may_go_on(struct att_walk *w, const struct att_item *archive)
{
	if (w->stop || archive->over)
		return 0;
	return now_ms() < w->until_ms ? 1 : stop(w, ATT_LIMIT_TIME);
}

int
att_count(struct att_walk *w)
{
	if (w->members++ < w->limits.members)
		return 1;
	w->is_full = 1;
	return stop(w, ATT_LIMIT_MEMBERS);
}

int
att_unpacked(struct att_walk *w, struct att_item *archive, uint64_t n)
{
	w->size += n;
	archive->out += n;
	if (w->size > w->limits.size)
		return stop(w, ATT_LIMIT_SIZE);
	if (archive->out > RATIO_FREE && archive->out / w->limits.ratio > archive->octets.len) {
		archive->over = 1;
		att_tell(w, ATT_LIMIT_RATIO, NULL);
		return 0;
	}
	return att_may_go_on(w, archive);
}

/* --- keys --- */

/* The path of what it is in, and its first name; of an attachment without one a number would not
 * say more. */
static void
make_path(struct att_item *item)
{
	const char *outer = item->outer == NULL ? "" : item->outer->path;
	char whole[2 * PATH_OCTETS + 2], name[PATH_OCTETS];
	size_t n, len = strlen(outer);

	att_show(
	    item->nnames > 0 ? item->names[0] : (struct filterd_octets){ 0 }, name, sizeof(name));
	n = (size_t)snprintf(whole, sizeof(whole), "%s%s%s", outer, len > 0 ? "/" : "", name);
	/* Of what is deep the outer part gives way. */
	item->path = strdup(n < PATH_OCTETS ? whole : name);
	item->depth = item->outer == NULL ? 0 : item->outer->depth + 1;
}

/* FNV-1a */
static int
is_new(struct att_known *known, const char *key)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *key != '\0'; key++)
		hash = (hash ^ (uint8_t)*key) * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < known->n; i++)
		if (known->hash[i] == hash)
			return 0;
	if (known->n < ATT_KNOWN_MAX)
		known->hash[known->n++] = hash;
	return 1;
}

static void
say_key(struct att_walk *w, struct att_item *item, const char *name, const char *declared,
    const char *detected)
{
	char key[KEY_OCTETS], size[24] = "-";
	size_t n;

	if (item->size >= 0)
		snprintf(size, sizeof(size), "%lld", (long long)item->size);
	n = (size_t)snprintf(key, sizeof(key), "%s; %s; %s; %s; %s", name, declared, detected, size,
	    item->path == NULL ? "" : item->path);
	if (w->known != NULL && !is_new(w->known, key))
		return;
	if (w->keys == KEYS_MAX || w->key_octets + n > KEY_OCTETS_MAX) {
		w->is_full = 1;
		(void)stop(w, ATT_LIMIT_KEYS);
		return;
	}
	w->keys++;
	w->key_octets += n + 24; /* what an answer adds to each */
	w->ops.key(w->ops.arg, key, item->said > 0);
	item->said++;
}

static void
say_keys(
    struct att_walk *w, struct att_item *item, const struct att_readings *all, const char *detected)
{
	char name[ATT_SHOWN_MAX + 1], type[ATT_SHOWN_MAX / 2 + 1];

	for (size_t i = 0; i < (all->n > 0 ? all->n : 1) && !w->is_full; i++) {
		name[0] = '\0';
		if (all->n > 0)
			att_show((struct filterd_octets){ all->v[i].p, all->v[i].len }, name,
			    sizeof(name));
		for (size_t k = 0; k < (item->ntypes > 0 ? item->ntypes : 1); k++) {
			const char *t = item->ntypes > 0 ? item->types[k] : "-";

			att_show((struct filterd_octets){ (const uint8_t *)t, strlen(t) }, type,
			    sizeof(type));
			say_key(w, item, name, type, detected);
		}
	}
}

/* The readings of all names; each once. */
static void
all_readings(const struct att_item *item, size_t i, struct att_readings *out)
{
	if (i < item->nnames)
		att_readings(item->names[i], out);
	else
		out->n = 0;
}

static void
add_claims(const struct att_readings *all, struct att_claims *claims)
{
	unsigned inner;

	for (size_t i = 0; i < all->n; i++) {
		claims->name |= att_class_of_name(&all->v[i], &inner);
		claims->inner |= inner;
	}
}

/* A text for people, not an attachment: no name, and nothing but text. */
static int
is_body(const struct att_item *item, unsigned class, const char *detected)
{
	return item->is_body && item->nnames == 0 &&
	       (class == 0 || class == ATT_TEXT || strcmp(detected, "inode/x-empty") == 0);
}

static int
is_shown(const char *type)
{
	return strcmp(type, "text/plain") == 0 || strcmp(type, "text/html") == 0;
}

/* A body that readers show, in octets that texts have and programs have others besides.  What
 * libmagic takes such a text for would be of no use, and of thousands would take seconds. */
static int
is_plain_body(const struct att_item *item)
{
	if (!item->is_body || item->nnames > 0 || item->ntypes == 0 || item->octets.len == 0)
		return 0;
	for (size_t i = 0; i < item->ntypes; i++)
		if (!is_shown(item->types[i]))
			return 0;
	return att_is_text(item->octets);
}

static const char *
detect(struct att_walk *w, const struct att_item *item)
{
	struct filterd_octets o = item->octets;
	const char *type;

	if (item->locked || item->unread)
		return "-";
	if (is_plain_body(item))
		return "text/plain";
	if (o.len > TYPE_OCTETS)
		o.len = TYPE_OCTETS;
	type = w->ops.type(w->ops.arg, o);
	if (type != NULL)
		return type;
	w->failed = 1;
	return "-";
}

/* --- what is in it --- */

static int
may_open(struct att_walk *w, struct att_item *item)
{
	if (item->depth >= w->limits.depth) {
		att_tell(w, ATT_LIMIT_DEPTH, NULL);
		return 0;
	}
	/* Of what only the beginning is there, why that is so has been told. */
	return item->whole && att_may_go_on(w, item);
}

/* Programs that read such archives hold the same octets. */
static void
open_behind(struct att_walk *w, struct att_item *item)
{
	enum att_kind kind;
	size_t at = 0;

	for (int tries = 0; (kind = att_kind_behind(item->octets, &at)) != ATT_KIND_NONE; at++) {
		if (!may_open(w, item) || att_archive_open_at(w, item, kind, at))
			return;
		if (++tries == BEHIND_MAX) {
			att_tell(w, ATT_AMBIGUOUS, "prepended");
			return;
		}
	}
}

/* Whatever it begins with, some look for a zip from its end.  In what is an archive anyway there
 * may be one that is a member. */
static void
open_by_end(struct att_walk *w, struct att_item *item, int is_archive)
{
	if (!item->whole || !att_zip_has_end(item->octets, is_archive) || !may_open(w, item))
		return;
	if (is_archive)
		att_tell(w, ATT_AMBIGUOUS, "prepended");
	att_zip_open(w, item);
}

static void
open_item(struct att_walk *w, struct att_item *item, int is_message)
{
	const char *name;
	enum att_kind kind = att_kind(item->octets, &name);

	if (kind == ATT_KIND_ZIP) {
		if (may_open(w, item))
			att_zip_open(w, item);
		return;
	}
	if (kind == ATT_KIND_CLOSED) {
		att_tell(w, ATT_BROKEN, name);
	} else if (kind != ATT_KIND_NONE) {
		if (may_open(w, item))
			att_archive_open(w, item, kind, name);
	} else if (is_message) {
		if (may_open(w, item))
			w->ops.message(w->ops.arg, w, item);
	} else if (item->whole) {
		name = att_kind_tail(item->octets);
		if (name != NULL)
			att_tell(w, ATT_BROKEN, name);
		open_behind(w, item);
	}
	if (kind == ATT_KIND_NONE && att_has_binhex(item->octets))
		att_tell(w, ATT_BROKEN, "binhex");
	open_by_end(w, item, kind != ATT_KIND_NONE || is_message);
}

static int
is_message(const struct att_item *item, const struct att_readings *all, const char *detected)
{
	/* A part of the message that is one has been taken apart. */
	return item->outer != NULL &&
	       (att_named_message(all) || strcmp(detected, "message/rfc822") == 0);
}

void
att_look(struct att_walk *w, struct att_item *item)
{
	struct att_claims claims = { 0 };
	struct att_readings all;
	const char *found;
	char detected[ATT_SHOWN_MAX / 2 + 1];
	unsigned class;
	int message = 0;

	if (w->is_full)
		return;
	if (!att_count(w))
		return;
	make_path(item);
	found = detect(w, item);
	att_show((struct filterd_octets){ (const uint8_t *)found, strlen(found) }, detected,
	    sizeof(detected));
	class = att_class_of_type(detected);
	for (size_t i = 0; i < item->ntypes; i++)
		claims.declared |= att_class_of_type(item->types[i]);
	for (size_t i = 0; i < (item->nnames > 0 ? item->nnames : 1); i++) {
		all_readings(item, i, &all);
		add_claims(&all, &claims);
		message |= is_message(item, &all, detected);
		if (!is_body(item, class, detected))
			say_keys(w, item, &all, detected);
	}
	if (att_mismatch(&claims, class))
		att_tell(w, ATT_MISMATCH, NULL);
	if (item->locked)
		att_tell(w, ATT_ENCRYPTED, NULL);
	else if (!item->unread)
		open_item(w, item, message);
	free(item->path);
	item->path = NULL;
}
