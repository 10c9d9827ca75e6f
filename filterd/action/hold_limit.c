#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "action/hold_int.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/log.h"

#define PAGE 64

/* How many octets too few there are: at most 0 when all is well. */
static int
missing(struct hold_store *s, int64_t size, int64_t *lack, struct hold_sums *sums, struct err *err)
{
	struct statvfs fs;
	struct err why;
	int64_t avail;

	*lack = 0;
	*sums = (struct hold_sums){ 0 };
	if (s->index != NULL && hold_index_sums(s->index, sums, &why) == -1)
		log_warn(NULL, NULL, "hold: index: %s", why.text);
	if (s->max_size > 0)
		*lack = sums->all + s->writing + size - s->max_size;
	if (fstatvfs(s->dirfd, &fs) == -1) {
		err_set(err, ERR_SYSTEM, "hold_directory %s: %s", s->directory, strerror(errno));
		return -1;
	}
	avail = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	if (s->min_free + s->writing + size - avail > *lack)
		*lack = s->min_free + s->writing + size - avail;
	return 0;
}

/* Remove one unless someone works on it; octets it took. */
static int64_t
evict(struct hold_store *s, const struct hold_row *row, const char *why)
{
	struct err err;
	int fd, rc = hold_open_locked(s, row->id, &fd, &err);

	if (rc == 1)
		rc = hold_drop(s, row->id, &err);
	else if (rc == 0 && hold_index_remove(s->index, row->id, &err) == -1)
		rc = -1;
	hold_unlock(fd);
	if (rc == -1 && err.class != ERR_RETRY)
		log_warn(NULL, row->id, "hold: %s", err.text);
	if (rc != 1)
		return 0;
	log_info(NULL, row->id, "hold: removed: %s (%s, %lld octets)", why,
	    hold_class_name(row->class), (long long)row->disk);
	return row->disk;
}

static int64_t
evict_oldest(struct hold_store *s, int64_t lack)
{
	struct hold_after after = { 0 };
	struct hold_row rows[PAGE];
	struct err err;
	int64_t got = 0;
	int n;

	do {
		n = hold_index_page(
		    s->index, HOLD_ORDER_EVICTABLE, NULL, 0, &after, 0, rows, PAGE, &err);
		if (n == -1) {
			log_warn(NULL, NULL, "hold: index: %s", err.text);
			return got;
		}
		for (int i = 0; i < n && got < lack; i++) {
			got += evict(s, &rows[i], "hold_max_size or hold_min_free reached");
			after.time = rows[i].time;
			memcpy(after.id, rows[i].id, sizeof(after.id));
		}
	} while (n > 0 && got < lack);
	return got;
}

int
hold_room(struct hold_store *s, int64_t size, struct err *err)
{
	struct hold_sums sums;
	int64_t lack;
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = missing(s, size, &lack, &sums, err);
	/* Nothing is thrown away for a message that cannot be kept all the same. */
	if (rc == 0 && lack > 0 && sums.evictable >= lack)
		lack -= evict_oldest(s, lack);
	if (rc == 0 && lack > 0) {
		err_set(err, ERR_SYSTEM,
		    "hold_directory %s: full: hold_max_size or hold_min_free is reached",
		    s->directory);
		rc = -1;
	}
	if (rc == 0)
		s->writing += size;
	pthread_mutex_unlock(&s->lock);
	return rc;
}

void
hold_room_done(struct hold_store *s, int64_t size)
{
	pthread_mutex_lock(&s->lock);
	s->writing -= size;
	pthread_mutex_unlock(&s->lock);
}

/* One page under the lock, so that mail that wants to be held meanwhile does not wait for all. */
static int
expire_page(struct hold_store *s, struct hold_after *after)
{
	struct hold_row rows[PAGE];
	struct err err;
	int64_t limit;
	int n, i = 0;

	pthread_mutex_lock(&s->lock);
	limit = s->max_age_s == 0 ? -1 : hold_now_s(s) - s->max_age_s;
	n = limit == -1 || s->index == NULL
		? 0
		: hold_index_page(s->index, HOLD_ORDER_ALL, NULL, 0, after, 0, rows, PAGE, &err);
	if (n == -1)
		log_warn(NULL, NULL, "hold: index: %s", err.text);
	for (; i < n && rows[i].time < limit; i++) {
		evict(s, &rows[i], "older than hold_max_age");
		after->time = rows[i].time;
		memcpy(after->id, rows[i].id, sizeof(after->id));
	}
	pthread_mutex_unlock(&s->lock);
	return n > 0 && i == n;
}

void
hold_expire(struct hold_store *s)
{
	struct hold_after after = { 0 };

	while (expire_page(s, &after))
		continue;
}
