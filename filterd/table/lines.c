#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "table/braces.h"
#include "table/lines.h"
#include "table/table_type.h"

int
lines_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

int
lines_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

char *
lines_skip_blank(char *s)
{
	while (lines_blank(*s))
		s++;
	return s;
}

char *
lines_trim(char *s)
{
	size_t n;

	s = lines_skip_blank(s);
	for (n = strlen(s); n > 0 && lines_blank(s[n - 1]); n--)
		;
	s[n] = '\0';
	return s;
}

static int
read_all(int fd, struct buf *all, const char *path, struct err *err)
{
	ssize_t n;

	for (;;) {
		if (all->len > TABLE_FILE_MAX) {
			err_set(err, ERR_CONFIG, "%s: must not be larger than %zu MB", path,
			    TABLE_FILE_MAX >> 20);
			return -1;
		}
		n = read(fd, buf_reserve(all, 65536), 65536);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			err_set(err, ERR_SYSTEM, "read %s: %s", path, strerror(errno));
			return -1;
		}
		if (n == 0)
			return 0;
		all->len += (size_t)n;
	}
}

static int
same_version(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Someone may be writing the file this moment; a few tries give one version instead of a mixture,
 * and what comes later is seen by the next refresh. */
static int
read_file(struct buf *all, const char *path, struct err *err)
{
	struct stat before, after;
	int fd, rc = -1;

	/* Not blocked by a FIFO without a writer. */
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) == -1) {
		err_set(err, ERR_SYSTEM, "open %s: %s", path, strerror(errno));
		return -1;
	}
	for (int tries = 0; tries < 3; tries++) {
		if (fstat(fd, &before) == -1 || lseek(fd, 0, SEEK_SET) == -1) {
			err_set(err, ERR_SYSTEM, "%s: %s", path, strerror(errno));
			goto out;
		}
		if (!S_ISREG(before.st_mode) && !S_ISCHR(before.st_mode)) { /* /dev/null is fine */
			err_set(err, ERR_CONFIG, "%s: must be a regular file", path);
			goto out;
		}
		buf_reset(all);
		if (read_all(fd, all, path, err) == -1)
			goto out;
		if (fstat(fd, &after) == 0 && same_version(&before, &after))
			break;
	}
	rc = 0;
out:
	close(fd);
	return rc;
}

/* `{ { rule }, { rule } }` as if each rule were a line of a file. */
static int
read_braces(struct buf *all, const struct table *t, struct err *err)
{
	struct arena *a = arena_new();
	char *rest = arena_strdup(a, t->name), *rule;
	int rc;

	rc = braces_strip(&rest, 0, err);
	while (rc == 0 && (rule = braces_next(&rest)) != NULL) {
		if ((rc = braces_strip(&rule, 1, err)) == 0) {
			buf_adds(all, rule);
			buf_addc(all, '\n');
		}
	}
	arena_free(a);
	if (rc == -1)
		err_prefix(err, "%.200s", t->full);
	return rc;
}

/* FNV-1a: tells one version from the next, nothing more. */
static uint64_t
digest(const struct buf *b)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < b->len; i++)
		h = (h ^ (uint8_t)b->p[i]) * 0x100000001b3u;
	return h;
}

int
lines_open(struct lines *l, struct table *t, struct err *err)
{
	int rc;

	memset(l, 0, sizeof(*l));
	l->table = t;
	l->number = 1;
	rc = t->file != NULL ? read_file(&l->all, t->file, err) : read_braces(&l->all, t, err);
	if (rc == -1) {
		lines_close(l);
		return -1;
	}
	t->digest = digest(&l->all);
	return 0;
}

void
lines_close(struct lines *l)
{
	buf_fini(&l->all);
	buf_fini(&l->line);
}

/* The physical line at l->at, without its newline. */
static struct span
physical(struct lines *l)
{
	const char *p = l->all.p + l->at, *nl;
	size_t left = l->all.len - l->at;
	struct span line;

	nl = memchr(p, '\n', left);
	line = span_make(p, nl == NULL ? left : (size_t)(nl - p));
	l->at += line.len + (nl != NULL);
	l->number++;
	return line;
}

static int
is_comment(struct span line)
{
	size_t i = 0;

	while (i < line.len && lines_blank((char)line.p[i]))
		i++;
	return i == line.len || line.p[i] == '#';
}

/* Does the line at l->at belong to the logical line before it? */
static int
continues(const struct lines *l)
{
	char c;

	if (l->at == l->all.len)
		return 0;
	c = l->all.p[l->at];
	return c == '#' || lines_blank(c);
}

char *
lines_next(struct lines *l, int *number)
{
	char *text;

	while (l->at < l->all.len) {
		struct span line;

		*number = l->number;
		if (is_comment(line = physical(l)))
			continue;
		buf_reset(&l->line);
		buf_add_span(&l->line, line);
		while (continues(l))
			if (!is_comment(line = physical(l)))
				buf_add_span(&l->line, line);
		if (lines_blank(l->line.p[0])) {
			table_warn(l->table, *number,
			    "a logical line must not start with white space: ignoring \"%.30s\"",
			    buf_cstr(&l->line));
			continue;
		}
		if (memchr(l->line.p, '\0', l->line.len) != NULL)
			table_warn(l->table, *number, "ignoring what follows a NUL byte");
		buf_cstr(&l->line);
		if (*(text = lines_trim(l->line.p)) != '\0')
			return text;
	}
	return NULL;
}

/* -1: a quote is not closed. */
static int
split(char *line, char **key, char **value)
{
	int quoted = 0;
	char *p;

	for (p = line; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && lines_blank(*p))
			break;
	}
	if (quoted)
		return -1;
	*key = line;
	*value = lines_skip_blank(p);
	*p = '\0';
	return 0;
}

int
lines_row(const struct table *t, char *line, int number, char **key, char **value)
{
	if (split(line, key, value) == -1) {
		table_warn(t, number, "unbalanced '\"' in \"%.100s\": ignoring this line", line);
		return 0;
	}
	if (**key == '\0' || **value == '\0') {
		table_warn(t, number,
		    "expected \"key white-space value\", found \"%.100s\": ignoring this line",
		    *key);
		return 0;
	}
	if ((*key)[strlen(*key) - 1] == ':')
		table_warn(
		    t, number, "the key \"%.100s\" ends in ':'; is this an alias file?", *key);
	return 1;
}
