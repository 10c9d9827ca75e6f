/*
 * Has the folder of databases changed?  cl_statchkdir() compares whole seconds of the time of
 * change, and misses what is replaced twice in one; and it has nothing to say of a folder that is
 * not there yet.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "plugins/clamav_engine.h"

#define FNV_START 14695981039346656037u
#define FNV_PRIME 1099511628211u

static uint64_t
mix(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * FNV_PRIME;
	return h;
}

static uint64_t
file_state(const char *name, const struct stat *st)
{
	const int64_t all[] = { (int64_t)st->st_ino, st->st_size, st->st_mtim.tv_sec,
		st->st_mtim.tv_nsec, st->st_ctim.tv_sec, st->st_ctim.tv_nsec };

	return mix(mix(FNV_START, name, strlen(name)), all, sizeof(all)) | 1;
}

/* What libclamav loads out of a folder; freshclam has files of its own there, which change with
 * every look for news. */
static int
is_database(const char *name)
{
	static const char *const ends[] = { "cat", "cbc", "cdb", "cfg", "cld", "crb", "cud", "cvd",
		"db", "fp", "ftm", "gdb", "hdb", "hdu", "hsb", "hsu", "idb", "ign", "ign2", "imp",
		"info", "ioc", "ldb", "ldu", "mdb", "mdu", "msb", "msu", "ndb", "ndu", "pdb",
		"pwdb", "rmd", "sdb", "sfp", "sign", "wdb", "yar", "yara", "zmd" };
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot != NULL && i < sizeof(ends) / sizeof(ends[0]); i++)
		if (strcasecmp(dot + 1, ends[i]) == 0)
			return 1;
	return 0;
}

/* One look at every file: the sum of their states, which no order changes, and the last change of
 * one. */
struct look {
	uint64_t state;
	time_t newest;
};

static void
look_at_file(struct look *l, const char *name, const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return;
	l->state += file_state(name, st);
	if (st->st_ctime > l->newest)
		l->newest = st->st_ctime;
}

static void
look_at(const char *path, struct look *l)
{
	struct dirent *d;
	struct stat st;
	DIR *dir;

	*l = (struct look){ 0 };
	if (stat(path, &st) == -1)
		return;
	if (!S_ISDIR(st.st_mode)) {
		look_at_file(l, "", &st);
		return;
	}
	l->newest = st.st_ctime;
	dir = opendir(path);
	if (dir == NULL)
		return;
	while ((d = readdir(dir)) != NULL)
		if (is_database(d->d_name) && fstatat(dirfd(dir), d->d_name, &st, 0) == 0)
			look_at_file(l, d->d_name, &st);
	closedir(dir);
}

uint64_t
clam_database_state(const char *path)
{
	struct look l;

	look_at(path, &l);
	return l.state;
}

int
clam_database_is_fresh(const char *path, int seconds)
{
	struct look l;

	look_at(path, &l);
	return l.state != 0 && l.newest + seconds > time(NULL);
}
