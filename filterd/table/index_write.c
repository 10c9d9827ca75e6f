#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "config.h"
#include "table/index_write.h"
#include "table/lines.h"
#include "table/table_type.h"

static const struct index_writer *const writers[] = {
#ifdef HAVE_DB
	&index_writer_btree,
	&index_writer_hash,
#endif
#ifdef HAVE_CDB
	&index_writer_cdb,
#endif
#ifdef HAVE_LMDB
	&index_writer_lmdb,
#endif
	NULL,
};

/* One file being made. */
struct job {
	const struct index_writer *writer;
	const struct index_write_options *opt;
	struct table source; /* for what reads lines and tells warnings */
	struct stat st;      /* the source's */
	char *path, *draft;
	int nul;
	void *state; /* the writer's */
};

static const struct index_writer *
writer_find(const char *type_name, const char **path, struct err *err)
{
	struct span type, rest;

	if (!span_cut(span_str(type_name), ':', &type, &rest) || rest.len == 0) {
		err_set(
		    err, ERR_CONFIG, "\"%.200s\": a table must have the form TYPE:FILE", type_name);
		return NULL;
	}
	*path = (const char *)rest.p;
	for (size_t i = 0; writers[i] != NULL; i++)
		if (span_eq_str(type, writers[i]->type))
			return writers[i];
	err_set(err, ERR_CONFIG, "%.200s: tables of this type are not made by postmap", type_name);
	return NULL;
}

/* --- root and the source's owner --- */

struct identity {
	int changed;
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	int ngroups;
};

static int
identity_set(uid_t uid, gid_t gid, const gid_t *groups, int ngroups)
{
	/* The user last: without root's rights the others cannot be set. */
	return setgroups((size_t)ngroups, groups) == -1 || setegid(gid) == -1 || seteuid(uid) == -1
		   ? -1
		   : 0;
}

static int
identity_become(struct identity *id, const struct job *j, struct arena *a, struct err *err)
{
	id->uid = geteuid();
	id->gid = getegid();
	if (j->opt->keep_root || id->uid != 0 ||
	    (j->st.st_uid == id->uid && j->st.st_gid == id->gid))
		return 0;
	if ((id->ngroups = getgroups(0, NULL)) == -1)
		goto bad;
	id->groups = arena_alloc(a, ((size_t)id->ngroups + 1) * sizeof(gid_t));
	if ((id->ngroups = getgroups(id->ngroups, id->groups)) == -1)
		goto bad;
	id->changed = 1;
	if (identity_set(j->st.st_uid, j->st.st_gid, &j->st.st_gid, 1) == 0)
		return 0;
bad:
	err_set(err, ERR_SYSTEM, "%s: becoming its owner: %s", j->source.file, strerror(errno));
	return -1;
}

static int
identity_return(const struct identity *id, struct err *err)
{
	if (!id->changed)
		return 0;
	if (seteuid(id->uid) == 0 && identity_set(id->uid, id->gid, id->groups, id->ngroups) == 0)
		return 0;
	err_set(err, ERR_SYSTEM, "becoming root again: %s", strerror(errno));
	return -1;
}

/* --- the file --- */

static int
draft_make(struct job *j, struct err *err)
{
	/* Not more than the source's readers may read. */
	mode_t mode = j->opt->plain_mode ? 0644 : 0600 | (j->st.st_mode & 044);
	int fd = mkostemp(j->draft, O_CLOEXEC);

	if (fd == -1) {
		err_set(err, ERR_SYSTEM, "%s: a file beside it: %s%s", j->path, strerror(errno),
		    geteuid() != getuid() ? " (as the source's owner; -o: as root)" : "");
		j->draft[0] = '\0';
		return -1;
	}
	if (fchmod(fd, mode) == -1) {
		err_set(err, ERR_SYSTEM, "%s: %s", j->draft, strerror(errno));
		close(fd);
		return -1;
	}
	close(fd);
	return 0;
}

static int
sync_path(const char *path, int flags, struct err *err)
{
	int fd = open(path, flags | O_CLOEXEC), rc = -1;

	if (fd == -1 || fsync(fd) == -1)
		err_set(err, ERR_SYSTEM, "%s: %s", path, strerror(errno));
	else
		rc = 0;
	if (fd != -1)
		close(fd);
	return rc;
}

static int
draft_install(struct job *j, struct arena *a, struct err *err)
{
	char *folder = arena_strdup(a, j->path), *slash = strrchr(folder, '/');

	if (sync_path(j->draft, O_RDONLY, err) == -1)
		return -1;
	if (rename(j->draft, j->path) == -1) {
		err_set(err, ERR_SYSTEM, "rename %s to %s: %s", j->draft, j->path, strerror(errno));
		return -1;
	}
	j->draft[0] = '\0';
	if (slash != NULL)
		slash[slash == folder] = '\0';
	return sync_path(slash == NULL ? "." : folder, O_RDONLY | O_DIRECTORY, err);
}

/* --- rows --- */

static int
put_line(struct job *j, char *line, int number, struct err *err)
{
	char *key, *value;
	int rc;

	if (!lines_row(&j->source, line, number, &key, &value))
		return 0;
	if (!j->opt->keep_case)
		text_lower(key);
	rc = j->writer->put(j->state, span_make(key, strlen(key) + (size_t)j->nul),
	    span_make(value, strlen(value) + (size_t)j->nul), j->opt->replace, err);
	if (rc == -1)
		err_prefix(err, "%s, line %d", j->source.file, number);
	else if (rc == 0 && !j->opt->no_warning)
		table_warn(
		    &j->source, number, "duplicate key \"%.100s\": the row before it stays", key);
	return rc == -1 ? -1 : 0;
}

static int
put_lines(struct job *j, struct lines *l, struct err *err)
{
	char *line;
	int number;

	while ((line = lines_next(l, &number)) != NULL)
		if (put_line(j, line, number, err) == -1)
			return -1;
	return 0;
}

static int
make(struct job *j, struct lines *l, struct arena *a, struct err *err)
{
	int rc = -1;

	if (draft_make(j, err) == -1)
		goto out;
	if ((j->state = j->writer->begin(j->draft, l->all.len, err)) == NULL)
		goto out;
	if (put_lines(j, l, err) == -1) {
		j->writer->abort(j->state);
		goto out;
	}
	if (j->writer->finish(j->state, err) == 0)
		rc = draft_install(j, a, err);
out:
	if (j->draft[0] != '\0')
		unlink(j->draft);
	return rc;
}

static int
make_as_owner(struct job *j, struct arena *a, struct err *err)
{
	struct identity id = { 0 };
	struct lines l;
	int rc = -1;

	if (lines_open(&l, &j->source, err) == -1)
		return -1;
	if (stat(j->source.file, &j->st) == -1)
		err_set(err, ERR_SYSTEM, "%s: %s", j->source.file, strerror(errno));
	else if (identity_become(&id, j, a, err) == 0)
		rc = make(j, &l, a, err);
	if (identity_return(&id, rc == 0 ? err : NULL) == -1)
		rc = -1;
	lines_close(&l);
	return rc;
}

int
index_write(const char *type_name, const struct index_write_options *opt, table_warn_fn *warn,
    void *arg, struct err *err)
{
	struct job j = { .opt = opt };
	struct arena *a;
	const char *path;
	int rc;

	if ((j.writer = writer_find(type_name, &path, err)) == NULL)
		return -1;
	a = arena_new();
	j.source.mem = a;
	j.source.full = type_name;
	j.source.name = path;
	j.source.file = path;
	j.source.warn = warn;
	j.source.warn_arg = arg;
	j.path = arena_printf(a, "%s%s", path, j.writer->suffix);
	j.draft = arena_printf(a, "%s.XXXXXX", j.path);
	j.nul = opt->nul == INDEX_NUL_USUAL ? j.writer->nul : opt->nul == INDEX_NUL_YES;
	rc = make_as_owner(&j, a, err);
	arena_free(a);
	return rc;
}
