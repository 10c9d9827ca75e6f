/*
 * unix - the system's users and groups: unix:passwd.byname, unix:group.byname
 *
 * Values are the lines of passwd(5) and group(5).
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "base/arena.h"
#include "base/blocking.h"
#include "base/err.h"
#include "base/text.h"
#include "table/table_type.h"

/* An entry with all its members. */
#define ENTRY_MIN ((size_t)4096)
#define ENTRY_MAX ((size_t)4 << 20)

/* 1 with *value, 0, or -1 with errno; ERANGE: size is too small. */
typedef int unix_find(const char *key, struct arena *, size_t size, const char **value);

static const char *
text(const char *s)
{
	return s == NULL ? "" : s;
}

static int
passwd_find(const char *key, struct arena *a, size_t size, const char **value)
{
	struct passwd room, *pw;

	if ((errno = getpwnam_r(key, &room, arena_alloc(a, size), size, &pw)) != 0)
		return -1;
	if (pw == NULL)
		return 0;
	*value = arena_printf(a, "%s:%s:%ld:%ld:%s:%s:%s", pw->pw_name, text(pw->pw_passwd),
	    (long)pw->pw_uid, (long)pw->pw_gid, text(pw->pw_gecos), text(pw->pw_dir),
	    text(pw->pw_shell));
	return 1;
}

/* Is there a data base at all?  root is in each. */
static int
passwd_there(struct arena *a)
{
	struct passwd room, *pw;

	return getpwuid_r(0, &room, arena_alloc(a, ENTRY_MIN), ENTRY_MIN, &pw) == 0 && pw != NULL;
}

static int
group_find(const char *key, struct arena *a, size_t size, const char **value)
{
	struct group room, *gr;
	size_t len = 1;
	char *members;

	if ((errno = getgrnam_r(key, &room, arena_alloc(a, size), size, &gr)) != 0)
		return -1;
	if (gr == NULL)
		return 0;
	for (char **m = gr->gr_mem; *m != NULL; m++)
		len += strlen(*m) + 1;
	members = arena_calloc(a, len);
	for (char **m = gr->gr_mem, *to = members; *m != NULL; m++) {
		to = stpcpy(to, *m);
		if (m[1] != NULL)
			*to++ = ',';
	}
	*value = arena_printf(
	    a, "%s:%s:%ld:%s", gr->gr_name, text(gr->gr_passwd), (long)gr->gr_gid, members);
	return 1;
}

static int
group_there(struct arena *a)
{
	struct group room, *gr;

	return getgrgid_r(0, &room, arena_alloc(a, ENTRY_MIN), ENTRY_MIN, &gr) == 0 && gr != NULL;
}

struct unix_map {
	const char *name;
	unix_find *find;
	int (*there)(struct arena *);
};

static const struct unix_map maps[] = {
	{ "passwd.byname", passwd_find, passwd_there },
	{ "group.byname", group_find, group_there },
};

static int
unix_open(struct table *t, struct err *err)
{
	for (size_t i = 0; i < nitems(maps); i++)
		if (strcmp(t->name, maps[i].name) == 0) {
			t->data = (void *)&maps[i];
			return 0;
		}
	err_set(
	    err, ERR_CONFIG, "%.200s: must be unix:passwd.byname or unix:group.byname", t->full);
	return -1;
}

/* What some libraries say of a name that is not there, see getpwnam(3). */
static int
means_absent(int why)
{
	return why == ENOENT || why == ESRCH || why == EBADF || why == EPERM;
}

static int
unix_get(
    const struct table *t, struct span key, struct arena *a, struct table_hit *hit, struct err *err)
{
	const struct unix_map *map = t->data;
	char *name = arena_alloc(a, key.len + 1);
	size_t size = ENTRY_MIN;
	int rc, why;

	if (key.len > 0)
		memcpy(name, key.p, key.len);
	name[key.len] = '\0';
	text_lower(name);
	hit->file = NULL;
	hit->line = 0;
	blocking_begin(); /* it may be a directory server that is asked */
	while ((rc = map->find(name, a, size, &hit->value)) == -1 && (why = errno) == ERANGE &&
	       size < ENTRY_MAX)
		size *= 4;
	if (rc == -1 && means_absent(why))
		rc = 0;
	if (rc == 0 && !map->there(a)) {
		rc = -1;
		why = ENOENT;
	}
	blocking_end();
	if (rc == -1)
		err_set(err, ERR_RETRY, "%.200s: %s", t->full, strerror(why));
	return rc;
}

static void
unix_each(const struct table *t,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg)
{
	/* Its lines are no rules. */
}

const struct table_type table_type_unix = {
	.type = "unix",
	.text = "the system's users or groups: unix:passwd.byname, unix:group.byname",
	.name = TABLE_NAME_TEXT,
	.open = unix_open,
	.get = unix_get,
	.each = unix_each,
};
