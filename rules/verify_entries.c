#include <stdlib.h>
#include <string.h>

#include "base/xmem.h"
#include "rules/verify_entries.h"

static struct verify_entry **
bucket(struct verify_entries *v, const char *key)
{
	return &v->buckets[keyhash(&v->hash, key, strlen(key)) % VERIFY_BUCKETS];
}

struct verify_entry *
verify_entry_find(struct verify_entries *v, const char *key)
{
	struct verify_entry *e = *bucket(v, key);

	while (e != NULL && strcmp(e->key, key) != 0)
		e = e->next;
	return e;
}

static void
unlink_age(struct verify_entries *v, struct verify_entry *e)
{
	*(e->newer == NULL ? &v->newest : &e->newer->older) = e->older;
	*(e->older == NULL ? &v->oldest : &e->older->newer) = e->newer;
	e->newer = e->older = NULL;
}

static void
link_newest(struct verify_entries *v, struct verify_entry *e)
{
	e->older = v->newest;
	*(v->newest == NULL ? &v->oldest : &v->newest->newer) = e;
	v->newest = e;
}

void
verify_entry_drop(struct verify_entries *v, struct verify_entry *e)
{
	struct verify_entry **at = bucket(v, e->key);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	unlink_age(v, e);
	v->n--;
	free(e->key);
	free(e->text);
	free(e);
}

/* Room for one more, if it can be had: an entry being probed has to stay. */
static void
make_room(struct verify_entries *v)
{
	struct verify_entry *e = v->oldest, *newer;

	for (; e != NULL && v->n >= v->max; e = newer) {
		newer = e->newer;
		if (!e->probing)
			verify_entry_drop(v, e);
	}
}

struct verify_entry *
verify_entry_add(struct verify_entries *v, const char *key)
{
	struct verify_entry **b = bucket(v, key), *e;

	make_room(v);
	e = xcalloc(1, sizeof(*e));
	e->key = xstrdup(key);
	e->text = xstrdup(VERIFY_IN_PROGRESS);
	e->status = VERIFY_PENDING;
	e->next = *b;
	*b = e;
	link_newest(v, e);
	v->n++;
	return e;
}

void
verify_entry_set_text(struct verify_entry *e, const char *text)
{
	free(e->text);
	e->text = xasprintf("%.*s", VERIFY_TEXT_MAX - 1, text);
}

void
verify_entry_asked(struct verify_entries *v, struct verify_entry *e)
{
	unlink_age(v, e);
	link_newest(v, e);
}

void
verify_entries_init(struct verify_entries *v)
{
	keyhash_init(&v->hash);
}

void
verify_entries_fini(struct verify_entries *v)
{
	while (v->oldest != NULL)
		verify_entry_drop(v, v->oldest);
}
