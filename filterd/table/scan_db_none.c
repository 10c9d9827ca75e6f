/* For a build without Vectorscan: there are no databases. */
#include <stdio.h>

#include "table/scan_db.h"

#define MISSING "filterd was built without Vectorscan"

const char *
scan_db_missing(void)
{
	return MISSING;
}

void
scan_db_identity(char *out, size_t size)
{
	snprintf(out, size, "none");
}

struct scan_db *
scan_db_compile(struct scan_expr *v, size_t *n, char *why, size_t whysize)
{
	snprintf(why, whysize, "%s", MISSING);
	return NULL;
}

int
scan_db_save(const struct scan_db *db, struct span *out)
{
	return -1;
}

struct scan_db *
scan_db_load(struct span bytes)
{
	return NULL;
}

void
scan_db_free(struct scan_db *db)
{
}

size_t
scan_db_size(const struct scan_db *db)
{
	return 0;
}

struct scan_room *
scan_room_new(const struct scan_db *db)
{
	return NULL;
}

size_t
scan_room_size(const struct scan_room *room)
{
	return 0;
}

void
scan_room_free(struct scan_room *room)
{
}

int
scan_db_scan(
    const struct scan_db *db, struct scan_room *room, struct span text, struct scan_hits *hits)
{
	return -1;
}
