/* Texts within words that may be hidden: "V<i class=x>zz</i>iagra". */
#include <string.h>

#include "mail/html_render.h"

static int
is_word(char c)
{
	uint8_t u = (uint8_t)c;

	return (u >= '0' && u <= '9') || ((u | 0x20) >= 'a' && (u | 0x20) <= 'z') || u >= 0x80;
}

/* What has neither is hidden by its name or place alone, which takes a <style>. */
static int
may_hide(const struct html_render *r, const struct html_token *t)
{
	const unsigned no = HTML_T_BLOCK | HTML_T_VOID | HTML_T_UNSEEN;

	return (html_tag_flags(t->tag) & no) == 0 &&
	       (t->nfirst > 0 || t->tag == HTML_OTHER || r->styled);
}

void
html_split_start(struct html_render *r, const struct html_token *t)
{
	struct html_level *l = &r->levels[r->n];

	l->inside = 0;
	l->from = 0;
	if (!may_hide(r, t))
		return;
	/* Of several in a row the first stands behind the word's beginning. */
	l->from = r->len == r->split_to ? r->split_from : r->len;
	l->inside = l->from > 0 && is_word(r->p[l->from - 1]);
}

void
html_split_end(struct html_render *r, size_t from)
{
	if (from >= r->len)
		return;
	r->split_from = from;
	r->split_to = r->len;
}

void
html_split_met(struct html_render *r)
{
	size_t from = r->split_from, to = r->split_to;

	r->split_to = SIZE_MAX;
	if (!is_word(r->p[to]))
		return;
	r->seen |= HTML_SEEN_SPLIT;
	if (!r->options.split)
		return;
	memmove(r->p + from, r->p + to, r->len - to);
	r->len -= to - from;
}
