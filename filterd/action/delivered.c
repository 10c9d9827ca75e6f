#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nettle/sha2.h>

#include "action/delivered.h"
#include "base/blocking.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/xmem.h"

#define FILE_HEAD   "filterd delivered 1\n"
#define HEAD_LEN    (sizeof(FILE_HEAD) - 1)
#define ENTRIES_MAX ((size_t)1 << 16)
/* What another process writes may be seen so late: a client takes longer to come again. */
#define LOOK_MS     50
#define COMPACT_MIN 64 /* forgotten entries before the file is written anew */

/* As on disk, in this machine's byte order: the file never leaves it. */
struct record {
	int64_t wall_us;
	uint8_t digest[32];
	uint64_t check; /* so that a torn or foreign record is not believed */
};

struct delivered {
	pthread_mutex_t lock;
	char *path;
	int fd; /* with a shared flock(2), so that nobody writes the file anew behind our back */
	_Atomic int64_t size; /* read so far */
	int64_t keep_ms;
	struct record *v; /* oldest first, v[first .. n) are remembered */
	size_t first, n, cap;
	/* Where to look for a digest: lists of records, the newest first, as index + 1.  What has
	 * been forgotten stays at their ends, below first. */
	uint32_t *newest;          /* by the digest's first octets; cap of them, a power of two */
	uint32_t *older;           /* by record: the one before it in its list */
	_Atomic size_t live;       /* n - first, for delivered_any() without the lock */
	_Atomic int64_t looked_ms; /* when delivered_any() last looked at the file */
};

static uint64_t
record_check(const struct record *r)
{
	uint64_t h = 0xcbf29ce484222325u ^ (uint64_t)r->wall_us;

	for (size_t i = 0; i < sizeof(r->digest); i++)
		h = (h ^ r->digest[i]) * 0x100000001b3u;
	return h;
}

/* A digest is random already. */
static uint32_t *
list_of(const struct delivered *d, const uint8_t *digest)
{
	uint32_t h;

	memcpy(&h, digest, sizeof(h));
	return &d->newest[h & (d->cap - 1)];
}

static void
enlist(struct delivered *d, size_t i)
{
	uint32_t *list = list_of(d, d->v[i].digest);

	d->older[i] = *list;
	*list = (uint32_t)i + 1;
}

static void
enlist_all(struct delivered *d)
{
	if (d->cap > 0)
		memset(d->newest, 0, d->cap * sizeof(*d->newest));
	for (size_t i = 0; i < d->n; i++)
		enlist(d, i);
}

static void
grow(struct delivered *d)
{
	d->cap = d->cap == 0 ? 64 : 2 * d->cap;
	d->v = xreallocarray(d->v, d->cap, sizeof(*d->v));
	d->newest = xreallocarray(d->newest, d->cap, sizeof(*d->newest));
	d->older = xreallocarray(d->older, d->cap, sizeof(*d->older));
	enlist_all(d);
}

static void
forget_all(struct delivered *d)
{
	d->first = d->n = 0;
	enlist_all(d);
}

static void
remember(struct delivered *d, const struct record *r)
{
	if (d->n == d->cap)
		grow(d);
	d->v[d->n] = *r;
	enlist(d, d->n++);
	if (d->n - d->first > ENTRIES_MAX)
		d->first++;
}

/* What is older than keep_ms, or from a clock that was put back since, is forgotten. */
static void
forget_old(struct delivered *d)
{
	int64_t now = clock_wall_us();

	while (d->first < d->n &&
	       (now - d->v[d->first].wall_us >= d->keep_ms * 1000 || d->v[d->first].wall_us > now))
		d->first++;
	if (d->first == d->n && d->n > 0)
		forget_all(d);
	atomic_store(&d->live, d->n - d->first);
}

/* Behind what is there: the files are open with O_APPEND. */
static int
write_all(int fd, const void *p, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t k = write(fd, (const char *)p + done, n - done);

		if (k == -1 && errno == EINTR)
			continue;
		if (k <= 0)
			return -1;
		done += (size_t)k;
	}
	return 0;
}

static int
lock(int fd, int how)
{
	int rc;

	while ((rc = flock(fd, how)) == -1 && errno == EINTR)
		;
	return rc;
}

static int
sync_folder(const char *path)
{
	char *dir = xstrdup(path), *slash = strrchr(dir, '/');
	int fd, rc = -1;

	if (slash == NULL || slash == dir)
		snprintf(dir, strlen(dir) + 1, "%s", slash == NULL ? "." : "/");
	else
		*slash = '\0';
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd != -1) {
		rc = fsync(fd);
		close(fd);
	}
	free(dir);
	return rc;
}

/* Write what is remembered to a new file and put it in the place of the old one.  On failure the
 * old one stays. */
static int
compact(struct delivered *d, struct err *err)
{
	char *path = xasprintf("%s.new", d->path);
	size_t bytes = (d->n - d->first) * sizeof(struct record);
	int fd, rc = -1;

	fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1 || lock(fd, LOCK_SH) == -1 || write_all(fd, FILE_HEAD, HEAD_LEN) == -1 ||
	    (bytes > 0 && write_all(fd, d->v + d->first, bytes) == -1) || fsync(fd) == -1 ||
	    rename(path, d->path) == -1 || sync_folder(d->path) == -1) {
		err_set(err, ERR_SYSTEM, "%s: %s", path, strerror(errno));
		goto out;
	}
	if (d->fd != -1)
		close(d->fd);
	d->fd = fd;
	fd = -1;
	d->size = (int64_t)(HEAD_LEN + bytes);
	if (d->first > 0)
		memmove(d->v, d->v + d->first, bytes);
	d->n -= d->first;
	d->first = 0;
	enlist_all(d);
	rc = 0;
out:
	if (fd != -1)
		close(fd);
	free(path);
	return rc;
}

/* What is behind the part that was read; it ends at a record that is torn. */
static void
read_more(struct delivered *d)
{
	struct record r;

	while (pread(d->fd, &r, sizeof(r), d->size) == (ssize_t)sizeof(r) &&
	       r.check == record_check(&r)) {
		remember(d, &r);
		d->size += (int64_t)sizeof(r);
	}
}

static int
has_name(const struct delivered *d)
{
	struct stat open_one, named;

	return fstat(d->fd, &open_one) == 0 && stat(d->path, &named) == 0 &&
	       open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

/* The file that has the name, and what is in it: 1, or 0 when there is none that can be used. */
static int
read_file(struct delivered *d, struct err *err)
{
	char head[HEAD_LEN];

	do {
		if (d->fd != -1)
			close(d->fd);
		d->fd = open(d->path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
		if (d->fd == -1 && errno == ENOENT)
			return 0;
		if (d->fd == -1 || lock(d->fd, LOCK_SH) == -1) {
			err_set(err, ERR_SYSTEM, "%s: %s", d->path, strerror(errno));
			return -1;
		}
	} while (!has_name(d)); /* written anew between open and lock */
	forget_all(d);
	d->size = (int64_t)HEAD_LEN;
	if (pread(d->fd, head, HEAD_LEN, 0) != (ssize_t)HEAD_LEN ||
	    memcmp(head, FILE_HEAD, HEAD_LEN) != 0)
		return 0;
	read_more(d);
	return 1;
}

/* Another process is about when a worker drains whose supervisor has died and a new filterd has
 * begun: then the file stays as it is, for both write to it. */
static int
compact_if_alone(struct delivered *d, struct err *err)
{
	int rc;

	if (d->fd == -1)
		return compact(d, err);
	if (lock(d->fd, LOCK_EX | LOCK_NB) == -1) {
		/* The lock that was there is lost by that. */
		if (lock(d->fd, LOCK_SH) == 0 && has_name(d))
			return 0;
		return read_file(d, err) == 1 ? 0 : -1;
	}
	read_more(d);
	rc = compact(d, err);
	if (rc == -1)
		(void)lock(d->fd, LOCK_SH);
	return rc;
}

/* A file of another kind, or of none, is begun anew. */
static int
load(struct delivered *d, struct err *err)
{
	if (read_file(d, err) == -1)
		return -1;
	forget_old(d);
	return compact_if_alone(d, err);
}

struct delivered *
delivered_open(const char *path, int64_t keep_ms, struct err *err)
{
	struct delivered *d = xcalloc(1, sizeof(*d));

	pthread_mutex_init(&d->lock, NULL);
	d->path = xstrdup(path);
	d->fd = -1;
	d->keep_ms = keep_ms;
	if (load(d, err) == -1) {
		delivered_close(d);
		return NULL;
	}
	return d;
}

void
delivered_close(struct delivered *d)
{
	if (d == NULL)
		return;
	if (d->fd != -1)
		close(d->fd);
	pthread_mutex_destroy(&d->lock);
	free(d->path);
	free(d->v);
	free(d->newest);
	free(d->older);
	free(d);
}

void
delivered_set_keep(struct delivered *d, int64_t keep_ms)
{
	pthread_mutex_lock(&d->lock);
	d->keep_ms = keep_ms;
	pthread_mutex_unlock(&d->lock);
}

void
delivered_digest(struct delivered_digest *digest, struct span message)
{
	struct sha256_ctx c;

	sha256_init(&c);
	sha256_update(&c, message.len, message.p);
	sha256_digest(&c, sizeof(digest->octets), digest->octets);
}

void
delivered_key(struct delivered_key *key, const char *sender, const char *rcpt, const char *hop,
    const struct delivered_digest *message)
{
	const char *const texts[] = { sender, rcpt, hop };
	struct sha256_ctx c;

	sha256_init(&c);
	/* The NUL behind each keeps them apart. */
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		sha256_update(&c, strlen(texts[i]) + 1, (const uint8_t *)texts[i]);
	sha256_update(&c, sizeof(message->octets), message->octets);
	sha256_digest(&c, sizeof(key->digest), key->digest);
}

static int
append(struct delivered *d, const struct record *r, size_t n, struct err *err)
{
	off_t end = lseek(d->fd, 0, SEEK_END);

	/* Some may be lost to a full disk: the place is cut back, so that no gap is left. */
	if (write_all(d->fd, r, n * sizeof(*r)) == -1 || fdatasync(d->fd) == -1) {
		err_set(err, ERR_SYSTEM, "%s: %s", d->path, strerror(errno));
		if (ftruncate(d->fd, end) == -1)
			err_prefix(err, "cut back");
		return -1;
	}
	read_more(d); /* ours, and what others wrote before */
	return 0;
}

int
delivered_add(struct delivered *d, const struct delivered_key *keys, size_t n, struct err *err)
{
	struct record *r = xcalloc(n == 0 ? 1 : n, sizeof(*r));
	int64_t now = clock_wall_us();
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		r[i].wall_us = now;
		memcpy(r[i].digest, keys[i].digest, sizeof(r[i].digest));
		r[i].check = record_check(&r[i]);
	}
	blocking_begin(); /* the disk */
	pthread_mutex_lock(&d->lock);
	if (d->keep_ms > 0) {
		forget_old(d);
		/* A compaction that fails costs room only. */
		if (d->size >
		    (int64_t)(HEAD_LEN + (2 * (d->n - d->first) + COMPACT_MIN) * sizeof(*r)))
			(void)compact_if_alone(d, NULL);
		rc = append(d, r, n, err);
		atomic_store(&d->live, d->n - d->first);
	}
	pthread_mutex_unlock(&d->lock);
	blocking_end();
	free(r);
	return rc;
}

/* Who has it may be waiting for the disk. */
static void
lock_memory(struct delivered *d)
{
	if (pthread_mutex_trylock(&d->lock) == 0)
		return;
	blocking_begin();
	pthread_mutex_lock(&d->lock);
	blocking_end();
}

int
delivered_has(struct delivered *d, const struct delivered_key *key)
{
	int found = 0;

	lock_memory(d);
	read_more(d);
	forget_old(d);
	for (size_t i = d->cap == 0 ? 0 : *list_of(d, key->digest); i > d->first && !found;
	     i = d->older[i - 1])
		found = memcmp(d->v[i - 1].digest, key->digest, sizeof(key->digest)) == 0;
	pthread_mutex_unlock(&d->lock);
	return found;
}

/* Also where another process has written and nobody here has read. */
int
delivered_any(struct delivered *d)
{
	int64_t now = clock_ms();
	struct stat st;

	if (atomic_load(&d->live) > 0)
		return 1;
	if (now - atomic_load(&d->looked_ms) < LOOK_MS)
		return 0;
	if (stat(d->path, &st) == 0 && st.st_size > atomic_load(&d->size))
		return 1; /* until it is read */
	atomic_store(&d->looked_ms, now);
	return 0;
}
