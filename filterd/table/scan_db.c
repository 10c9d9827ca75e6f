#include "table/scan_db.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hs.h>

#include "base/xmem.h"
#include "table/scan_variant.h"

#define HOW (HS_FLAG_PREFILTER | HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY | HS_FLAG_DOTALL)
/* Each costs as much as a compilation; nearly all are found by the first. */
#define DROPS_MAX 20

#define NONE_RIGHT "this Vectorscan does not find everything on this processor"

struct scan_db {
	struct scan_variant variant;
	hs_database_t *hs;
};

/* The library's own type under our name: nothing is added to it. */
static hs_scratch_t *
hs_room(const struct scan_room *room)
{
	return (hs_scratch_t *)(uintptr_t)room;
}

static struct scan_db *
db_new(const struct scan_variant *variant, hs_database_t *hs)
{
	struct scan_db *db = xmalloc(sizeof(*db));

	db->variant = *variant;
	db->hs = hs;
	return db;
}

const char *
scan_db_missing(void)
{
	return hs_valid_platform() == HS_SUCCESS ? NULL
						 : "this processor lacks what Vectorscan needs";
}

void
scan_db_identity(char *out, size_t size)
{
	struct scan_variant v = { .name = "none" };

	(void)scan_variant_choose(&v);
	snprintf(out, size, "%s %s %u %llx %zu", hs_version(), v.name, v.platform.tune,
	    v.platform.cpu_features, sizeof(void *));
}

/* --- making --- */

static unsigned
flags_of(const struct scan_expr *e)
{
	return HOW | (e->caseless ? HS_FLAG_CASELESS : 0) | (e->multiline ? HS_FLAG_MULTILINE : 0);
}

static void
drop(struct scan_expr *v, size_t *n, size_t i)
{
	memmove(&v[i], &v[i + 1], (*n - i - 1) * sizeof(*v));
	(*n)--;
}

/* All that is refused when it is looked at alone. */
static void
drop_refused(struct scan_expr *v, size_t *n)
{
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++) {
		hs_expr_info_t *info = NULL;
		hs_compile_error_t *error = NULL;

		if (hs_expression_info(v[i].text, flags_of(&v[i]), &info, &error) == HS_SUCCESS)
			v[kept++] = v[i];
		else
			hs_free_compile_error(error);
		free(info);
	}
	*n = kept;
}

/* -1: a pattern was refused, *bad is its place; -2: why. */
static int
compile_once(const hs_platform_info_t *platform, const struct scan_expr *v, size_t n,
    hs_database_t **db, size_t *bad, char *why, size_t whysize)
{
	const char **texts = xreallocarray(NULL, n, sizeof(*texts));
	unsigned *flags = xreallocarray(NULL, n, sizeof(*flags));
	unsigned *ids = xreallocarray(NULL, n, sizeof(*ids));
	hs_compile_error_t *error = NULL;
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		texts[i] = v[i].text;
		flags[i] = flags_of(&v[i]);
		ids[i] = v[i].id;
	}
	if (hs_compile_multi(texts, flags, ids, (unsigned)n, HS_MODE_BLOCK, platform, db, &error) !=
	    HS_SUCCESS) {
		rc = error != NULL && error->expression >= 0 ? -1 : -2;
		if (rc == -1)
			*bad = (size_t)error->expression;
		snprintf(why, whysize, "%s", error == NULL ? "it fails" : error->message);
		hs_free_compile_error(error);
	}
	free(texts);
	free(flags);
	free(ids);
	return rc;
}

struct scan_db *
scan_db_compile(struct scan_expr *v, size_t *n, char *why, size_t whysize)
{
	struct scan_variant variant;
	hs_database_t *db = NULL;
	size_t bad;
	int rc = -1;

	if (scan_variant_choose(&variant) == -1) {
		snprintf(why, whysize, "%s", NONE_RIGHT);
		return NULL;
	}
	for (int drops = 0; *n > 0 && *n <= UINT_MAX; drops++) {
		rc = compile_once(&variant.platform, v, *n, &db, &bad, why, whysize);
		if (rc != -1 || bad >= *n || drops == DROPS_MAX)
			break;
		drop(v, n, bad);
		if (drops == 0)
			drop_refused(v, n);
	}
	if (*n == 0)
		snprintf(why, whysize, "there is no pattern that Vectorscan can take");
	return rc == 0 && *n > 0 ? db_new(&variant, db) : NULL;
}

/* --- keeping --- */

int
scan_db_save(const struct scan_db *db, struct span *out)
{
	char *bytes;
	size_t len;

	if (hs_serialize_database(db->hs, &bytes, &len) != HS_SUCCESS)
		return -1;
	*out = span_make(bytes, len);
	return 0;
}

struct scan_db *
scan_db_load(struct span bytes)
{
	struct scan_variant variant;
	hs_database_t *db;

	if (scan_variant_choose(&variant) == -1 ||
	    variant.deserialize((const char *)bytes.p, bytes.len, &db) != HS_SUCCESS)
		return NULL;
	return db_new(&variant, db);
}

void
scan_db_free(struct scan_db *db)
{
	if (db == NULL)
		return;
	hs_free_database(db->hs);
	free(db);
}

size_t
scan_db_size(const struct scan_db *db)
{
	size_t size;

	return hs_database_size(db->hs, &size) == HS_SUCCESS ? size : 0;
}

/* --- scanning --- */

struct scan_room *
scan_room_new(const struct scan_db *db)
{
	hs_scratch_t *s = NULL;

	return hs_alloc_scratch(db->hs, &s) == HS_SUCCESS ? (struct scan_room *)s : NULL;
}

size_t
scan_room_size(const struct scan_room *room)
{
	size_t size;

	return hs_scratch_size(hs_room(room), &size) == HS_SUCCESS ? size : 0;
}

void
scan_room_free(struct scan_room *room)
{
	if (room != NULL)
		hs_free_scratch(hs_room(room));
}

static int
on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
	struct scan_hits *hits = arg;
	uint64_t bit = (uint64_t)1 << (id & 63), *word = &hits->bits[id >> 6];

	(void)from;
	(void)to;
	(void)flags;
	if (id < hits->limit && (*word & bit) == 0) {
		*word |= bit;
		hits->ids[hits->n++] = id;
	}
	return 0;
}

int
scan_db_scan(
    const struct scan_db *db, struct scan_room *room, struct span text, struct scan_hits *hits)
{
	if (text.len > UINT_MAX)
		return -1;
	return db->variant.scan(db->hs, (const char *)text.p, (unsigned)text.len, 0, hs_room(room),
		   on_match, hits) == HS_SUCCESS
		   ? 0
		   : -1;
}
