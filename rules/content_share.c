#include "rules/content_share.h"

/* Fewer are made anew. */
#define SHARED_MIN 256

struct kept_edits {
	struct kept_edits *next;
	const struct kept_hits *hits;
	size_t from, upto;
	int alone;
	struct edit_list before, after;
};

static struct kept_edits *
find(const struct content_share *s)
{
	struct kept_edits *k;

	for (k = s->run->kept->edits; k != NULL; k = k->next)
		if (k->hits == s->hits && k->from == s->from &&
		    edit_list_shared(&k->before, &s->before))
			return k;
	return NULL;
}

/* Who traces wants to see each edit, as long as there is room. */
static int
wants_each(const struct rule_run *run)
{
	return run->trace != NULL && run->trace->lost == 0;
}

static void
take(struct content_share *s, struct kept_edits *k)
{
	edit_list_share(&s->run->effects->edits, &k->after);
	s->upto = k->upto;
	s->alone = k->alone;
	if (s->run->trace != NULL)
		s->run->trace->lost += k->upto - k->from;
}

void
content_share_begin(
    struct content_share *s, struct rule_run *run, const struct kept_hits *hits, size_t from)
{
	struct kept_edits *k;

	*s = (struct content_share){ .run = run, .hits = hits, .from = from };
	edit_settle(&run->effects->edits);
	s->before = run->effects->edits;
	if (run->ask->stage != RULE_CONTENT || run->looking)
		return;
	k = find(s);
	s->records = k == NULL;
	if (k != NULL && !wants_each(run))
		take(s, k);
}

void
content_share_end(struct content_share *s, size_t upto)
{
	struct edit_list *made = &s->run->effects->edits;
	struct kept_edits *k;

	edit_settle(made);
	if (!s->records || made->n - s->before.n < SHARED_MIN)
		return;
	k = arena_calloc(s->run->arena, sizeof(*k));
	k->hits = s->hits;
	k->from = s->from;
	k->upto = upto;
	k->alone = s->others == 0;
	k->before = s->before;
	edit_list_share(&k->after, made);
	k->next = s->run->kept->edits;
	s->run->kept->edits = k;
}
