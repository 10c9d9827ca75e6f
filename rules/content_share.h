/*
 * content_share - the edits that hits bring about, made once for all recipients who want them
 *
 * Nobody but content_source.c includes it.  What hits from one number to another make of a list of
 * edits depends on that list alone.  So where very many edits are made they are kept, and a
 * recipient whose list was the same before shares them (edit_list_share()).
 */
#ifndef RULES_CONTENT_SHARE_H
#define RULES_CONTENT_SHARE_H

#include "rules/content_hits.h"
#include "rules/rules_private.h"

struct content_share { /* of a recipient's list at work, from one hit on */
	struct rule_run *run;
	const struct kept_hits *hits;
	size_t from;
	size_t upto; /* the edits of hits below it are there already */
	int alone;   /* these hits do nothing but edit */
	int records; /* what is made now may be for others */
	size_t others;
	struct edit_list before;
};

/* From hit `from` on.  What is there already is taken. */
void content_share_begin(
    struct content_share *, struct rule_run *, const struct kept_hits *, size_t from);
/* Up to this hit, of which nothing has been done, the list has been worked on. */
void content_share_end(struct content_share *, size_t upto);

#endif
