#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "action/hold_int.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/log.h"

#define PAGE 64

/* "ID.msg" or "ID.tmp": the id, or 0. */
static int
name_id(const char *name, const char *ends, char id[HOLD_ID_MAX])
{
	size_t n = strlen(name), k = strlen(ends);

	if (n <= k || n - k >= HOLD_ID_MAX || strcmp(name + n - k, ends) != 0)
		return 0;
	memcpy(id, name, n - k);
	id[n - k] = '\0';
	return hold_id_ok(id);
}

static void
repair_tmp(struct hold_store *s, int dir, const char *name)
{
	struct stat sb;

	if (fstatat(dir, name, &sb, AT_SYMLINK_NOFOLLOW) == 0 &&
	    sb.st_mtim.tv_sec + HOLD_TMP_AGE_S < hold_now_s(s))
		unlinkat(dir, name, 0);
}

/* 1 a held message, 0 none, -1 the index failed. */
static int
repair_file(struct hold_store *s, const char *id, const struct stat *sb, struct err *err)
{
	struct hold_message m;
	struct hold_row row;
	struct stat now;
	struct err why;
	int rc = hold_index_get(s->index, id, &row, err);

	if (rc == -1)
		return -1;
	if (rc == 1 && row.disk == sb->st_size &&
	    row.mtime_ns == (int64_t)sb->st_mtim.tv_sec * 1000000000 + sb->st_mtim.tv_nsec)
		return 1;
	rc = hold_load(s, id, &m, &now, &why);
	if (rc == -1)
		log_warn(NULL, id, "hold: not a held message, left alone: %s", why.text);
	if (rc != 1)
		return 0;
	hold_row_fill(&row, &m.entry, &now);
	rc = hold_index_put(s->index, &row, &m.entry, err) == -1 ? -1 : 1;
	hold_row_fini(&row);
	hold_message_fini(&m);
	return rc;
}

static int
repair_one(struct hold_store *s, int dir, const char *name, size_t *files, struct err *err)
{
	char id[HOLD_ID_MAX];
	struct stat sb;
	int rc;

	if (name_id(name, HOLD_TMP_ENDS, id)) {
		repair_tmp(s, dir, name);
		return 0;
	}
	if (!name_id(name, HOLD_FILE_ENDS, id) ||
	    fstatat(dir, name, &sb, AT_SYMLINK_NOFOLLOW) == -1)
		return 0;
	rc = repair_file(s, id, &sb, err);
	if (rc == 1)
		(*files)++;
	return rc == -1 ? -1 : 0;
}

static int
repair_folder(struct hold_store *s, const char *folder, size_t *files, struct err *err)
{
	struct dirent *d;
	int fd = openat(s->dirfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd == -1 ? NULL : fdopendir(fd);
	int rc = 0;

	if (dir == NULL) {
		err_set(err, ERR_SYSTEM, "%s/%s: %s", s->directory, folder, strerror(errno));
		if (fd != -1)
			close(fd);
		return -1;
	}
	while (rc == 0 && (d = readdir(dir)) != NULL)
		rc = repair_one(s, fd, d->d_name, files, err);
	closedir(dir);
	return rc;
}

/* Rows whose file has gone. */
static int
repair_rows(struct hold_store *s, struct err *err)
{
	struct hold_after after = { 0 };
	struct hold_row rows[PAGE];
	char path[HOLD_PATH_MAX];
	int n;

	do {
		n = hold_index_page(s->index, HOLD_ORDER_ALL, NULL, 0, &after, 0, rows, PAGE, err);
		for (int i = 0; i < n; i++) {
			after.time = rows[i].time;
			memcpy(after.id, rows[i].id, sizeof(after.id));
			hold_path(rows[i].id, HOLD_FILE_ENDS, path);
			if (faccessat(s->dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == -1 &&
			    errno == ENOENT && hold_index_remove(s->index, rows[i].id, err) == -1)
				return -1;
		}
	} while (n == PAGE);
	return n == -1 ? -1 : 0;
}

/* A transaction a folder: other processes that hold mail meanwhile wait little. */
static int
repair_in_transaction(struct hold_store *s, const char *folder, size_t *files, struct err *err)
{
	int rc;

	if (hold_index_begin(s->index, err) == -1)
		return -1;
	rc = repair_folder(s, folder, files, err);
	return hold_index_commit(s->index, err) == -1 ? -1 : rc;
}

int
hold_repair(struct hold_store *s, size_t *files, struct err *err)
{
	*files = 0;
	for (unsigned i = 0; i < HOLD_FOLDERS; i++) {
		char name[3];

		hold_folder_name(i, name);
		if (repair_in_transaction(s, name, files, err) == -1)
			return -1;
	}
	return repair_rows(s, err) == -1 ? -1 : hold_index_recount(s->index, err);
}

int
hold_reindex(struct hold_store *s, size_t *files, struct err *err)
{
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	if (s->index != NULL && hold_index_in_memory(s->index)) {
		hold_index_close(s->index);
		s->index = NULL;
	}
	if (s->index == NULL)
		s->index = hold_index_open(s->directory, err);
	else
		rc = hold_index_reset(s->index, err);
	if (s->index == NULL || rc == -1 || hold_repair(s, files, err) == -1)
		rc = -1;
	pthread_mutex_unlock(&s->lock);
	return rc;
}
