/* hash and btree, by Berkeley DB */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <db.h>

#include "base/err.h"
#include "base/xmem.h"
#include "table/index_write.h"

/* A hash is written in the order of nothing: what does not fit into memory is read back and written
 * again for each row. */
#define CACHE_MIN ((size_t)16 << 20)

struct db_state {
	DB_ENV *env;
	DB *db;
	char *path;
};

static int
say(const struct db_state *s, int rc, const char *what, struct err *err)
{
	if (rc == 0)
		return 0;
	err_set(err, ERR_SYSTEM, "%s %s: %s", what, s->path, db_strerror(rc));
	return -1;
}

/* Close what is open.  The first fault counts. */
static int
state_close(struct db_state *s)
{
	int rc = 0, rc2 = 0;

	if (s->db != NULL)
		rc = s->db->close(s->db, 0);
	if (s->env != NULL)
		rc2 = s->env->close(s->env, 0);
	return rc != 0 ? rc : rc2;
}

static void
state_free(struct db_state *s)
{
	free(s->path);
	free(s);
}

static void
state_abort(void *arg)
{
	state_close(arg);
	state_free(arg);
}

/* An environment of its own, which is memory only, and whose home is the folder: without one some
 * versions take settings from a DB_CONFIG in the working directory, whoever wrote that. */
static int
env_open(struct db_state *s, size_t size)
{
	char *slash = strrchr(s->path, '/');
	char *home = slash == NULL
			 ? xstrdup(".")
			 : xstrndup(s->path, slash == s->path ? 1 : (size_t)(slash - s->path));
	size_t cache = size * 3 > CACHE_MIN ? size * 3 : CACHE_MIN;
	int rc = db_env_create(&s->env, 0);

	if (rc != 0)
		s->env = NULL;
	if (rc == 0)
		rc = s->env->set_cachesize(s->env, (u_int32_t)(cache >> 30),
		    (u_int32_t)(cache & (((size_t)1 << 30) - 1)), 1);
	if (rc == 0)
		rc = s->env->open(s->env, home, DB_INIT_MPOOL | DB_CREATE | DB_PRIVATE, 0);
	free(home);
	return rc;
}

static void *
begin(const char *path, size_t size, DBTYPE type, struct err *err)
{
	struct db_state *s = xcalloc(1, sizeof(*s));
	const char *slash = strrchr(path, '/');
	int rc;

	s->path = xstrdup(path);
	rc = env_open(s, size);
	if (rc == 0 && (rc = db_create(&s->db, s->env, 0)) != 0)
		s->db = NULL;
	if (rc == 0)
		rc = s->db->open(s->db, NULL, slash == NULL ? path : slash + 1, NULL, type,
		    DB_CREATE | DB_TRUNCATE, 0644);
	if (say(s, rc, "create", err) == 0)
		return s;
	state_abort(s);
	return NULL;
}

static void *
hash_begin(const char *path, size_t size, struct err *err)
{
	return begin(path, size, DB_HASH, err);
}

static void *
btree_begin(const char *path, size_t size, struct err *err)
{
	return begin(path, size, DB_BTREE, err);
}

static int
db_put(void *arg, struct span key, struct span value, int replace, struct err *err)
{
	struct db_state *s = arg;
	DBT k = { .data = (void *)key.p, .size = (u_int32_t)key.len };
	DBT v = { .data = (void *)value.p, .size = (u_int32_t)value.len };
	int rc = s->db->put(s->db, NULL, &k, &v, replace ? 0 : DB_NOOVERWRITE);

	return rc == DB_KEYEXIST ? 0 : say(s, rc, "write", err) == -1 ? -1 : 1;
}

static int
db_finish(void *arg, struct err *err)
{
	struct db_state *s = arg;
	int rc = s->db->sync(s->db, 0), rc2 = state_close(s);

	rc = say(s, rc != 0 ? rc : rc2, "write", err);
	state_free(s);
	return rc;
}

const struct index_writer index_writer_hash = {
	.type = "hash",
	.suffix = ".db",
	.nul = 1,
	.begin = hash_begin,
	.put = db_put,
	.finish = db_finish,
	.abort = state_abort,
};

const struct index_writer index_writer_btree = {
	.type = "btree",
	.suffix = ".db",
	.nul = 1,
	.begin = btree_begin,
	.put = db_put,
	.finish = db_finish,
	.abort = state_abort,
};
