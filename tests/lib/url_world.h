/*
 * url_world - what the URL finder makes of a text, as one string
 */
#ifndef TESTS_LIB_URL_WORLD_H
#define TESTS_LIB_URL_WORLD_H

#include <stddef.h>

#include "mail/url.h"

struct arena;

struct url_world {
	struct arena *arena;
	struct public_suffix *suffixes;
	struct urls *urls;
};

void url_world_init(struct url_world *);
void url_world_fini(struct url_world *);
/* An empty set. */
void url_world_fresh(struct url_world *, size_t limit);
/* What is in the set, a blank between; "" nothing. */
const char *url_world_found(const struct url_world *);

#endif
