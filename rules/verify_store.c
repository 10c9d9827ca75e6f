#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "rules/verify_store.h"

#define BUSY_MS     2000
#define PRUNE_AFTER 1000

enum { ST_PUT, ST_PRUNE, ST_ALL, ST_COUNT };

static const char *const statements[ST_COUNT] = {
	[ST_PUT] = "INSERT OR REPLACE INTO verified(key, status, told, probed, text) "
		   "VALUES(?1, ?2, ?3, ?4, ?5)",
	[ST_PRUNE] = "DELETE FROM verified WHERE key NOT IN "
		     "(SELECT key FROM verified ORDER BY told DESC LIMIT ?1)",
	[ST_ALL] = "SELECT key, status, told, probed, text FROM verified ORDER BY told",
};

/* What stands there may be lost in a crash of the machine: it can be asked again. */
static const char schema[] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = OFF;"
    "CREATE TABLE IF NOT EXISTS verified(key TEXT PRIMARY KEY, status INTEGER NOT NULL,"
    " told INTEGER NOT NULL, probed INTEGER NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;";

struct verify_store {
	char *path;
	sqlite3 *db;
	sqlite3_stmt *st[ST_COUNT];
	size_t max, puts; /* rows to keep; since they were last counted */
};

static int
failed(struct verify_store *s, struct err *err)
{
	err_set(err, ERR_SYSTEM, "%s: %s", s->path, sqlite3_errmsg(s->db));
	return -1;
}

static void
shut(struct verify_store *s)
{
	for (size_t i = 0; i < ST_COUNT; i++) {
		sqlite3_finalize(s->st[i]);
		s->st[i] = NULL;
	}
	sqlite3_close(s->db);
	s->db = NULL;
}

static int
open_db(struct verify_store *s, struct err *err)
{
	if (sqlite3_open_v2(s->path, &s->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
		    SQLITE_OPEN_NOFOLLOW,
		NULL) != SQLITE_OK)
		goto bad;
	sqlite3_busy_timeout(s->db, BUSY_MS);
	if (sqlite3_exec(s->db, schema, NULL, NULL, NULL) != SQLITE_OK)
		goto bad;
	for (size_t i = 0; i < ST_COUNT; i++)
		if (sqlite3_prepare_v3(s->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
			&s->st[i], NULL) != SQLITE_OK)
			goto bad;
	return 0;
bad:
	failed(s, err);
	shut(s);
	return -1;
}

static void
remove_db(struct verify_store *s)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };

	for (size_t i = 0; i < nitems(ends); i++) {
		char *name = xasprintf("%s%s", s->path, ends[i]);

		unlink(name);
		free(name);
	}
}

struct verify_store *
verify_store_open(const char *directory, struct err *err)
{
	struct verify_store *s = xcalloc(1, sizeof(*s));

	s->path = xasprintf("%s/verify.sqlite", directory);
	if (open_db(s, err) == 0)
		return s;
	log_warn(NULL, NULL, "verify: %s; it is made anew", err->text);
	remove_db(s);
	if (open_db(s, err) == 0)
		return s;
	verify_store_close(s);
	return NULL;
}

void
verify_store_close(struct verify_store *s)
{
	if (s == NULL)
		return;
	shut(s);
	free(s->path);
	free(s);
}

/* Run a statement that gives no rows. */
static int
run(struct verify_store *s, int which, struct err *err)
{
	sqlite3_stmt *st = s->st[which];
	int rc = sqlite3_step(st) == SQLITE_DONE ? 0 : failed(s, err);

	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return rc;
}

static const char *
text_of(sqlite3_stmt *st, int column)
{
	const char *text = (const char *)sqlite3_column_text(st, column);

	return text == NULL ? "" : text;
}

static int
prune(struct verify_store *s, struct err *err)
{
	s->puts = 0;
	sqlite3_bind_int64(s->st[ST_PRUNE], 1, (sqlite3_int64)s->max);
	return run(s, ST_PRUNE, err);
}

int
verify_store_load(struct verify_store *s, size_t max,
    void (*f)(void *arg, const struct verify_row *), void *arg, struct err *err)
{
	sqlite3_stmt *st = s->st[ST_ALL];
	int rc;

	s->max = max;
	if (prune(s, err) == -1)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct verify_row row = { .key = text_of(st, 0),
			.status = sqlite3_column_int(st, 1),
			.told = sqlite3_column_int64(st, 2),
			.probed = sqlite3_column_int64(st, 3),
			.text = text_of(st, 4) };

		f(arg, &row);
	}
	rc = rc == SQLITE_DONE ? 0 : failed(s, err);
	sqlite3_reset(st);
	return rc;
}

int
verify_store_put(struct verify_store *s, const struct verify_row *r, struct err *err)
{
	sqlite3_stmt *st = s->st[ST_PUT];

	sqlite3_bind_text(st, 1, r->key, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int(st, 2, r->status);
	sqlite3_bind_int64(st, 3, r->told);
	sqlite3_bind_int64(st, 4, r->probed);
	sqlite3_bind_text(st, 5, r->text, -1, SQLITE_TRANSIENT);
	if (run(s, ST_PUT, err) == -1)
		return -1;
	return ++s->puts < PRUNE_AFTER ? 0 : prune(s, err);
}
