#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <zlib.h>

#include "base/keyhash.h"
#include "core/transaction.h"
#include "engine/decision.h"
#include "engine/decision_file.h"
#include "engine/decision_file_impl.h"

/* --- days --- */

int64_t
decision_day(struct span id)
{
	int64_t seconds;

	return decision_id_time(id, &seconds) == -1 ? -1 : seconds / 86400;
}

void
decision_day_name(int64_t day, char out[16])
{
	time_t t = (time_t)(day * 86400);
	struct tm tm;

	gmtime_r(&t, &tm);
	snprintf(out, 16, "%04u%02u%02u", (unsigned)(tm.tm_year + 1900) % 10000u,
	    (unsigned)(tm.tm_mon + 1) % 100u, (unsigned)tm.tm_mday % 100u);
}

uint64_t
decision_hash(struct span id)
{
	/* The same in each process: who could choose ids could write the file. */
	static const struct keyhash fixed;

	return keyhash(&fixed, id.p, id.len);
}

/* --- blocks --- */

static void
set_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

void
decision_put_u32(struct buf *b, uint32_t v)
{
	uint8_t o[4];

	set_u32(o, v);
	buf_add(b, o, sizeof(o));
}

int
decision_block_head(struct span octets, struct block_head *h)
{
	struct rd r;

	rd_init(&r, octets);
	h->magic = rd_u32(&r);
	h->raw = rd_u32(&r);
	h->packed = rd_u32(&r);
	h->check = rd_u32(&r);
	return !r.bad && h->magic == BLOCK_MAGIC && h->raw <= BLOCK_MAX && h->packed <= BLOCK_MAX;
}

/* Magic, both lengths, check, and the records deflated. */
int
decision_block_make(struct span raw, struct buf *out)
{
	uLongf n = compressBound(raw.len);
	uint8_t *p = (uint8_t *)buf_reserve(out, BLOCK_HEAD + n);

	if (compress2(p + BLOCK_HEAD, &n, raw.p, raw.len, Z_BEST_SPEED) != Z_OK)
		return -1;
	set_u32(p, BLOCK_MAGIC);
	set_u32(p + 4, (uint32_t)raw.len);
	set_u32(p + 8, (uint32_t)n);
	set_u32(p + 12, (uint32_t)crc32(0, p + BLOCK_HEAD, (uInt)n));
	out->len += BLOCK_HEAD + n;
	return 0;
}

static void
each_record(struct span raw, void (*f)(void *arg, struct span record), void *arg)
{
	struct rd r;

	rd_init(&r, raw);
	while (rd_left(&r) > 0) {
		struct span record = rd_bytes(&r, rd_u32(&r));

		if (r.bad)
			return;
		f(arg, record);
	}
}

size_t
decision_block_read(struct span octets, void (*f)(void *arg, struct span record), void *arg)
{
	struct block_head h;
	uint8_t *raw;
	uLongf n;

	if (!decision_block_head(octets, &h) || octets.len - BLOCK_HEAD < h.packed ||
	    crc32(0, octets.p + BLOCK_HEAD, (uInt)h.packed) != h.check)
		return 0;
	n = h.raw;
	raw = malloc(h.raw + 1);
	if (raw == NULL)
		return 0;
	if (uncompress(raw, &n, octets.p + BLOCK_HEAD, h.packed) == Z_OK && n == h.raw)
		each_record(span_make(raw, n), f, arg);
	free(raw);
	return BLOCK_HEAD + h.packed;
}

/* --- old files --- */

/* YYYYMMDD or YYYYMMDD.index: its day as a number that grows with time; 0: another file. */
static long
day_of_name(const char *name)
{
	if (strspn(name, "0123456789") != 8 || (name[8] != '\0' && strcmp(name + 8, ".index") != 0))
		return 0;
	return strtol(name, NULL, 10);
}

/* Remove the files of days before this one.  Octets of those that stay, and the oldest day of them,
 * 0: none. */
static int64_t
remove_before(DIR *d, long first, long *oldest)
{
	const struct dirent *e;
	struct stat st;
	int64_t size = 0;

	*oldest = 0;
	rewinddir(d);
	while ((e = readdir(d)) != NULL) {
		long of = day_of_name(e->d_name);

		if (of == 0)
			continue;
		if (of < first) {
			(void)unlinkat(dirfd(d), e->d_name, 0);
			continue;
		}
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			size += st.st_size;
		if (*oldest == 0 || of < *oldest)
			*oldest = of;
	}
	return size;
}

static long
day_number(int64_t day)
{
	char name[16];

	decision_day_name(day, name);
	return strtol(name, NULL, 10);
}

int64_t
decision_expire(const char *directory, int64_t day, int64_t today, int64_t max_size)
{
	DIR *d = opendir(directory);
	long oldest, last = day_number(today);
	int64_t size;

	if (d == NULL)
		return 0;
	size = remove_before(d, day_number(day), &oldest);
	while (max_size > 0 && size > max_size && oldest != 0 && oldest < last)
		size = remove_before(d, oldest + 1, &oldest);
	closedir(d);
	return size;
}
