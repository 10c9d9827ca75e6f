/* Reading of decision files (engine/decision_file.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xmem.h"
#include "engine/decision.h"
#include "engine/decision_file.h"
#include "engine/decision_file_impl.h"

#define CHUNK ((size_t)64 * 1024)

int
decision_day_open(const char *directory, int64_t day, int flags, struct day_files *d)
{
	char name[16], path[4200];

	decision_day_name(day, name);
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	d->data = open(path, flags | O_CLOEXEC, 0600);
	snprintf(path, sizeof(path), "%s/%s.index", directory, name);
	d->index = d->data == -1 ? -1 : open(path, flags | O_CLOEXEC, 0600);
	return d->data == -1 ? -1 : 0;
}

void
decision_day_close(struct day_files *d)
{
	if (d->data != -1)
		close(d->data);
	if (d->index != -1)
		close(d->index);
	d->data = d->index = -1;
}

/* Up to n octets at an offset: how many there are. */
static size_t
read_at(int fd, void *to, size_t n, off_t at)
{
	size_t have = 0;

	while (have < n) {
		ssize_t got = pread(fd, (uint8_t *)to + have, n - have, at + (off_t)have);

		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		have += (size_t)got;
	}
	return have;
}

/* The block at an offset, to f; its length, 0: there is none. */
static size_t
read_block(int fd, off_t at, void (*f)(void *arg, struct span record), void *arg)
{
	uint8_t head[BLOCK_HEAD], *p;
	struct block_head h;
	size_t n, whole;

	n = read_at(fd, head, sizeof(head), at);
	if (!decision_block_head(span_make(head, n), &h))
		return 0;
	whole = BLOCK_HEAD + h.packed;
	p = xmalloc(whole);
	n = read_at(fd, p, whole, at);
	n = n == whole ? decision_block_read(span_make(p, whole), f, arg) : 0;
	free(p);
	return n;
}

/* --- what the index does not know --- */

static off_t
last_indexed(const struct day_files *d)
{
	uint8_t e[INDEX_ENTRY];
	struct stat st;
	struct rd r;
	off_t at;

	if (d->index == -1 || fstat(d->index, &st) == -1 || st.st_size < (off_t)INDEX_ENTRY)
		return -1;
	at = st.st_size - st.st_size % (off_t)INDEX_ENTRY - (off_t)INDEX_ENTRY;
	if (read_at(d->index, e, sizeof(e), at) < sizeof(e))
		return -1;
	rd_init(&r, span_make(e + 8, 8));
	at = (off_t)((uint64_t)rd_u32(&r) << 32);
	return at | rd_u32(&r);
}

struct at_block {
	off_t at;
	void (*f)(void *arg, off_t block, struct span record);
	void *arg;
};

static void
with_offset(void *arg, struct span record)
{
	struct at_block *b = arg;

	b->f(b->arg, b->at, record);
}

static void
nothing(void *arg, struct span record)
{
	(void)arg;
	(void)record;
}

/* The next octets that look like a block, from an offset on. */
static off_t
next_magic(int fd, off_t at, off_t end)
{
	static const uint8_t magic[4] = { BLOCK_MAGIC >> 24, BLOCK_MAGIC >> 16 & 0xff,
		BLOCK_MAGIC >> 8 & 0xff, BLOCK_MAGIC & 0xff };
	uint8_t *chunk = xmalloc(CHUNK);

	while (at < end) {
		size_t n = read_at(fd, chunk, CHUNK, at);
		const uint8_t *p = n < 4 ? NULL : memmem(chunk, n, magic, sizeof(magic));

		if (n < 4 || p != NULL) {
			at = n < 4 ? end : at + (p - chunk);
			break;
		}
		at += (off_t)n - 3;
	}
	free(chunk);
	return at;
}

int
decision_unindexed(
    const struct day_files *d, void (*f)(void *arg, off_t block, struct span record), void *arg)
{
	struct at_block b = { .at = last_indexed(d), .f = f, .arg = arg };
	struct stat st;

	if (fstat(d->data, &st) == -1)
		return -1;
	if (b.at < 0 || b.at >= st.st_size)
		b.at = 0;
	else
		b.at += (off_t)read_block(d->data, b.at, nothing, NULL);
	while (b.at < st.st_size) {
		size_t n = read_block(d->data, b.at, with_offset, &b);

		b.at = n > 0 ? b.at + (off_t)n : next_magic(d->data, b.at + 1, st.st_size);
	}
	return 0;
}

/* --- one id --- */

struct search {
	struct span id;
	void (*f)(void *arg, struct span record);
	void *arg;
	int found;
};

static void
compare(void *arg, struct span record)
{
	struct search *s = arg;

	if (!span_eq(decision_id(record), s->id))
		return;
	s->found = 1;
	s->f(s->arg, record);
}

static void
compare_unindexed(void *arg, off_t block, struct span record)
{
	(void)block;
	compare(arg, record);
}

static void
search_entries(const struct day_files *d, struct span entries, struct search *s, off_t *last)
{
	uint64_t want = decision_hash(s->id);
	struct rd r;

	rd_init(&r, entries);
	while (rd_left(&r) >= INDEX_ENTRY) {
		uint64_t hash = (uint64_t)rd_u32(&r) << 32;
		uint64_t at;

		hash |= rd_u32(&r);
		at = (uint64_t)rd_u32(&r) << 32;
		at |= rd_u32(&r);
		/* All records of the id in a block are found at once. */
		if (hash == want && at <= INT64_MAX && (off_t)at != *last) {
			*last = (off_t)at;
			(void)read_block(d->data, *last, compare, s);
		}
	}
}

static void
search_index(const struct day_files *d, struct search *s)
{
	uint8_t *chunk = xmalloc(CHUNK);
	off_t at = 0, last = -1;
	size_t n;

	while (d->index != -1 && (n = read_at(d->index, chunk, CHUNK, at)) >= INDEX_ENTRY) {
		n -= n % INDEX_ENTRY;
		search_entries(d, span_make(chunk, n), s, &last);
		at += (off_t)n;
	}
	free(chunk);
}

int
decision_find(const char *directory, const char *id, void (*f)(void *arg, struct span record),
    void *arg, struct err *err)
{
	struct search s = { .id = span_str(id), .f = f, .arg = arg };
	struct day_files d;
	int64_t day = decision_day(s.id);

	if (day == -1)
		return 0;
	if (decision_day_open(directory, day, O_RDONLY, &d) == -1) {
		if (errno == ENOENT)
			return 0;
		err_set(err, ERR_SYSTEM, "%s: %s", directory, strerror(errno));
		return -1;
	}
	search_index(&d, &s);
	(void)decision_unindexed(&d, compare_unindexed, &s);
	decision_day_close(&d);
	return s.found;
}
