#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/blocking.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "table/index.h"

/* postmap holds its lock while it writes the whole file. */
#define LOCK_WAIT_MS 5000
#define LOCK_TRY_NS  5000000
/* Postfix's: between saving a source and running postmap nobody wants to be warned. */
#define SOURCE_GRACE 100

/* --- locks --- */

static int
lock_try(const struct index *ix, int on)
{
	struct flock whole = { .l_type = on ? F_RDLCK : F_UNLCK, .l_whence = SEEK_SET };

	switch (ix->format->lock) {
	case INDEX_LOCK_NONE:
		return 0;
	case INDEX_LOCK_FLOCK:
		return flock(ix->fd, on ? LOCK_SH | LOCK_NB : LOCK_UN);
	case INDEX_LOCK_FCNTL:
		/* The open file's own, not the process's: another table on the same file that is
		 * closed must not end it.  The two kinds of lock see each other. */
		return fcntl(ix->fd, F_OFD_SETLK, &whole);
	}
	return 0;
}

/* 0: both locks are held.  The wait, which is long only while postmap runs, is outside of ours. */
static int
index_lock(struct index *ix, struct err *err)
{
	struct deadline end = deadline_in_ms(LOCK_WAIT_MS);
	int waited = 0, why;

	for (;;) {
		pthread_mutex_lock(&ix->lock);
		if (lock_try(ix, 1) == 0)
			break;
		why = errno;
		pthread_mutex_unlock(&ix->lock);
		if (why != EAGAIN && why != EACCES && why != EINTR) {
			err_set(err, ERR_RETRY, "lock %s: %s", ix->path, strerror(why));
			goto fail;
		}
		if (!waited) {
			waited = 1;
			blocking_begin();
		} else if (deadline_passed(end)) {
			err_set(err, ERR_RETRY,
			    "%s: is locked for more than %d seconds: postmap is writing it",
			    ix->path, LOCK_WAIT_MS / 1000);
			goto fail;
		}
		nanosleep(&(struct timespec){ .tv_nsec = LOCK_TRY_NS }, NULL);
	}
	if (waited)
		blocking_end();
	return 0;
fail:
	if (waited)
		blocking_end();
	return -1;
}

static void
index_unlock(struct index *ix)
{
	lock_try(ix, 0);
	pthread_mutex_unlock(&ix->lock);
}

/* --- for the formats --- */

uint16_t
index_u16(const void *p)
{
	uint16_t n;

	memcpy(&n, p, sizeof(n));
	return n;
}

uint32_t
index_u32(const void *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return n;
}

uint64_t
index_u64(const void *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof(n));
	return n;
}

int
index_compare(struct span a, struct span b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int diff = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return diff != 0 ? diff : a.len < b.len ? -1 : a.len > b.len;
}

int
index_damaged(const struct index *ix, struct err *err, const char *fmt, ...)
{
	char what[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	err_set(err, ERR_CONFIG,
	    "%s: must be a sound %s file, but %s; make it anew: filterctl postmap %s", ix->path,
	    ix->table->type->type, what, ix->table->full);
	return -1;
}

int
index_size(struct index *ix, uint64_t *size, struct err *err)
{
	struct stat st;

	if (fstat(ix->fd, &st) == -1) {
		err_set(err, ERR_SYSTEM, "%s: %s", ix->path, strerror(errno));
		return -1;
	}
	*size = (uint64_t)st.st_size;
	return 0;
}

int
index_read(struct index *ix, uint64_t at, void *to, size_t n, struct err *err)
{
	char *p = to;

	if (at > INT64_MAX - n)
		return index_damaged(ix, err, "it points out of itself");
	while (n > 0) {
		ssize_t got = pread(ix->fd, p, n, (off_t)at);

		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1) {
			err_set(err, ERR_RETRY, "read %s: %s", ix->path, strerror(errno));
			return -1;
		}
		if (got == 0)
			return index_damaged(ix, err, "it ends early");
		p += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

int
index_read_buf(struct index *ix, uint64_t at, uint64_t n, struct buf *b, struct err *err)
{
	buf_reset(b);
	while (n > 0) {
		size_t step = n < 65536 ? (size_t)n : 65536;

		if (index_read(ix, at, buf_reserve(b, step), step, err) == -1)
			return -1;
		b->len += step;
		at += step;
		n -= step;
	}
	buf_add(b, "", 0);
	return 0;
}

/* --- look-ups --- */

/* As Postfix: a NUL may have been stored with key and value, or not. */
static int
find(struct index *ix, const char *key, size_t len, struct err *err)
{
	int rc = ix->format->find(ix, span_make(key, len + 1), &ix->value, err);

	return rc != 0 ? rc : ix->format->find(ix, span_make(key, len), &ix->value, err);
}

static char *
value_copy(struct span value, struct arena *a)
{
	size_t n = value.len == 0 ? 0 : strnlen((const char *)value.p, value.len);
	char *copy = arena_alloc(a, n + 1);

	if (n > 0)
		memcpy(copy, value.p, n);
	copy[n] = '\0';
	return copy;
}

int
index_get(
    const struct table *t, struct span key, struct arena *a, struct table_hit *hit, struct err *err)
{
	struct index *ix = t->data;
	char *folded = arena_alloc(a, key.len + 1);
	int rc;

	if (key.len > 0)
		memcpy(folded, key.p, key.len);
	folded[key.len] = '\0';
	text_lower(folded);
	if (index_lock(ix, err) == -1)
		return -1;
	rc = find(ix, folded, key.len, err);
	if (rc == 1)
		*hit = (struct table_hit){
			.value = value_copy(buf_span(&ix->value), a),
			.file = ix->path,
		};
	index_unlock(ix);
	return rc;
}

/* --- all rows --- */

static int
count_row(void *arg, struct span key, struct span value)
{
	++*(size_t *)arg;
	return 0;
}

struct values {
	struct arena *mem;
	struct buf list; /* pointers */
};

static int
keep_value(void *arg, struct span key, struct span value)
{
	struct values *v = arg;
	const char *copy = value_copy(value, v->mem);

	buf_add(&v->list, &copy, sizeof(copy));
	return 0;
}

/* Called back when the locks are gone: f may look up in this very table. */
void
index_each(const struct table *t,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg)
{
	struct index *ix = t->data;
	struct values v = { .mem = arena_new() };
	const char *value;
	int rc;

	if (index_lock(ix, NULL) == 0) {
		rc = ix->format->walk(ix, keep_value, &v, NULL);
		index_unlock(ix);
		for (size_t at = 0; rc == 0 && at < v.list.len; at += sizeof(value)) {
			memcpy(&value, v.list.p + at, sizeof(value));
			f(arg, value, ix->path, 0);
		}
	}
	buf_fini(&v.list);
	arena_free(v.mem);
}

/* --- life --- */

static int
open_file(struct index *ix, struct err *err)
{
	const struct table *t = ix->table;
	struct stat st;

	if ((ix->fd = open(ix->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) == -1) {
		if (errno == ENOENT)
			err_set(err, ERR_SYSTEM,
			    "open %s: %s; it is made by `filterctl postmap %s`, or postmap",
			    ix->path, strerror(ENOENT), t->full);
		else
			err_set(err, ERR_SYSTEM, "open %s: %s", ix->path, strerror(errno));
		return -1;
	}
	if (fstat(ix->fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		err_set(err, ERR_CONFIG, "%s: must be a regular file", ix->path);
		return -1;
	}
	return 0;
}

/* The time and place tell one version from another; the octets need not be read for that. */
static uint64_t
version_digest(const struct stat *st)
{
	const uint64_t part[] = { (uint64_t)st->st_dev, st->st_ino, (uint64_t)st->st_size,
		(uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec };
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++)
		h = (h ^ part[i]) * 0x100000001b3u ^ h >> 29;
	return h;
}

static void
look_at_times(struct table *t, struct index *ix)
{
	struct stat index, source;

	if (fstat(ix->fd, &index) == -1)
		return;
	t->digest = version_digest(&index);
	if (stat(t->name, &source) == 0 && source.st_mtime > index.st_mtime &&
	    source.st_mtime < clock_wall_us() / 1000000 - SOURCE_GRACE)
		table_warn(t, 0, "database %s is older than source file %s", ix->path, t->name);
}

int
index_open(struct table *t, const struct index_format *format, struct err *err)
{
	struct index *ix = t->data = arena_calloc(t->mem, sizeof(*ix));
	int rc;

	pthread_mutex_init(&ix->lock, NULL);
	ix->format = format;
	ix->table = t;
	ix->path = t->file;
	ix->fd = -1;
	if (open_file(ix, err) == -1 || index_lock(ix, err) == -1)
		return -1;
	rc = format->walk(ix, count_row, &t->rows, err);
	look_at_times(t, ix);
	index_unlock(ix);
	return rc;
}

void
index_close(struct table *t)
{
	struct index *ix = t->data;

	if (ix == NULL)
		return;
	if (ix->fd != -1)
		close(ix->fd);
	buf_fini(&ix->page);
	buf_fini(&ix->key);
	buf_fini(&ix->value);
	buf_fini(&ix->chunk);
	pthread_mutex_destroy(&ix->lock);
}
