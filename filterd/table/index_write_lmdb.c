/* lmdb, by liblmdb */
#include <stdlib.h>

#include <lmdb.h>

#include "base/err.h"
#include "base/xmem.h"
#include "table/index_write.h"

/* The address space the file may grow into.  Pages half empty and long values that leave most of
 * a page unused need less than this. */
#define MAP_MIN    ((size_t)16 << 20)
#define MAP_FACTOR 8

struct lmdb_state {
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	char *path;
};

static int
say(const struct lmdb_state *s, int rc, struct err *err)
{
	if (rc == 0)
		return 0;
	err_set(err, ERR_SYSTEM, "write %s: %s", s->path, mdb_strerror(rc));
	return -1;
}

static void
lmdb_abort(void *arg)
{
	struct lmdb_state *s = arg;

	if (s->txn != NULL)
		mdb_txn_abort(s->txn);
	if (s->env != NULL)
		mdb_env_close(s->env);
	free(s->path);
	free(s);
}

static void *
lmdb_begin(const char *path, size_t size, struct err *err)
{
	struct lmdb_state *s = xcalloc(1, sizeof(*s));
	int rc;

	s->path = xstrdup(path);
	if ((rc = mdb_env_create(&s->env)) != 0)
		s->env = NULL;
	if (rc == 0)
		rc = mdb_env_set_mapsize(s->env, MAP_MIN + size * MAP_FACTOR);
	if (rc == 0)
		rc = mdb_env_open(s->env, path, MDB_NOSUBDIR | MDB_NOLOCK, 0644);
	if (rc == 0 && (rc = mdb_txn_begin(s->env, NULL, 0, &s->txn)) != 0)
		s->txn = NULL;
	if (rc == 0)
		rc = mdb_dbi_open(s->txn, NULL, 0, &s->dbi);
	if (say(s, rc, err) == 0)
		return s;
	lmdb_abort(s);
	return NULL;
}

static int
lmdb_put(void *arg, struct span key, struct span value, int replace, struct err *err)
{
	struct lmdb_state *s = arg;
	MDB_val k = { .mv_data = (void *)key.p, .mv_size = key.len };
	MDB_val v = { .mv_data = (void *)value.p, .mv_size = value.len };
	int rc;

	if (key.len > (size_t)mdb_env_get_maxkeysize(s->env)) {
		err_set(err, ERR_CONFIG, "a key of an lmdb table must not be longer than %d octets",
		    mdb_env_get_maxkeysize(s->env));
		return -1;
	}
	rc = mdb_put(s->txn, s->dbi, &k, &v, replace ? 0 : MDB_NOOVERWRITE);
	return rc == MDB_KEYEXIST ? 0 : say(s, rc, err) == -1 ? -1 : 1;
}

static int
lmdb_finish(void *arg, struct err *err)
{
	struct lmdb_state *s = arg;
	int rc = say(s, mdb_txn_commit(s->txn), err);

	s->txn = NULL;
	lmdb_abort(s);
	return rc;
}

const struct index_writer index_writer_lmdb = {
	.type = "lmdb",
	.suffix = ".lmdb",
	.nul = 1,
	.begin = lmdb_begin,
	.put = lmdb_put,
	.finish = lmdb_finish,
	.abort = lmdb_abort,
};
