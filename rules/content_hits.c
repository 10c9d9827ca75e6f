#include "rules/content_hits.h"

#include <string.h>

#include "base/arena.h"
#include "base/blocking.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/keyhash.h"
#include "rules/rules_private.h"

/* The clock is looked at once in so many look-ups; a single one has limits of its own. */
#define ASK_CLOCK 64
/* So long those look-ups that fail may take in all.  Lines that make a pattern explode must not
 * hide what stands behind them, and a table that is down must not be waited for at each line. */
#define FAILED_US 2000000
/* So many of them are kept, for who traces: all have the same outcome. */
#define FAILURES_KEPT 8
/* Of keys so long the clock is looked at for each, and another thread takes over. */
#define LONG ((size_t)4096)
/* So many hits are kept of a source and a table, 4.7 MB; a message with more of them has none that
 * anybody could mean, and the check has failed.  They lie in pieces, each twice as large as the one
 * before. */
#define HITS_FIRST  8
#define HITS_PIECES 12
#define NOTHING_MAX 1000 /* of these, rows that say DUNNO, for who traces */
#define HITS_MAX    (((size_t)HITS_FIRST << HITS_PIECES) - HITS_FIRST)

#define LIST_CHAINS 64 /* hash chains */

struct list_text { /* of a row that is a class or a list */
	struct list_text *next;
	const char *text;
	size_t number;
};

struct kept_hits { /* of one source and table */
	struct kept_hits *next;
	const char *source;
	int table;
	struct content_hit *v[HITS_PIECES];
	size_t n;
	size_t octets;                  /* of keys since the clock was looked at */
	int heavy;                      /* another thread has been told to take over */
	size_t asked;                   /* keys that were looked at, */
	size_t looked;                  /* and looked up */
	size_t failed;                  /* look-ups, */
	int64_t computed_us, waited_us; /* that took so long */
	int over;                       /* nothing is to be had any more */
	size_t thing;                   /* the last one looked at, */
	int reading;
	int known;       /* known in that reading */
	size_t of_thing; /* where hits of it may begin in v */
	size_t things;   /* all that were looked at have lower numbers */
	int vain;        /* looks around that found something, beyond those that did not */
	struct list_text *lists[LIST_CHAINS];
	size_t nlists;
};

struct kept_hits *
content_hits(struct rule_run *run, int table, const struct content_source *source)
{
	struct kept_hits *h;

	for (h = run->kept->hits; h != NULL; h = h->next)
		if (h->table == table && strcmp(h->source, source->name) == 0)
			return h;
	h = arena_calloc(run->arena, sizeof(*h));
	h->source = source->name;
	h->table = table;
	h->next = run->kept->hits;
	run->kept->hits = h;
	return h;
}

static struct content_hit *
hit_at(const struct kept_hits *h, size_t i)
{
	size_t size = HITS_FIRST, piece = 0;

	for (; i >= size; size *= 2, piece++)
		i -= size;
	return &h->v[piece][i];
}

static struct content_hit *
add(struct rule_run *run, struct kept_hits *h, const struct content_key *key)
{
	size_t size = HITS_FIRST, begins = 0, piece = 0;
	struct content_hit *hit;

	for (; h->n >= begins + size; size *= 2, piece++)
		begins += size;
	if (h->n == begins)
		h->v[piece] = arena_calloc(run->arena, size * sizeof(*h->v[piece]));
	hit = &h->v[piece][h->n++ - begins];
	hit->key = *key;
	return hit;
}

static void
add_failure(
    struct rule_run *run, struct kept_hits *h, const struct content_key *key, const char *why)
{
	if (h->failed++ < FAILURES_KEPT)
		add(run, h, key)->failed = arena_strdup(run->arena, why);
}

static void
give_up(struct rule_run *run, struct kept_hits *h, const struct content_key *key, const char *why)
{
	struct content_hit *hit = add(run, h, key);

	hit->failed = arena_strdup(run->arena, why);
	hit->over = h->over = 1;
}

/* Substitution may make many texts of one row, so they are in chains. */
static size_t
list_number(struct rule_run *run, struct kept_hits *h, const char *text)
{
	size_t slot = keyhash(&run->rules->row_hash, text, strlen(text)) % LIST_CHAINS;
	struct list_text *l;

	for (l = h->lists[slot]; l != NULL; l = l->next)
		if (strcmp(l->text, text) == 0)
			return l->number;
	l = arena_calloc(run->arena, sizeof(*l));
	l->text = text;
	l->number = h->nlists++;
	l->next = h->lists[slot];
	h->lists[slot] = l;
	return l->number;
}

static void
add_row(struct rule_run *run, struct kept_hits *h, const struct content_key *key,
    const struct table_hit *row)
{
	struct content_hit *hit;
	enum access_kind kind;

	/* No answer that a rule could mean. */
	if (row->value[0] == '\0') {
		add_failure(run, h, key,
		    arena_printf(
			run->arena, "%s: an empty result", table_name(rule_table(run, h->table))));
		return;
	}
	kind = access_kind(row->value);
	/* That it is known is all there is to it. */
	if (kind == ACCESS_NOTHING && (run->trace == NULL || h->n >= NOTHING_MAX))
		return;
	hit = add(run, h, key);
	hit->row = *row;
	hit->kind = kind == ACCESS_EDIT && key->place == PLACE_NONE ? ACCESS_OTHER : kind;
	if (hit->kind == ACCESS_LIST)
		hit->list = list_number(run, h, row->value);
}

/* Has this row answered for another reading of the thing? */
static int
is_again(const struct kept_hits *h, const struct table_hit *row)
{
	for (size_t i = h->of_thing; i < h->n; i++) {
		const struct content_hit *other = hit_at(h, i);

		if (other->failed == NULL && other->key.thing == h->thing &&
		    other->row.file == row->file && other->row.line == row->line &&
		    strcmp(other->row.value, row->value) == 0)
			return 1;
	}
	return 0;
}

/* A key that another one of its thing has answered for already. */
static int
is_settled(struct kept_hits *h, const struct content_key *key)
{
	if (h->asked == 1 || key->thing != h->thing) {
		/* One that has come up again has hits anywhere. */
		h->of_thing = key->thing < h->things ? 0 : h->n;
		h->known = 0;
	} else if (key->reading != h->reading) {
		h->known = 0;
	}
	h->thing = key->thing;
	h->reading = key->reading;
	if (key->thing >= h->things)
		h->things = key->thing + 1;
	return h->known;
}

#define VAIN_MAX 2

/* Pass over keys of which the table knows none: the present one, and those around it. */
static int
pass_over(struct rule_run *run, struct kept_hits *h, const struct content_key *key)
{
	if (key->naround == 0 || h->vain > VAIN_MAX)
		return 0;
	if (!table_rules_out(rule_table(run, h->table), key->around)) {
		h->vain++;
		return 0;
	}
	h->vain -= h->vain > 0;
	h->asked += key->naround - 1;
	h->looked += key->naround;
	return 1;
}

static void
be_heavy(struct kept_hits *h)
{
	if (!h->heavy)
		blocking_begin(); /* it computes for long */
	h->heavy = 1;
}

/* Is there no time for this key?  Nobody has failed for want of time to see that there are no more
 * keys. */
static int
is_late(const struct rule_run *run, struct kept_hits *h, const struct content_key *key)
{
	h->octets += key->text.len;
	if (h->octets >= LONG)
		be_heavy(h);
	else if (h->asked % ASK_CLOCK != 0)
		return 0;
	h->octets = 0;
	return deadline_passed(run->ask->deadline);
}

struct begun { /* a look-up */
	int64_t us, thread_us;
};

/* The thread's clock is not asked for each line of a message that nothing is wrong with, so the
 * first line that fails is free. */
static struct begun
begin(const struct kept_hits *h, const struct content_key *key)
{
	return (struct begun){ .us = clock_us(),
		.thread_us = h->failed > 0 || key->text.len >= LONG ? clock_thread_us() : -1 };
}

/* A pattern computes; how long that takes must not depend on who else does.  Anything else is
 * waited for. */
static void
count_failure(struct kept_hits *h, const struct begun *b, enum err_class why)
{
	be_heavy(h); /* so may those behind it be */
	if (why != ERR_LIMIT)
		h->waited_us += clock_us() - b->us;
	else if (b->thread_us != -1)
		h->computed_us += clock_thread_us() - b->thread_us;
}

/* Keys below are not worth it. */
#define COPIED ((size_t)512)

/* table_get(), of which only the value stays: a table of POSIX patterns copies keys that are long
 * for a line, and each may be asked about in many tables. */
static int
get(struct rule_run *run, const struct table *t, struct span key, struct table_hit *row,
    struct err *err)
{
	struct arena_mark before = arena_mark(run->arena);
	struct buf value = { 0 };
	int rc = table_get(t, key, run->arena, row, err);

	if (rc == 0)
		row->value = NULL;
	if (row->value != NULL && key.len < COPIED)
		return rc;
	if (row->value != NULL)
		buf_adds(&value, row->value);
	arena_rewind(run->arena, &before);
	if (row->value != NULL)
		row->value = arena_strdup(run->arena, buf_cstr(&value));
	buf_fini(&value);
	return rc;
}

/* A row behind a pattern that could not be decided answers as well (table_get()). */
static void
look_up(struct rule_run *run, struct kept_hits *h, const struct content_key *key)
{
	const struct table *t = rule_table(run, h->table);
	struct begun begun = begin(h, key);
	struct table_hit row = { 0 };
	struct err err;
	int rc = get(run, t, key->text, &row, &err);

	h->looked++;
	if (rc == -1) {
		count_failure(h, &begun, err.class);
		add_failure(run, h, key, err.text);
	}
	h->known = rc == 1 || (rc == -1 && row.value != NULL);
	if (h->known && !is_again(h, &row))
		add_row(run, h, key, &row);
	if (h->computed_us > FAILED_US || h->waited_us > FAILED_US)
		give_up(run, h, key,
		    arena_printf(
			run->arena, "%s: too much time went into what failed", table_name(t)));
}

/* Ask about the next key.  0: there is none; -1: no time is left for it. */
static int
ask(struct rule_run *run, struct kept_hits *h, const struct content_source *source)
{
	struct content_key key = { 0 };
	struct err err;
	int rc = source->get(run, h->asked, &key, &err);

	if (rc == 0)
		return 0;
	if (rc == -1) {
		give_up(run, h, &key, err.text);
		return 1;
	}
	if (is_late(run, h, &key))
		return -1;
	h->asked++;
	if (pass_over(run, h, &key))
		return 1;
	if (is_settled(h, &key) || key.text.len == 0)
		return 1;
	look_up(run, h, &key);
	/* Room for three more is room for what one look-up may add. */
	if (h->n + 3 >= HITS_MAX && !h->over)
		give_up(run, h, &key, "the table knows too much of the message");
	return 1;
}

int
content_hit(struct rule_run *run, struct kept_hits *h, const struct content_source *source,
    size_t i, struct content_hit **out)
{
	size_t begun = h->asked, looked = h->looked;
	int rc = 1;

	/* That there are no more is not kept: a source may have some later on. */
	while (i >= h->n && rc == 1) {
		if (h->asked - begun >= ASK_CLOCK)
			be_heavy(h);
		rc = h->over ? 0 : ask(run, h, source);
	}
	if (h->heavy)
		blocking_end();
	h->heavy = 0;
	if (h->looked > looked && run->ask->services != NULL &&
	    run->ask->services->counters != NULL)
		counter_add(
		    run->ask->services->counters, content_lookups, (int64_t)(h->looked - looked));
	if (rc == 1)
		*out = hit_at(h, i);
	return rc;
}
