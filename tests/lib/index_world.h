/*
 * index_world - a folder with the source of an index table, its index, and what was warned of
 *
 * For tests (cmocka) that do the same with each kind of index that this build knows.
 */
#ifndef TESTS_INDEX_WORLD_H
#define TESTS_INDEX_WORLD_H

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "table/index_write.h"
#include "table/table.h"

struct index_kind {
	const char *type, *suffix;
};
extern const struct index_kind index_kinds[]; /* the last has no type */
#define EACH_KIND(k) for (const struct index_kind *k = index_kinds; k->type != NULL; k++)

extern const struct index_write_options index_world_usual;

/* One test's folder, and what was warned of. */
struct index_world {
	char *dir;
	char source[200], index[220], spec[230];
	struct arena *a;
	struct buf warned;
};

void index_world_open(struct index_world *, const struct index_kind *);
void index_world_close(struct index_world *);
void index_world_write(const char *path, const void *, size_t);
void index_world_read(const char *path, struct buf *);
/* Write source and index. */
void index_world_make_opt(
    struct index_world *, const char *text, const struct index_write_options *);
void index_world_make(struct index_world *, const char *text);
struct table *index_world_table(struct index_world *);
/* A finding becomes a line of what was warned of; arg: the world. */
void index_world_note(void *arg, const struct table_finding *);
/* The value, "-" absent, "!" could not find out. */
const char *index_world_ask(const struct table *, const char *key, struct arena *);

#endif
