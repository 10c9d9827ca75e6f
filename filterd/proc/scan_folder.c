#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xmem.h"
#include "proc/scan_folder.h"

#define IN_MEMORY   "/dev/shm"
#define TMPFS       0x01021994
#define NAME        "filterd.XXXXXX"
#define NAME_GLOB   "filterd.??????"
#define DEPTH_MAX   64
#define ENTRIES_MAX 100000
#define MOVES_MAX   1000
#define ENTRY_SIZE  4096 /* what a file costs, however empty */
#define ROOM_MIN    ((uint64_t)1 << 20)
#define TRIES       10

const char *
scan_folder_directory(const char *wanted, const char *fallback)
{
	struct statfs fs;

	if (wanted[0] != '\0')
		return wanted;
	return statfs(IN_MEMORY, &fs) == 0 && fs.f_type == TMPFS && access(IN_MEMORY, W_OK) == 0
		   ? IN_MEMORY
		   : fallback;
}

/* --- what is inside --- */

struct walk {
	int (*each)(struct walk *, int folder, const char *name, const struct stat *, int depth);
	int top;      /* what is walked */
	int moved;    /* folders that were too deep down, and are at the top now */
	int64_t size; /* or INT64_MAX: too much to be counted */
	int entries;
};

/* Takes fd. */
static int
walk_folder(struct walk *w, int fd, int depth)
{
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *e;
	int rc = 0;

	if (d == NULL) {
		if (fd != -1)
			close(fd);
		return -1;
	}
	while ((e = readdir(d)) != NULL) {
		struct stat st;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
		    w->each(w, dirfd(d), e->d_name, &st, depth) == -1)
			rc = -1;
	}
	closedir(d);
	return rc;
}

static int
open_below(int folder, const char *name)
{
	return openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* There is no end to how deep they may lie in each other, but to descriptors and the stack. */
static int
move_up(struct walk *w, int folder, const char *name)
{
	char to[32];

	for (int i = w->moved; i < w->moved + MOVES_MAX; i++) {
		/* The name may be taken, by what the pass has not come to yet. */
		snprintf(to, sizeof(to), "moved.%d", i);
		if (renameat(folder, name, w->top, to) == 0) {
			w->moved = i + 1;
			return 0;
		}
	}
	return -1;
}

static int
remove_one(struct walk *w, int folder, const char *name, const struct stat *st, int depth)
{
	if (!S_ISDIR(st->st_mode))
		return unlinkat(folder, name, 0);
	if (depth >= DEPTH_MAX)
		return move_up(w, folder, name);
	/* An archive may say otherwise.  In a scanner it fails; then its parent does it. */
	(void)fchmodat(folder, name, 0700, 0);
	(void)walk_folder(w, open_below(folder, name), depth + 1);
	return unlinkat(folder, name, AT_REMOVEDIR);
}

static int
add_size(struct walk *w, int folder, const char *name, const struct stat *st, int depth)
{
	if (w->size == INT64_MAX)
		return -1;
	if (depth >= DEPTH_MAX || ++w->entries > ENTRIES_MAX) {
		w->size = INT64_MAX;
		return -1;
	}
	w->size += (int64_t)st->st_blocks * 512 + ENTRY_SIZE;
	return S_ISDIR(st->st_mode) ? walk_folder(w, open_below(folder, name), depth + 1) : 0;
}

int
scan_folder_empty(int fd)
{
	struct walk w;
	int rc;

	do {
		w = (struct walk){ .each = remove_one, .top = fd };
		/* A description of its own, for reading it moves on. */
		rc = walk_folder(&w, open_below(fd, "."), 0);
	} while (w.moved > 0); /* each has brought what it moved nearer to the top */
	return rc;
}

void
scan_folder_remove(const char *path)
{
	int fd = open_below(AT_FDCWD, path);

	if (fd != -1) {
		(void)!scan_folder_empty(fd);
		close(fd);
	}
	(void)rmdir(path);
}

int64_t
scan_folder_size(const char *path)
{
	struct walk w = { .each = add_size };

	(void)walk_folder(&w, open_below(AT_FDCWD, path), 0);
	return w.size;
}

/* --- the folder itself --- */

int
scan_folder_check(int fd, const char *path, struct err *err)
{
	struct stat st, named;

	if (fstat(fd, &st) == -1 || stat(path, &named) == -1 || st.st_nlink == 0) {
		err_set(err, ERR_SYSTEM, "folder %s is gone", path);
		return -1;
	}
	if (st.st_dev != named.st_dev || st.st_ino != named.st_ino) {
		err_set(err, ERR_SYSTEM, "folder %s has become another one", path);
		return -1;
	}
	if (st.st_uid != geteuid() || (st.st_mode & 07777) != 0700) {
		err_set(err, ERR_SYSTEM,
		    "folder %s must be of the user who scans and of nobody else", path);
		return -1;
	}
	return 0;
}

int
scan_folder_make(const char *path, struct err *err)
{
	int fd, rc;

	/* mkdir(2) follows no link and takes nothing that is there. */
	if (mkdir(path, 0700) == -1 || (fd = open_below(AT_FDCWD, path)) == -1) {
		err_set(err, ERR_SYSTEM, "folder %s: %s", path, strerror(errno));
		return -1;
	}
	rc = scan_folder_check(fd, path, err);
	close(fd);
	return rc;
}

int
scan_folder_has_room(int fd)
{
	struct statvfs fs;

	/* A tmpfs without limit says that it has no blocks at all. */
	return fstatvfs(fd, &fs) == -1 || fs.f_blocks == 0 ||
	       (uint64_t)fs.f_bavail * fs.f_frsize >= ROOM_MIN;
}

/* Nobody holds its lock: who made it is no more. */
static void
remove_left(int directory, const char *name)
{
	int fd = open_below(directory, name);
	struct stat st;

	if (fd == -1)
		return;
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0) {
		(void)!scan_folder_empty(fd);
		(void)unlinkat(directory, name, AT_REMOVEDIR);
	}
	close(fd);
}

static int
remove_all_left(const char *directory, struct err *err)
{
	DIR *d = opendir(directory);
	const struct dirent *e;

	if (d == NULL) {
		err_set(err, ERR_SYSTEM, "scanner_directory %s: %s", directory, strerror(errno));
		return -1;
	}
	while ((e = readdir(d)) != NULL)
		if (fnmatch(NAME_GLOB, e->d_name, 0) == 0)
			remove_left(dirfd(d), e->d_name);
	closedir(d);
	return 0;
}

/* -1: somebody took it for left before it was locked, or it could not be made. */
static int
make_locked(char *path)
{
	struct err err;
	int fd;

	if (mkdtemp(path) == NULL || (fd = open_below(AT_FDCWD, path)) == -1)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && scan_folder_check(fd, path, &err) == 0)
		return fd;
	close(fd);
	errno = EEXIST;
	return -1;
}

int
scan_folder_open(const char *directory, char **path, struct err *err)
{
	int fd = -1;

	if (remove_all_left(directory, err) == -1)
		return -1;
	*path = NULL;
	for (int i = 0; i < TRIES && fd == -1; i++) {
		free(*path);
		*path = xasprintf("%s/%s", directory, NAME);
		fd = make_locked(*path);
	}
	if (fd != -1)
		return fd;
	err_set(err, ERR_SYSTEM, "scanner_directory %s: %s", directory, strerror(errno));
	free(*path);
	*path = NULL;
	return -1;
}
