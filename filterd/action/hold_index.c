#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "action/hold_index.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"

#define BUSY_MS   5000
#define IN_MEMORY ":memory:"

enum { ST_PUT, ST_REMOVE, ST_GET, ST_SUMS, ST_PAGE, ST_COUNT };

static const char *const statements[ST_COUNT] = {
	[ST_PUT] =
	    "INSERT INTO held(id, time, disk, mtime, class, sender, rcpts, rule, states, "
	    "json) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT(id) DO UPDATE "
	    "SET mtime = ?4, states = ?9",
	[ST_REMOVE] = "DELETE FROM held WHERE id = ?1",
	[ST_GET] = "SELECT id, time, disk, mtime, class FROM held WHERE id = ?1",
	[ST_SUMS] =
	    "SELECT total(octets), total(CASE WHEN class IN (1, 2) THEN octets END) FROM sums",
	[ST_PAGE] = "SELECT id, time, disk, mtime, class, states, json FROM held "
		    "WHERE (time, id) > (?1, ?2) AND (?3 = 0 OR class IN (1, 2)) "
		    "AND (?4 = 0 OR time <= ?4) "
		    "AND (?5 = '' OR instr(sender, lower(?5))) "
		    "AND (?6 = '' OR instr(rcpts, lower(?6))) "
		    "AND (?7 = '' OR instr(rule, lower(?7))) ORDER BY time, id LIMIT ?8",
};

#define SCHEMA_VERSION "1"

/* sums: octets a class, kept by triggers, for hold_put() asks every time.  What lists search is
 * stored in lower case. */
static const char schema[] =
    "PRAGMA journal_mode = WAL;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS held(id TEXT PRIMARY KEY, time INTEGER NOT NULL,"
    " disk INTEGER NOT NULL, mtime INTEGER NOT NULL, class INTEGER NOT NULL, sender TEXT NOT NULL,"
    " rcpts TEXT NOT NULL, rule TEXT NOT NULL, states TEXT NOT NULL, json TEXT NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS held_time ON held(time, id);"
    "CREATE TABLE IF NOT EXISTS sums(class INTEGER PRIMARY KEY, octets INTEGER NOT NULL);"
    "INSERT OR IGNORE INTO sums VALUES(0, 0), (1, 0), (2, 0), (3, 0);"
    "CREATE TRIGGER IF NOT EXISTS held_in AFTER INSERT ON held BEGIN"
    " UPDATE sums SET octets = octets + NEW.disk WHERE class = NEW.class; END;"
    "CREATE TRIGGER IF NOT EXISTS held_out AFTER DELETE ON held BEGIN"
    " UPDATE sums SET octets = octets - OLD.disk WHERE class = OLD.class; END;"
    "PRAGMA user_version = " SCHEMA_VERSION ";"
    "COMMIT";

struct hold_index {
	char *path; /* IN_MEMORY: no file */
	sqlite3 *db;
	sqlite3_stmt *st[ST_COUNT];
	dev_t dev; /* of the database that is open */
	ino_t ino;
	int rc; /* what SQLite said last when it failed */
};

void
hold_row_fini(struct hold_row *r)
{
	free(r->states);
	free(r->json);
	r->states = r->json = NULL;
}

static int
failed(struct hold_index *ix, struct err *err)
{
	err_set(err, ERR_SYSTEM, "%s: %s", ix->path,
	    ix->db == NULL ? "not open" : sqlite3_errmsg(ix->db));
	ix->rc = ix->db == NULL ? SQLITE_OK : sqlite3_errcode(ix->db);
	return -1;
}

int
hold_index_in_memory(const struct hold_index *ix)
{
	return strcmp(ix->path, IN_MEMORY) == 0;
}

static void
shut(struct hold_index *ix)
{
	for (size_t i = 0; i < ST_COUNT; i++) {
		sqlite3_finalize(ix->st[i]);
		ix->st[i] = NULL;
	}
	sqlite3_close(ix->db);
	ix->db = NULL;
}

static int
step_text(sqlite3 *db, const char *sql, char *out, size_t size)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW)
		snprintf(out, size, "%s", (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	return rc;
}

/* Written only where it is not there: on a full disk what is held can still be looked at. */
static int
make_schema(struct hold_index *ix)
{
	char version[16] = "";
	int rc = step_text(ix->db, "PRAGMA user_version", version, sizeof(version));

	if (rc == SQLITE_ROW && strcmp(version, SCHEMA_VERSION) == 0)
		rc = SQLITE_OK;
	else if (rc == SQLITE_ROW)
		rc = sqlite3_exec(ix->db, schema, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return -1;
	return sqlite3_exec(ix->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL) == SQLITE_OK
		   ? 0
		   : -1;
}

static int
open_db(struct hold_index *ix, struct err *err)
{
	struct stat sb;

	if (sqlite3_open_v2(ix->path, &ix->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
		    SQLITE_OPEN_NOFOLLOW,
		NULL) != SQLITE_OK)
		goto bad;
	sqlite3_extended_result_codes(ix->db, 0);
	sqlite3_busy_timeout(ix->db, BUSY_MS);
	if (make_schema(ix) == -1)
		goto bad;
	for (size_t i = 0; i < ST_COUNT; i++)
		if (sqlite3_prepare_v3(ix->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
			&ix->st[i], NULL) != SQLITE_OK)
			goto bad;
	if (hold_index_in_memory(ix))
		return 0;
	if (stat(ix->path, &sb) == -1) {
		err_set(err, ERR_SYSTEM, "%s: %s", ix->path, strerror(errno));
		shut(ix);
		return -1;
	}
	ix->dev = sb.st_dev;
	ix->ino = sb.st_ino;
	return 0;
bad:
	failed(ix, err);
	shut(ix);
	return -1;
}

static void
remove_db(struct hold_index *ix)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };

	for (size_t i = 0; i < nitems(ends) && !hold_index_in_memory(ix); i++) {
		char *name = xasprintf("%s%s", ix->path, ends[i]);

		unlink(name);
		free(name);
	}
}

/* Is what SQLite found out about the file, and not about the moment, against it? */
static int
is_broken(int rc)
{
	return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB ||
	       (rc & 0xff) == SQLITE_ERROR; /* SQLITE_ERROR: tables that are not ours */
}

/* 1 sound, 0 to be thrown away. */
static int
is_sound(struct hold_index *ix)
{
	char text[64] = "";
	sqlite3 *db = NULL;
	int rc;

	rc = sqlite3_open_v2(
	    ix->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(db, BUSY_MS);
		rc = step_text(db, "PRAGMA quick_check(1)", text, sizeof(text));
	}
	sqlite3_close(db);
	if (rc == SQLITE_ROW)
		return strcmp(text, "ok") == 0;
	return !is_broken(rc);
}

struct hold_index *
hold_index_open(const char *directory, struct err *err)
{
	struct hold_index *ix = xcalloc(1, sizeof(*ix));

	ix->path = xasprintf("%s/index.sqlite", directory);
	if (!is_sound(ix)) {
		log_warn(NULL, NULL, "hold: %s cannot be read, it is made again from the files",
		    ix->path);
		remove_db(ix);
	}
	if (open_db(ix, err) == 0 || (is_broken(ix->rc) && hold_index_reset(ix, err) == 0))
		return ix;
	hold_index_close(ix);
	return NULL;
}

struct hold_index *
hold_index_open_memory(struct err *err)
{
	struct hold_index *ix = xcalloc(1, sizeof(*ix));

	ix->path = xstrdup(IN_MEMORY);
	if (open_db(ix, err) == 0)
		return ix;
	hold_index_close(ix);
	return NULL;
}

int
hold_index_reset(struct hold_index *ix, struct err *err)
{
	shut(ix);
	remove_db(ix);
	return open_db(ix, err);
}

void
hold_index_close(struct hold_index *ix)
{
	if (ix == NULL)
		return;
	shut(ix);
	free(ix->path);
	free(ix);
}

/* Open, and the one that others see too. */
static int
ready(struct hold_index *ix, struct err *err)
{
	struct stat sb;

	if (ix->db != NULL && hold_index_in_memory(ix))
		return 0;
	if (ix->db != NULL && stat(ix->path, &sb) == 0 && sb.st_dev == ix->dev &&
	    sb.st_ino == ix->ino)
		return 0;
	shut(ix);
	return open_db(ix, err);
}

static int
run(struct hold_index *ix, const char *sql, struct err *err)
{
	if (ready(ix, err) == -1)
		return -1;
	return sqlite3_exec(ix->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(ix, err);
}

int
hold_index_begin(struct hold_index *ix, struct err *err)
{
	return run(ix, "BEGIN IMMEDIATE", err);
}

int
hold_index_commit(struct hold_index *ix, struct err *err)
{
	if (ix->db == NULL)
		return failed(ix, err);
	if (sqlite3_exec(ix->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	failed(ix, err);
	sqlite3_exec(ix->db, "ROLLBACK", NULL, NULL, NULL);
	return -1;
}

int
hold_index_recount(struct hold_index *ix, struct err *err)
{
	return run(ix,
	    "UPDATE sums SET octets = "
	    "(SELECT coalesce(sum(disk), 0) FROM held WHERE held.class = sums.class)",
	    err);
}

/* Runs a statement that has no rows. */
static int
finish(struct hold_index *ix, sqlite3_stmt *st, struct err *err)
{
	int rc = sqlite3_step(st);

	if (rc != SQLITE_DONE)
		failed(ix, err);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

/* Lower case here, for lower() of SQLite stops at a NUL and so do we. */
static void
bind_folded(sqlite3_stmt *st, int at, struct buf *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (text->p[i] >= 'A' && text->p[i] <= 'Z')
			text->p[i] = (char)(text->p[i] + 32);
	sqlite3_bind_text(st, at, buf_cstr(text), -1, SQLITE_TRANSIENT);
	buf_reset(text);
}

int
hold_index_put(
    struct hold_index *ix, const struct hold_row *r, const struct hold_entry *e, struct err *err)
{
	sqlite3_stmt *st;
	struct buf text = { 0 };

	if (ready(ix, err) == -1)
		return -1;
	st = ix->st[ST_PUT];
	sqlite3_bind_text(st, 1, r->id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, r->time);
	sqlite3_bind_int64(st, 3, r->disk);
	sqlite3_bind_int64(st, 4, r->mtime_ns);
	sqlite3_bind_int(st, 5, (int)r->class);
	buf_adds(&text, e->sender);
	bind_folded(st, 6, &text);
	for (size_t i = 0; i < e->nrcpts; i++)
		buf_printf(&text, "%s\n", e->rcpts[i].path);
	bind_folded(st, 7, &text);
	buf_adds(&text, e->rule);
	bind_folded(st, 8, &text);
	sqlite3_bind_text(st, 9, r->states, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 10, r->json, -1, SQLITE_STATIC);
	buf_fini(&text);
	return finish(ix, st, err);
}

int
hold_index_remove(struct hold_index *ix, const char *id, struct err *err)
{
	if (ready(ix, err) == -1)
		return -1;
	sqlite3_bind_text(ix->st[ST_REMOVE], 1, id, -1, SQLITE_STATIC);
	return finish(ix, ix->st[ST_REMOVE], err);
}

static void
row_read(sqlite3_stmt *st, struct hold_row *r, int full)
{
	memset(r, 0, sizeof(*r));
	snprintf(r->id, sizeof(r->id), "%s", (const char *)sqlite3_column_text(st, 0));
	r->time = sqlite3_column_int64(st, 1);
	r->disk = sqlite3_column_int64(st, 2);
	r->mtime_ns = sqlite3_column_int64(st, 3);
	r->class = (enum hold_class)sqlite3_column_int(st, 4);
	if (!full)
		return;
	r->states = xstrdup((const char *)sqlite3_column_text(st, 5));
	r->json = xstrdup((const char *)sqlite3_column_text(st, 6));
}

int
hold_index_get(struct hold_index *ix, const char *id, struct hold_row *r, struct err *err)
{
	sqlite3_stmt *st;
	int rc;

	if (ready(ix, err) == -1)
		return -1;
	st = ix->st[ST_GET];
	sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		row_read(st, r, 0);
	else if (rc != SQLITE_DONE)
		failed(ix, err);
	sqlite3_reset(st);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

int
hold_index_sums(struct hold_index *ix, struct hold_sums *sums, struct err *err)
{
	int rc;

	if (ready(ix, err) == -1)
		return -1;
	rc = sqlite3_step(ix->st[ST_SUMS]);
	if (rc == SQLITE_ROW) {
		sums->all = sqlite3_column_int64(ix->st[ST_SUMS], 0);
		sums->evictable = sqlite3_column_int64(ix->st[ST_SUMS], 1);
	} else {
		failed(ix, err);
	}
	sqlite3_reset(ix->st[ST_SUMS]);
	return rc == SQLITE_ROW ? 0 : -1;
}

static void
bind_filter(sqlite3_stmt *st, int at, const char *text)
{
	sqlite3_bind_text(st, at, text == NULL ? "" : text, -1, SQLITE_STATIC);
}

int
hold_index_page(struct hold_index *ix, enum hold_order order, const struct hold_filter *filter,
    int64_t now_s, const struct hold_after *after, int full, struct hold_row *rows, int max,
    struct err *err)
{
	static const struct hold_filter any;
	sqlite3_stmt *st;
	int rc, n = 0;

	if (ready(ix, err) == -1)
		return -1;
	if (filter == NULL)
		filter = &any;
	st = ix->st[ST_PAGE];
	sqlite3_bind_int64(st, 1, after->time);
	sqlite3_bind_text(st, 2, after->id, -1, SQLITE_STATIC);
	sqlite3_bind_int(st, 3, order == HOLD_ORDER_EVICTABLE);
	sqlite3_bind_int64(st, 4, filter->older_than_s == 0 ? 0 : now_s - filter->older_than_s);
	bind_filter(st, 5, filter->sender);
	bind_filter(st, 6, filter->recipient);
	bind_filter(st, 7, filter->rule);
	sqlite3_bind_int(st, 8, max);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && n < max)
		row_read(st, &rows[n++], full);
	if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
		failed(ix, err);
		while (n > 0)
			hold_row_fini(&rows[--n]);
		n = -1;
	}
	sqlite3_reset(st);
	return n;
}
