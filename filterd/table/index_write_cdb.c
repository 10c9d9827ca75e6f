/* cdb, by tinycdb */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cdb.h>

#include "base/err.h"
#include "base/xmem.h"
#include "table/index_write.h"

struct cdb_state {
	struct cdb_make make;
	int started, fd;
	char *path;
};

static int
fault(const struct cdb_state *s, struct err *err)
{
	err_set(err, ERR_SYSTEM, "write %s: %s", s->path, strerror(errno));
	return -1;
}

/* cdb_make_finish() is also what frees. */
static int
state_end(struct cdb_state *s, struct err *err)
{
	int rc = 0;

	if (s->started && cdb_make_finish(&s->make) != 0)
		rc = fault(s, err);
	if (s->fd != -1 && close(s->fd) == -1 && rc == 0)
		rc = fault(s, err);
	free(s->path);
	free(s);
	return rc;
}

static void
cdb_state_abort(void *arg)
{
	state_end(arg, NULL);
}

static void *
cdb_begin(const char *path, size_t size, struct err *err)
{
	struct cdb_state *s = xcalloc(1, sizeof(*s));

	s->path = xstrdup(path);
	if ((s->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)) != -1 &&
	    cdb_make_start(&s->make, s->fd) == 0) {
		s->started = 1;
		return s;
	}
	fault(s, err);
	cdb_state_abort(s);
	return NULL;
}

static int
cdb_put(void *arg, struct span key, struct span value, int replace, struct err *err)
{
	struct cdb_state *s = arg;
	int rc = cdb_make_put(&s->make, key.p, (unsigned)key.len, value.p, (unsigned)value.len,
	    replace ? CDB_PUT_REPLACE : CDB_PUT_INSERT);

	if (rc < 0)
		return fault(s, err);
	return replace || rc == 0;
}

static int
cdb_finish(void *arg, struct err *err)
{
	return state_end(arg, err);
}

const struct index_writer index_writer_cdb = {
	.type = "cdb",
	.suffix = ".cdb",
	.nul = 0,
	.begin = cdb_begin,
	.put = cdb_put,
	.finish = cdb_finish,
	.abort = cdb_state_abort,
};
