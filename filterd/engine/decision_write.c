/* Writing of decision files (engine/decision_file.h). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "engine/decision.h"
#include "engine/decision_file.h"
#include "engine/decision_file_impl.h"

void
decision_writer_init(struct decision_writer *w, const char *directory)
{
	*w = (struct decision_writer){ .directory = directory, .day = -1, .fd = -1, .index = -1 };
}

static void
close_day(struct decision_writer *w)
{
	struct day_files d = { w->fd, w->index };

	decision_day_close(&d);
	w->fd = w->index = -1;
	w->day = -1;
}

void
decision_writer_fini(struct decision_writer *w)
{
	close_day(w);
	buf_fini(&w->raw);
	buf_fini(&w->ids);
	buf_fini(&w->packed);
}

static void
add_entry(struct buf *ids, struct span record, off_t block)
{
	uint64_t hash = decision_hash(decision_id(record));

	decision_put_u32(ids, (uint32_t)(hash >> 32));
	decision_put_u32(ids, (uint32_t)hash);
	decision_put_u32(ids, (uint32_t)((uint64_t)block >> 32));
	decision_put_u32(ids, (uint32_t)block);
}

void
decision_writer_add(struct decision_writer *w, struct span record)
{
	decision_put_u32(&w->raw, (uint32_t)record.len);
	buf_add_span(&w->raw, record);
	/* Where its block will stand is not known yet. */
	add_entry(&w->ids, record, 0);
}

/* All of it in one piece, as another process may append too: 0, or -1 and errno. */
static int
append(int fd, const struct buf *b)
{
	ssize_t n;

	do
		n = write(fd, b->p, b->len);
	while (n == -1 && errno == EINTR);
	if (n == (ssize_t)b->len)
		return 0;
	if (n != -1)
		errno = ENOSPC;
	return -1;
}

static void
index_again(void *arg, off_t block, struct span record)
{
	add_entry(arg, record, block);
}

/* What an earlier writer did not get into the index; and a piece of an entry is cut off. */
static int
mend_index(const struct day_files *d)
{
	struct buf ids = { 0 };
	struct stat st;
	int rc = 0;

	if (fstat(d->index, &st) == -1 ||
	    (st.st_size % (off_t)INDEX_ENTRY != 0 &&
		ftruncate(d->index, st.st_size - st.st_size % (off_t)INDEX_ENTRY) == -1))
		return -1;
	if (decision_unindexed(d, index_again, &ids) == -1)
		rc = -1;
	else if (ids.len > 0)
		rc = append(d->index, &ids);
	buf_fini(&ids);
	return rc;
}

static int
open_day(struct decision_writer *w, int64_t day)
{
	struct day_files d;

	close_day(w);
	if (mkdir(w->directory, 0700) == -1 && errno != EEXIST)
		return -1;
	if (decision_day_open(w->directory, day, O_RDWR | O_CREAT | O_APPEND, &d) == -1)
		return -1;
	if (d.index == -1 || mend_index(&d) == -1) {
		int e = errno;

		decision_day_close(&d);
		errno = e;
		return -1;
	}
	w->fd = d.data;
	w->index = d.index;
	w->day = day;
	return 0;
}

/* Where the block just written begins. */
static void
set_offsets(struct decision_writer *w)
{
	uint64_t at = (uint64_t)(lseek(w->fd, 0, SEEK_CUR) - (off_t)w->packed.len);

	for (size_t i = 8; i + 8 <= w->ids.len; i += INDEX_ENTRY)
		for (size_t k = 0; k < 8; k++)
			w->ids.p[i + k] = (char)(at >> (56 - 8 * k));
}

static int
write_out(struct decision_writer *w, int64_t day)
{
	if ((w->fd == -1 || w->day != day) && open_day(w, day) == -1)
		return -1;
	buf_reset(&w->packed);
	if (decision_block_make(buf_span(&w->raw), &w->packed) == -1) {
		errno = ENOMEM;
		return -1;
	}
	if (append(w->fd, &w->packed) == -1)
		return -1;
	set_offsets(w);
	return append(w->index, &w->ids);
}

int
decision_writer_flush(struct decision_writer *w, int64_t day, struct err *err)
{
	int rc = 0;

	if (w->raw.len > 0 && (rc = write_out(w, day)) == -1) {
		err_set(err, ERR_SYSTEM, "%s: %s", w->directory, strerror(errno));
		/* What is not whole is skipped; the next one begins anew. */
		close_day(w);
	}
	buf_reset(&w->raw);
	buf_reset(&w->ids);
	return rc;
}
