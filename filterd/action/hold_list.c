#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "action/hold_int.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"

#define PAGE 64

void
hold_row_fill(struct hold_row *row, const struct hold_entry *e, const struct stat *sb)
{
	struct buf states = { 0 };

	memset(row, 0, sizeof(*row));
	memcpy(row->id, e->id, strnlen(e->id, sizeof(row->id) - 1));
	row->time = e->time;
	row->disk = sb->st_size;
	row->mtime_ns = (int64_t)sb->st_mtim.tv_sec * 1000000000 + sb->st_mtim.tv_nsec;
	row->class = e->class;
	hold_head_states(e, &states);
	row->states = buf_take(&states);
	row->json = hold_head_json(e);
}

int
hold_load(
    struct hold_store *s, const char *id, struct hold_message *m, struct stat *sb, struct err *err)
{
	char path[HOLD_PATH_MAX];
	void *map;
	int fd;

	memset(m, 0, sizeof(*m));
	hold_path(id, HOLD_FILE_ENDS, path);
	fd = openat(s->dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1 && errno == ENOENT)
		return 0;
	if (fd == -1 || fstat(fd, sb) == -1)
		goto bad;
	if (!S_ISREG(sb->st_mode) || sb->st_size == 0) {
		errno = EINVAL;
		goto bad;
	}
	map = mmap(NULL, (size_t)sb->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		goto bad;
	close(fd);
	m->map = map;
	m->map_len = (size_t)sb->st_size;
	if (hold_file_parse(span_make(map, m->map_len), &m->entry, &m->octets, err) == -1) {
		err_prefix(err, "%s/%s", s->directory, path);
	} else if (strcmp(m->entry.id, id) != 0) {
		err_set(err, ERR_SYSTEM, "%s/%s: the file says it is %s", s->directory, path,
		    m->entry.id);
	} else {
		return 1;
	}
	hold_message_fini(m);
	return -1;
bad:
	err_set(err, ERR_SYSTEM, "%s/%s: %s", s->directory, path, strerror(errno));
	if (fd != -1)
		close(fd);
	return -1;
}

int
hold_read(struct hold_store *s, const char *id, struct hold_message *m, struct err *err)
{
	struct stat sb;

	memset(m, 0, sizeof(*m));
	if (!hold_id_ok(id))
		return 0; /* no message has such an id, and no path is made of it */
	return hold_load(s, id, m, &sb, err);
}

void
hold_message_fini(struct hold_message *m)
{
	hold_entry_fini(&m->entry);
	if (m->map != NULL)
		munmap(m->map, m->map_len);
	memset(m, 0, sizeof(*m));
}

/* 0 to go on, 1 the caller has enough, -1. */
static int
tell(struct hold_row *row, int (*f)(void *, const struct hold_entry *), void *arg)
{
	struct hold_entry e;
	struct err why;
	int rc = 0;

	if (hold_head_parse(span_str(row->json), span_str(row->states), &e, &why) == -1)
		log_warn(NULL, row->id, "hold: index: %s", why.text);
	else
		rc = f(arg, &e) == 0 ? 0 : 1;
	hold_entry_fini(&e);
	return rc;
}

/* Page by page, for f may call the store. */
int
hold_list(struct hold_store *s, const struct hold_filter *filter,
    int (*f)(void *arg, const struct hold_entry *), void *arg, struct err *err)
{
	struct hold_after after = { 0 };
	struct hold_row rows[PAGE];
	int n, stop = 0;

	do {
		pthread_mutex_lock(&s->lock);
		n = -1;
		if (s->index == NULL)
			err_set(err, ERR_SYSTEM, "hold_directory %s: no index", s->directory);
		else
			n = hold_index_page(s->index, HOLD_ORDER_ALL, filter, hold_now_s(s), &after,
			    1, rows, PAGE, err);
		pthread_mutex_unlock(&s->lock);
		for (int i = 0; i < n; i++) {
			after.time = rows[i].time;
			memcpy(after.id, rows[i].id, sizeof(after.id));
			if (!stop)
				stop = tell(&rows[i], f, arg);
			hold_row_fini(&rows[i]);
		}
	} while (n == PAGE && !stop);
	return n == -1 ? -1 : 0;
}
