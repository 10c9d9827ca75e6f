#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "action/hold_int.h"
#include "base/attr.h"
#include "base/blocking.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"

static int
failed(const struct hold_store *s, const char *what, struct err *err)
{
	err_set(err, ERR_SYSTEM, "hold_directory %s: %s: %s", s->directory, what, strerror(errno));
	return -1;
}

int64_t
hold_now_s(const struct hold_store *s)
{
	return s->now_us() / 1000000;
}

int
hold_sync_folder(struct hold_store *s, const char *folder, struct err *err)
{
	int fd =
	    openat(s->dirfd, folder == NULL ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (fd == -1 || fsync(fd) == -1)
		rc = failed(s, folder == NULL ? "fsync" : folder, err);
	if (fd != -1)
		close(fd);
	return rc;
}

/* --- open --- */

/* The folder that a name stands in must know it too before anything in it counts as kept. */
static int
make_directory(struct hold_store *s, struct err *err)
{
	char *parent, *slash;
	int fd, rc = 0;

	if (mkdir(s->directory, 0700) == -1)
		return errno == EEXIST ? 0 : failed(s, "mkdir", err);
	parent = xstrdup(s->directory);
	slash = strrchr(parent, '/');
	if (slash != NULL && slash != parent)
		*slash = '\0';
	fd = open(slash == NULL     ? "."
		  : slash == parent ? "/"
				    : parent,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || fsync(fd) == -1)
		rc = failed(s, "parent", err);
	if (fd != -1)
		close(fd);
	free(parent);
	return rc;
}

/* All folders are made at once: one made while mail arrives would have to be synced by each who
 * finds it there. */
static int
make_folders(struct hold_store *s, struct err *err)
{
	int made = 0;

	for (unsigned i = 0; i < HOLD_FOLDERS; i++) {
		char name[3];

		hold_folder_name(i, name);
		if (mkdirat(s->dirfd, name, 0700) == 0)
			made = 1;
		else if (errno != EEXIST)
			return failed(s, name, err);
	}
	return made ? hold_sync_folder(s, NULL, err) : 0;
}

static int
open_directory(struct hold_store *s, struct err *err)
{
	if (make_directory(s, err) == -1)
		return -1;
	s->dirfd = open(s->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dirfd == -1)
		return failed(s, "open", err);
	/* One at a time repairs the index, and throws away a broken one. */
	while (flock(s->dirfd, LOCK_EX) == -1)
		if (errno != EINTR)
			return failed(s, "flock", err);
	return make_folders(s, err);
}

/* Mail can be held without an index; lists and the size limit cannot do without.  When the disk is
 * full is just when somebody wants to see what is there, and to delete some. */
static void
open_index(struct hold_store *s)
{
	struct err why;
	size_t files;

	s->index = hold_index_open(s->directory, &why);
	if (s->index != NULL && hold_repair(s, &files, &why) == 0)
		return;
	log_warn(NULL, NULL, "hold: %s; an index in memory has to do", why.text);
	hold_index_close(s->index);
	s->index = hold_index_open_memory(&why);
	if (s->index == NULL || hold_repair(s, &files, &why) == -1)
		log_error(NULL, NULL, "hold: no index: %s", why.text);
}

struct hold_store *
hold_open(const struct hold_options *o, struct err *err)
{
	struct hold_store *s = xcalloc(1, sizeof(*s));

	s->directory = xstrdup(o->directory);
	s->dirfd = -1;
	s->now_us = clock_wall_us;
	pthread_mutex_init(&s->lock, NULL);
	hold_set_options(s, o);
	if (open_directory(s, err) == -1) {
		hold_close(s);
		return NULL;
	}
	open_index(s);
	flock(s->dirfd, LOCK_UN);
	return s;
}

void
hold_close(struct hold_store *s)
{
	if (s == NULL)
		return;
	hold_index_close(s->index);
	if (s->dirfd != -1)
		close(s->dirfd);
	pthread_mutex_destroy(&s->lock);
	free(s->directory);
	free(s);
}

void
hold_set_options(struct hold_store *s, const struct hold_options *o)
{
	pthread_mutex_lock(&s->lock);
	s->max_age_s = o->max_age_s;
	s->max_size = o->max_size;
	s->min_free = o->min_free;
	pthread_mutex_unlock(&s->lock);
}

/* --- one message at a time --- */

static int
bad_id(const char *id, struct err *err)
{
	if (hold_id_ok(id))
		return 0;
	err_set(err, ERR_CONFIG, "a hold id must be letters, digits and \"-\"");
	return 1;
}

int
hold_open_locked(struct hold_store *s, const char *id, int *fd, struct err *err)
{
	char path[HOLD_PATH_MAX];
	struct stat sb;

	*fd = -1;
	if (bad_id(id, err))
		return 0;
	hold_path(id, HOLD_FILE_ENDS, path);
	*fd = openat(s->dirfd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (*fd == -1)
		return errno == ENOENT ? 0 : failed(s, path, err);
	if (flock(*fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno == EWOULDBLOCK)
			err_set(err, ERR_RETRY, "%s: another process is working on it", id);
		else
			failed(s, path, err);
	} else if (fstat(*fd, &sb) == -1) {
		failed(s, path, err);
	} else if (sb.st_nlink == 0) { /* removed between open and lock */
		close(*fd);
		*fd = -1;
		return 0;
	} else {
		return 1;
	}
	close(*fd);
	*fd = -1;
	return -1;
}

int
hold_lock(struct hold_store *s, const char *id, int *lock, struct err *err)
{
	return hold_open_locked(s, id, lock, err);
}

void
hold_unlock(int lock)
{
	if (lock != -1)
		close(lock);
}

int
hold_drop(struct hold_store *s, const char *id, struct err *err)
{
	char path[HOLD_PATH_MAX];
	struct err why;
	int there = 1;

	hold_path(id, HOLD_FILE_ENDS, path);
	if (unlinkat(s->dirfd, path, 0) == -1) {
		if (errno != ENOENT)
			return failed(s, path, err);
		there = 0;
	}
	/* A row too many is repaired at the next open. */
	if (s->index != NULL && hold_index_remove(s->index, id, &why) == -1)
		log_warn(NULL, id, "hold: index: %s", why.text);
	return there;
}

int
hold_remove(struct hold_store *s, const char *id, struct err *err)
{
	char path[HOLD_PATH_MAX];
	int rc;

	if (bad_id(id, err))
		return 0;
	pthread_mutex_lock(&s->lock);
	rc = hold_drop(s, id, err);
	pthread_mutex_unlock(&s->lock);
	hold_path(id, HOLD_FILE_ENDS, path);
	path[2] = '\0';
	if (rc == 1 && hold_sync_folder(s, path, err) == -1)
		return -1;
	return rc;
}

int
hold_delete(struct hold_store *s, const char *id, struct err *err)
{
	int lock, rc = hold_open_locked(s, id, &lock, err);

	if (rc == 1)
		rc = hold_remove(s, id, err);
	hold_unlock(lock);
	return rc;
}

void
hold_undo(struct hold_store *s, const char *id)
{
	struct err err;
	int rc;

	blocking_begin(); /* the disk */
	rc = hold_delete(s, id, &err);
	blocking_end();
	if (rc == -1)
		log_warn(
		    NULL, id, "hold: a copy of a message that was not taken stays: %s", err.text);
}

/* --- release --- */

static int
mark(struct hold_store *s, int fd, const struct hold_message *m, const size_t *rcpts, size_t n,
    struct err *err)
{
	const char letter = HOLD_RELEASED;

	for (size_t i = 0; i < n; i++) {
		if (rcpts[i] >= m->entry.nrcpts) {
			err_set(err, ERR_CONFIG, "%s: no recipient %zu", m->entry.id, rcpts[i]);
			return -1;
		}
		if (pwrite(fd, &letter, 1, (off_t)(HOLD_STATE_AT + rcpts[i])) != 1)
			return failed(s, m->entry.id, err);
		m->entry.rcpts[rcpts[i]].released = 1;
	}
	return fdatasync(fd) == -1 ? failed(s, m->entry.id, err) : 0;
}

static int
all_released(const struct hold_entry *e)
{
	for (size_t i = 0; i < e->nrcpts; i++)
		if (!e->rcpts[i].released)
			return 0;
	return 1;
}

static void
mark_index(struct hold_store *s, int fd, const struct hold_entry *e)
{
	struct hold_row row;
	struct err err;
	struct stat sb;

	if (fstat(fd, &sb) == -1)
		return; /* the next repair sees another time of change */
	hold_row_fill(&row, e, &sb);
	pthread_mutex_lock(&s->lock);
	if (s->index != NULL && hold_index_put(s->index, &row, e, &err) == -1)
		log_warn(NULL, e->id, "hold: index: %s", err.text);
	pthread_mutex_unlock(&s->lock);
	hold_row_fini(&row);
}

int
hold_mark_released(
    struct hold_store *s, const char *id, const size_t *rcpts, size_t n, struct err *err)
{
	char path[HOLD_PATH_MAX];
	struct hold_message m;
	int fd = -1, rc;

	rc = hold_read(s, id, &m, err);
	if (rc == 0)
		err_set(err, ERR_SYSTEM, "%s: no such held message", id);
	if (rc != 1)
		return -1;
	rc = -1;
	hold_path(id, HOLD_FILE_ENDS, path);
	fd = openat(s->dirfd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1) {
		failed(s, path, err);
		goto out;
	}
	if (mark(s, fd, &m, rcpts, n, err) == -1)
		goto out;
	if (all_released(&m.entry)) {
		rc = hold_remove(s, id, err) == -1 ? -1 : 0;
	} else {
		mark_index(s, fd, &m.entry);
		rc = 0;
	}
out:
	if (fd != -1)
		close(fd);
	hold_message_fini(&m);
	return rc;
}
