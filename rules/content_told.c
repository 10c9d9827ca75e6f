/* What the log says of rows about the content: a row's line once, or once with each text that a
 * pattern makes of it, and how many more there were. */
#include <string.h>

#include "rules/access_impl.h"
#include "rules/rules_private.h"

/* So many of these have a line; the rest share one that says how many they were. */
#define TOLD_MAX 100

struct kept_told {
	struct kept_told *next;
	const char *what; /* NULL: that it can do nothing, of which once is enough */
	const char *source;
	const char *value; /* the row's; NULL: of all the rows beyond TOLD_MAX */
	struct origin origin;
	size_t more; /* that were not told of yet */
};

static int
same_what(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static int
is_row(const struct kept_told *k, const struct access_row *r, const char *what,
    const struct origin *origin)
{
	return k->value != NULL && same_what(k->what, what) && origin_same(&k->origin, origin) &&
	       strcmp(k->source, r->about->source) == 0 && strcmp(k->value, r->value) == 0;
}

static struct kept_told *
add(struct rule_run *run, const struct access_row *r, const char *what, const struct origin *origin)
{
	struct kept_told *k = arena_calloc(run->arena, sizeof(*k));

	k->what = what;
	k->source = r->about->source;
	k->value = r->value;
	k->origin = *origin;
	k->next = run->kept->told;
	run->kept->told = k;
	return k;
}

int
content_told_news(struct rule_run *run, const struct access_row *r, const char *what)
{
	struct kept_told *k = run->kept->told;
	struct origin origin;

	if (run->looking)
		return 1; /* to who only looks nothing is told */
	if (r->about->told)
		return 0;
	origin = rule_origin(run);
	while (k != NULL && !is_row(k, r, what, &origin))
		k = k->next;
	if (k == NULL && run->kept->ntold < TOLD_MAX) {
		add(run, r, what, &origin);
		run->kept->ntold++;
		return 1;
	}
	if (what == NULL)
		return 0;
	/* The one for the rest is the last that was made. */
	if (k == NULL && run->kept->ntold == TOLD_MAX) {
		k = add(run, r, what, &origin);
		k->value = NULL;
		run->kept->ntold++;
	} else if (k == NULL) {
		k = run->kept->told;
	}
	k->more++;
	return 0;
}

static void
tell_more(struct rule_run *run, struct kept_told *k)
{
	struct origin before = run->hit;
	const char *source = k->value == NULL ? "other rows" : k->source;

	if (k->origin.file != NULL)
		run->hit = k->origin;
	rule_log(run, k->what, arena_printf(run->arena, "%s: and %zu more", source, k->more), NULL);
	run->hit = before;
	k->more = 0;
}

void
content_told_more(struct rule_run *run)
{
	for (struct kept_told *k = run->kept->told; k != NULL; k = k->next)
		if (k->more > 0)
			tell_more(run, k);
}
