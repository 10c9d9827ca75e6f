#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "config.h"
#include "tests/lib/index_world.h"
#include "tests/lib/tmpdir.h"

const struct index_kind index_kinds[] = {
#ifdef HAVE_DB
	{ "hash", ".db" }, { "btree", ".db" },
#endif
#ifdef HAVE_LMDB
	{ "lmdb", ".lmdb" },
#endif
#ifdef HAVE_CDB
	{ "cdb", ".cdb" },
#endif
	{ NULL, NULL }, /* a build may have none */
};

const struct index_write_options index_world_usual;

void
index_world_note(void *arg, const struct table_finding *f)
{
	struct index_world *w = arg;

	buf_printf(&w->warned, "%d %s\n", f->line, f->text);
}

void
index_world_open(struct index_world *w, const struct index_kind *k)
{
	memset(w, 0, sizeof(*w));
	w->dir = tmpdir_make();
	w->a = arena_new();
	snprintf(w->source, sizeof(w->source), "%s/map", w->dir);
	snprintf(w->index, sizeof(w->index), "%s%s", w->source, k->suffix);
	snprintf(w->spec, sizeof(w->spec), "%s:%s", k->type, w->source);
}

void
index_world_close(struct index_world *w)
{
	arena_free(w->a);
	buf_fini(&w->warned);
	tmpdir_remove(w->dir);
}

void
index_world_write(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

void
index_world_read(const char *path, struct buf *b)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	buf_reset(b);
	while ((n = fread(buf_reserve(b, 65536), 1, 65536, f)) > 0)
		b->len += n;
	fclose(f);
}

/* Write source and index. */
void
index_world_make_opt(struct index_world *w, const char *text, const struct index_write_options *opt)
{
	struct err err = { 0 };

	index_world_write(w->source, text, strlen(text));
	if (index_write(w->spec, opt, index_world_note, w, &err) == -1)
		fail_msg("%s: %s", w->spec, err.text);
}

void
index_world_make(struct index_world *w, const char *text)
{
	index_world_make_opt(w, text, &index_world_usual);
}

struct table *
index_world_table(struct index_world *w)
{
	struct err err = { 0 };
	struct table *t = table_open(w->spec, index_world_note, w, &err);

	if (t == NULL)
		fail_msg("%s: %s", w->spec, err.text);
	return t;
}

/* The value, "-" absent, "!" could not find out. */
const char *
index_world_ask(const struct table *t, const char *key, struct arena *a)
{
	struct table_hit hit = { 0 };
	int rc = table_get(t, span_str(key), a, &hit, NULL);

	return rc == -1 ? "!" : rc == 0 ? "-" : hit.value;
}
