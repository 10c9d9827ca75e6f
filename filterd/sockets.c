#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "ctl/settings.h"
#include "proc/privs.h"
#include "program.h"

#define PATH_SIZE 4096
/* A predecessor whose supervisor was killed lets go of its sockets as soon as it notices. */
#define BIND_PATIENCE_MS 2000
#define BIND_PAUSE_MS    20

/* --- folders --- */

/* By descriptor: the name may mean something else by now, where somebody else may write. */
static int
give_to(const char *path, const struct passwd *owner, struct err *err)
{
	int fd, rc;

	if (owner == NULL)
		return 0;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	rc = fd == -1 ? -1 : fchown(fd, owner->pw_uid, owner->pw_gid);
	if (rc == -1)
		err_set(err, ERR_SYSTEM, "%s: %s", path, strerror(errno));
	if (fd != -1)
		close(fd);
	return rc;
}

/* Make the folder and what is missing above it.  Only what was made here changes its owner: the
 * administrator's own arrangement is left alone. */
static int
make_folder(const char *path, mode_t mode, const struct passwd *owner, struct err *err)
{
	char part[PATH_SIZE];
	size_t len = strlen(path);

	if (len >= sizeof(part)) {
		err_set(err, ERR_CONFIG, "%.60s...: the path is too long", path);
		return -1;
	}
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, i < len ? 0755 : mode) == 0) {
			if (i == len && give_to(part, owner, err) == -1)
				return -1;
		} else if (errno != EEXIST && (i == len || errno != EACCES)) {
			err_set(err, ERR_SYSTEM, "%s: %s", part, strerror(errno));
			return -1;
		}
	}
	return 0;
}

static int
make_parent(const char *path, mode_t mode, const struct passwd *owner, struct err *err)
{
	char parent[PATH_SIZE];
	const char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		return 0;
	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	return make_folder(parent, mode, owner, err);
}

static int
make_folders(const struct conf *conf, const struct passwd *owner, struct err *err)
{
	const struct params *p = conf_params(conf);
	const char *const private[] = { p->state_directory, p->spool_directory, p->hold_directory };

	for (size_t i = 0; i < nitems(private); i++)
		if (make_folder(private[i], 0700, owner, err) == -1)
			return -1;
	if (make_parent(p->control_socket, 0755, owner, err) == -1)
		return -1;
	for (size_t i = 0; i < conf_listener_count(conf); i++) {
		const struct endpoint *e = &conf_listener(conf, i)->endpoint;

		if (e->kind == ENDPOINT_UNIX && make_parent(e->path, 0755, owner, err) == -1)
			return -1;
	}
	return 0;
}

/* --- sockets --- */

void
program_socket_text(const struct conf_listener *l, char *out, size_t size)
{
	char at[300];

	endpoint_format(&l->endpoint, at, sizeof(at));
	snprintf(out, size, "%s:%s", listener_kind_name(l->kind), at);
}

static int
open_one(const struct conf_listener *l, const char *group, struct deadline until, struct err *err)
{
	struct listen_options o;
	int fd;

	if (settings_listen(l->params, &o, err) == -1)
		return -1;
	if (o.group == NULL)
		o.group = group;
	while ((fd = listen_open(&l->endpoint, &o, err)) == -1 && err->class != ERR_CONFIG &&
	       !deadline_passed(until))
		poll(NULL, 0, BIND_PAUSE_MS);
	if (fd == -1)
		err_prefix(err, "listener %s", l->name);
	return fd;
}

static int
open_all(struct program *prog, int *fds, const char *group, struct err *err)
{
	struct deadline until = deadline_in_ms(BIND_PATIENCE_MS);
	char text[400];

	for (size_t i = 0; i < prog->nsockets; i++) {
		const struct conf_listener *l = conf_listener(prog->conf, i);

		if ((fds[i] = open_one(l, group, until, err)) == -1)
			return -1;
		program_socket_text(l, text, sizeof(text));
		prog->sockets[i] = xstrdup(text);
	}
	return 0;
}

int
program_open_listeners(void *arg, int *fds, size_t n, struct err *err)
{
	struct program *prog = arg;
	const struct passwd *owner = geteuid() == 0 ? getpwnam(prog->user) : NULL;
	const struct group *gr = owner == NULL ? NULL : getgrgid(owner->pw_gid);
	char *group = gr == NULL ? NULL : xstrdup(gr->gr_name);
	int rc = -1;

	prog->nsockets = n;
	prog->sockets = xcalloc(n + 1, sizeof(*prog->sockets));
	if (make_folders(prog->conf, owner, err) == 0 && open_all(prog, fds, group, err) == 0)
		rc = 0;
	/* The supervisor needs no more of it, and each worker reads its own. */
	conf_free(prog->conf);
	prog->conf = NULL;
	free(group);
	malloc_trim(0);
	return rc;
}

/* --- the log's file --- */

/* May filter_user put links into the file's folder? */
static int
user_writes_folder(const char *path, const struct passwd *owner)
{
	char folder[PATH_SIZE];
	const char *slash = strrchr(path, '/');
	struct stat st;

	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path + 1), path);
	if (stat(folder, &st) == -1)
		return 1;
	return st.st_uid == owner->pw_uid || (st.st_mode & S_IWOTH) != 0 ||
	       (st.st_gid == owner->pw_gid && (st.st_mode & S_IWGRP) != 0);
}

/* The supervisor opens the file and the worker must be able to open it again.  In a folder of
 * filter_user's it is opened as that user; elsewhere as root, and then given away. */
static int
with_log_rights(const struct program *prog, int (*f)(const void *, struct err *), const void *arg,
    struct err *err)
{
	const struct passwd *owner = NULL;
	int rc;

	if (prog->log_path != NULL && geteuid() == 0)
		owner = getpwnam(prog->user);
	if (owner == NULL)
		return f(arg, err);
	if (user_writes_folder(prog->log_path, owner)) {
		if (privs_borrow(prog->user, err) == -1)
			return -1;
		rc = f(arg, err);
		privs_return();
		return rc;
	}
	rc = f(arg, err);
	if (rc == 0 && lchown(prog->log_path, owner->pw_uid, owner->pw_gid) == -1) {
		err_set(err, ERR_SYSTEM, "log_to %s: %s", prog->log_path, strerror(errno));
		rc = -1;
	}
	return rc;
}

static int
open_it(const void *options, struct err *err)
{
	return log_open(options, err);
}

static int
reopen_it(const void *unused, struct err *err)
{
	(void)unused;
	(void)err;
	log_reopen();
	return 0;
}

int
program_open_log(struct program *prog, const struct params *p, struct err *err)
{
	struct log_options o;

	if (settings_log(p, &o, err) == -1)
		return -1;
	prog->log_stderr = o.target == LOG_TO_STDERR;
	if (o.target == LOG_TO_FILE)
		prog->log_path = xstrdup(o.path);
	return with_log_rights(prog, open_it, &o, err);
}

void
program_reopen_log(void *arg)
{
	struct err err;

	if (with_log_rights(arg, reopen_it, NULL, &err) == -1)
		log_error(NULL, NULL, "%s", err.text);
}
