/*
 * listener_text - the value of `listeners` taken apart
 *
 *	{ KIND:ENDPOINT [, NAME = VALUE] ... } ...
 *
 * Separators are commas and white space; a VALUE with either stands in braces, as does the whole
 * item where it has any: { NAME = VALUE }.  Nothing is expanded here.
 *
 * Ownership: strings live in the arena.
 */
#ifndef CONF_LISTENER_TEXT_H
#define CONF_LISTENER_TEXT_H

#include "base/attr.h"
#include "base/span.h"

struct arena;
struct err;

struct listener_item {
	const char *name; /* NULL: the first word, KIND:ENDPOINT */
	const char *value;
	const char *at;       /* where it begins in the text */
	const char *value_at; /* where the value does */
};

/* Take the next { ... } from the front of *text.  1 it is in *inside, 0 there are no more, -1 err
 * says what was found instead, and *text begins there. */
int listener_next(struct span *text, struct span *inside, struct err *) ATTR_MUST_USE;
/* The next item of a listener; 1, 0, -1 alike.  The first call takes KIND:ENDPOINT. */
int listener_item(struct span *inside, int first, struct arena *, struct listener_item *,
    struct err *) ATTR_MUST_USE;

#endif
