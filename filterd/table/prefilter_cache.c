#include "table/prefilter_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nettle/sha2.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "table/scan_db.h"

/* The layout of a file; another one makes other keys. */
#define FORMAT "filterd patterns 1\n"

#define SUFFIX ".patterns"
/* Of a file that is being written: it does not look like one that is done. */
#define ASIDE_PREFIX "new."
/* One that was never finished goes after so long. */
#define ASIDE_SECONDS 3600

struct head {
	char format[24]; /* zeros behind it: there is no octet that anybody may change */
	uint64_t len;
	uint8_t key[SHA256_DIGEST_SIZE];
	uint8_t digest[SHA256_DIGEST_SIZE]; /* of what follows */
};

void
prefilter_cache_key(const struct scan_expr *v, size_t n, struct prefilter_key *key)
{
	struct sha256_ctx c;
	char identity[160];

	scan_db_identity(identity, sizeof(identity));
	sha256_init(&c);
	sha256_update(&c, sizeof(FORMAT), (const uint8_t *)FORMAT);
	sha256_update(&c, strlen(identity) + 1, (const uint8_t *)identity);
	for (size_t i = 0; i < n; i++) {
		const uint32_t numbers[] = { v[i].id, v[i].caseless != 0, v[i].multiline != 0 };

		sha256_update(&c, sizeof(numbers), (const uint8_t *)numbers);
		sha256_update(&c, strlen(v[i].text) + 1, (const uint8_t *)v[i].text);
	}
	sha256_digest(&c, sizeof(key->digest), key->digest);
	for (size_t i = 0; i < 16; i++)
		snprintf(key->name + 2 * i, 3, "%02x", key->digest[i]);
}

static void
digest_of(const char *p, size_t len, uint8_t *out)
{
	struct sha256_ctx c;

	sha256_init(&c);
	sha256_update(&c, len, (const uint8_t *)p);
	sha256_digest(&c, SHA256_DIGEST_SIZE, out);
}

/* Ours, and nobody else can write to it. */
static int
is_ours(const struct stat *st)
{
	return st->st_uid == geteuid() && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* -1: err, with errno ENOENT if there is none. */
static int
open_folder(const char *folder, struct err *err)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1) {
		int why = errno;

		err_set(err, ERR_SYSTEM, "%s: %s", folder, strerror(why));
		if (fd != -1)
			close(fd);
		errno = why;
		return -1;
	}
	if (!is_ours(&st)) {
		err_set(err, ERR_SYSTEM,
		    "%s: must belong to the user filterd runs as, who alone must be able to write "
		    "to it",
		    folder);
		close(fd);
		errno = EPERM;
		return -1;
	}
	return fd;
}

/* --- reading --- */

static int
read_all(int fd, void *to, size_t len)
{
	char *p = to;

	while (len > 0) {
		ssize_t n = read(fd, p, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* NULL, or what is wrong. */
static const char *
read_file(int fd, const struct prefilter_key *key, struct buf *out)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	const struct head wanted = { .format = FORMAT };
	struct head head;
	struct stat st;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || !is_ours(&st))
		return "must be a file of the user filterd runs as, who alone must be able to "
		       "write to it";
	if (read_all(fd, &head, sizeof(head)) == -1)
		return "is too short";
	if (memcmp(head.format, wanted.format, sizeof(head.format)) != 0 ||
	    memcmp(head.key, key->digest, sizeof(head.key)) != 0)
		return "is of other patterns";
	if (head.len > PREFILTER_CACHE_MAX || st.st_size < 0 ||
	    (uint64_t)st.st_size != sizeof(head) + head.len)
		return "is not as long as it says";
	buf_reserve(out, (size_t)head.len);
	if (read_all(fd, out->p, (size_t)head.len) == -1)
		return "cannot be read";
	out->len = (size_t)head.len;
	digest_of(out->p, out->len, digest);
	if (memcmp(digest, head.digest, sizeof(digest)) != 0)
		return "was damaged";
	return NULL;
}

int
prefilter_cache_read(
    const char *folder, const struct prefilter_key *key, struct buf *out, struct err *err)
{
	char name[sizeof(key->name) + sizeof(SUFFIX)];
	const char *wrong;
	int dir, fd;

	if ((dir = open_folder(folder, err)) == -1)
		return errno == ENOENT ? 0 : -1;
	snprintf(name, sizeof(name), "%s%s", key->name, SUFFIX);
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	close(dir);
	if (fd == -1 && errno == ENOENT)
		return 0;
	if (fd == -1) {
		err_set(err, ERR_SYSTEM, "%s/%s: %s", folder, name, strerror(errno));
		return -1;
	}
	wrong = read_file(fd, key, out);
	if (wrong == NULL)
		futimens(fd, NULL); /* it is in use: not among the old ones */
	close(fd);
	if (wrong == NULL)
		return 1;
	buf_reset(out);
	err_set(err, ERR_SYSTEM, "%s/%s %s", folder, name, wrong);
	return -1;
}

/* --- removing --- */

struct old {
	char name[sizeof(((struct prefilter_key *)0)->name) + sizeof(SUFFIX)];
	int64_t used;
};

static int
newer_first(const void *a, const void *b)
{
	const struct old *x = a, *y = b;

	return (x->used < y->used) - (x->used > y->used);
}

/* Is it time for a file of that name?  One that is not ours stays. */
static int
is_stale(const char *name, int64_t age)
{
	size_t len = strlen(name);

	if (strncmp(name, ASIDE_PREFIX, sizeof(ASIDE_PREFIX) - 1) == 0)
		return age > ASIDE_SECONDS;
	return len > sizeof(SUFFIX) && strcmp(name + len - sizeof(SUFFIX) + 1, SUFFIX) == 0 &&
	       age > (int64_t)PREFILTER_CACHE_DAYS * 86400;
}

/* Of those that stay the newest ones, so many that one more is over the limit. */
static void
remember(struct old *v, size_t *n, const char *name, int64_t used, int dir)
{
	size_t len = strlen(name), oldest = 0;

	if (len != sizeof(((struct prefilter_key *)0)->name) + sizeof(SUFFIX) - 2 ||
	    strcmp(name + len - sizeof(SUFFIX) + 1, SUFFIX) != 0)
		return;
	if (*n == PREFILTER_CACHE_FILES) {
		qsort(v, *n, sizeof(*v), newer_first);
		oldest = *n - 1;
		if (used <= v[oldest].used) {
			unlinkat(dir, name, 0);
			return;
		}
		unlinkat(dir, v[oldest].name, 0);
	} else
		oldest = (*n)++;
	memcpy(v[oldest].name, name, len + 1);
	v[oldest].used = used;
}

static void
remove_old(int dir)
{
	struct old kept[PREFILTER_CACHE_FILES];
	int64_t now = clock_wall_us() / 1000000;
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *e;
	struct stat st;
	size_t n = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1 || !S_ISREG(st.st_mode))
			continue;
		if (is_stale(e->d_name, now - st.st_mtime))
			unlinkat(dir, e->d_name, 0);
		else
			remember(kept, &n, e->d_name, st.st_mtime, dir);
	}
	if (d != NULL)
		closedir(d);
	else if (fd != -1)
		close(fd);
}

/* --- writing --- */

static int
write_all(int fd, const void *from, size_t len)
{
	const char *p = from;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
write_file(int dir, const char *aside, const struct prefilter_key *key, const struct buf *b)
{
	struct head head = { .format = FORMAT, .len = b->len };
	int fd, rc;

	memcpy(head.key, key->digest, sizeof(head.key));
	digest_of(b->p, b->len, head.digest);
	fd = openat(dir, aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return -1;
	rc = write_all(fd, &head, sizeof(head));
	if (rc == 0)
		rc = write_all(fd, b->p, b->len);
	return close(fd) == -1 ? -1 : rc;
}

int
prefilter_cache_write(
    const char *folder, const struct prefilter_key *key, const struct buf *b, struct err *err)
{
	char name[sizeof(key->name) + sizeof(SUFFIX)], aside[80];
	int dir, rc;

	if (b->len > PREFILTER_CACHE_MAX) {
		err_set(err, ERR_SYSTEM, "%zu octets are too many for a file", b->len);
		return -1;
	}
	if (mkdir(folder, 0700) == -1 && errno != EEXIST) {
		err_set(err, ERR_SYSTEM, "%s: %s", folder, strerror(errno));
		return -1;
	}
	if ((dir = open_folder(folder, err)) == -1)
		return -1;
	snprintf(name, sizeof(name), "%s%s", key->name, SUFFIX);
	/* Several processes may make the same one, and each may have been killed in it. */
	snprintf(aside, sizeof(aside), ASIDE_PREFIX "%s.%ld.%llx", key->name, (long)getpid(),
	    (unsigned long long)clock_wall_us());
	rc = write_file(dir, aside, key, b);
	if (rc == 0)
		rc = renameat(dir, aside, dir, name);
	if (rc == -1) {
		err_set(err, ERR_SYSTEM, "%s/%s: %s", folder, name, strerror(errno));
		unlinkat(dir, aside, 0);
	}
	remove_old(dir);
	close(dir);
	return rc;
}
