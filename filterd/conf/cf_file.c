#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/xmem.h"
#include "conf/cf_file.h"
#include "conf/reporter.h"

struct cf_file {
	struct arena *arena;
	struct reporter *rep;
	struct cf_entry **entries;
	size_t n, cap;
	void *by_name; /* tsearch(3) tree of the entries that hold */
	int full;      /* CF_ENTRIES_MAX was reached and told */
};

/* A file that is being read, and the logical line that is being gathered. */
struct source {
	struct cf_file *f;
	const struct source *up; /* the file that includes this one */
	const char *name;
	dev_t dev;
	ino_t ino;
	int depth;
	int in_memory;
	int line;       /* physical */
	struct buf raw; /* the logical line */
	int start;      /* its first line; 0: none is open */
	int bad;        /* told: it makes no entry */
};

static void read_file(struct cf_file *, const struct source *up, int line, const char *path);

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct cf_entry *)a)->name, ((const struct cf_entry *)b)->name);
}

struct cf_file *
cf_file_new(struct arena *arena, struct reporter *rep)
{
	struct cf_file *f = xcalloc(1, sizeof(*f));

	f->arena = arena;
	f->rep = rep;
	return f;
}

static void
keep(void *entry)
{
	(void)entry; /* it lives in the arena */
}

void
cf_file_free(struct cf_file *f)
{
	if (f == NULL)
		return;
	tdestroy(f->by_name, keep);
	free(f->entries);
	free(f);
}

const struct cf_entry *
cf_file_get(const struct cf_file *f, const char *name)
{
	struct cf_entry key = { .name = name };
	struct cf_entry **at = tfind(&key, &f->by_name, by_name);

	return at == NULL ? NULL : *at;
}

size_t
cf_file_count(const struct cf_file *f)
{
	return f->n;
}

const struct cf_entry *
cf_file_at(const struct cf_file *f, size_t i)
{
	return f->entries[i];
}

int
cf_entry_line(const struct cf_entry *e, size_t offset)
{
	int line = e->value_line;

	for (size_t i = 0; i < offset && e->raw[i] != '\0'; i++)
		line += e->raw[i] == '\n';
	return line;
}

static int
is_blank(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct span
trim(struct span s)
{
	while (s.len > 0 && is_blank(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

const char *
cf_join(struct arena *arena, struct span raw)
{
	struct buf b = { 0 };
	struct span piece;
	char *s;

	while (raw.len > 0) {
		span_cut(raw, '\n', &piece, &raw);
		piece = trim(piece);
		if (piece.len > 0 && b.len > 0)
			buf_addc(&b, ' ');
		buf_add_span(&b, piece);
	}
	s = arena_strdup(arena, buf_cstr(&b));
	buf_fini(&b);
	return s;
}

/* Make the entry the one that holds. */
static void
index_entry(struct cf_file *f, struct cf_entry *e)
{
	struct cf_entry **at = tsearch(e, &f->by_name, by_name);

	if (at == NULL || *at == e)
		return;
	reporter_tell(f->rep, CONF_WARNING, e->file, e->line,
	    "%s: is set again and this value holds; the earlier one is at %s:%d", e->name,
	    (*at)->file, (*at)->line);
	*at = e;
}

static void
add_entry(struct source *s, struct span name, struct span raw)
{
	struct cf_file *f = s->f;
	struct cf_entry *e;

	if (f->n >= CF_ENTRIES_MAX) {
		if (!f->full)
			reporter_tell(f->rep, CONF_ERROR, s->name, s->start,
			    "there must be at most %d settings", CF_ENTRIES_MAX);
		f->full = 1;
		return;
	}
	e = arena_calloc(f->arena, sizeof(*e));
	e->name = name.p == NULL ? NULL : arena_str(f->arena, name);
	e->raw = arena_str(f->arena, raw);
	e->value = cf_join(f->arena, raw);
	e->file = s->name;
	e->line = e->value_line = s->start;
	for (const uint8_t *p = name.p; p != NULL && p < raw.p; p++)
		e->value_line += *p == '\n';
	if (f->n == f->cap) {
		f->cap = f->cap == 0 ? 64 : f->cap * 2;
		f->entries = xreallocarray(f->entries, f->cap, sizeof(struct cf_entry *));
	}
	f->entries[f->n++] = e;
	if (e->name != NULL)
		index_entry(f, e);
}

/* A name's characters; '-' and '.' are for Postfix's TRANSPORT_destination_... */
static int
name_char(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.';
}

/* Where an include is looked for: beside the file it stands in. */
static char *
include_path(const struct source *s, struct span path)
{
	const char *slash = strrchr(s->name, '/');

	if (path.p[0] == '/' || slash == NULL)
		return xstrndup((const char *)path.p, path.len);
	return xasprintf(
	    "%.*s/%.*s", (int)(slash - s->name), s->name, (int)path.len, (const char *)path.p);
}

static void
do_include(struct source *s, struct span path)
{
	struct reporter *rep = s->f->rep;
	char *full;

	if (path.len == 0) {
		reporter_tell(rep, CONF_ERROR, s->name, s->start,
		    "include: found nothing, expected the path of a file");
	} else if (s->in_memory) {
		reporter_tell(
		    rep, CONF_ERROR, s->name, s->start, "include: works only inside a file");
	} else if (memchr(path.p, '\n', path.len) != NULL) {
		reporter_tell(rep, CONF_ERROR, s->name, s->start,
		    "include: found more than one line, expected the path of a file");
	} else {
		full = include_path(s, path);
		read_file(s->f, s, s->start, full);
		free(full);
	}
}

/* NAME = VALUE; value is what stands behind the "=". */
static void
take_setting(struct source *s, struct span name, struct span value)
{
	struct reporter *rep = s->f->rep;
	size_t good = 0;

	while (good < name.len && name_char(name.p[good]))
		good++;
	if (name.len == 0)
		reporter_tell(rep, CONF_ERROR, s->name, s->start,
		    "found \"= %.60s\", expected NAME = VALUE: the name is missing",
		    cf_join(s->f->arena, value));
	else if (good < name.len)
		reporter_tell(rep, CONF_ERROR, s->name, s->start,
		    "found the name \"%.*s\", expected letters, digits and _",
		    (int)(name.len > 60 ? 60 : name.len), (const char *)name.p);
	else
		add_entry(s, name, value);
}

static void
take_logical(struct source *s, struct span raw)
{
	struct span name = { .p = raw.p }, after;

	while (name.len < raw.len && !is_blank(raw.p[name.len]) && raw.p[name.len] != '=')
		name.len++;
	after = trim(span_make(raw.p + name.len, raw.len - name.len));
	if (after.len > 0 && after.p[0] == '=')
		take_setting(s, name, span_make(after.p + 1, after.len - 1));
	else if (span_eq_str(name, "include"))
		do_include(s, after);
	else
		reporter_tell(s->f->rep, CONF_ERROR, s->name, s->start,
		    "found \"%.60s\", expected NAME = VALUE: \"=\" is missing",
		    cf_join(s->f->arena, raw));
}

/* The logical line is complete. */
static void
end_line(struct source *s)
{
	if (s->start != 0 && !s->bad)
		take_logical(s, trim(buf_span(&s->raw)));
	buf_reset(&s->raw);
	s->start = s->bad = 0;
}

/* Add a physical line to the logical one. */
static void
gather(struct source *s, struct span line)
{
	if (s->bad)
		return;
	if (memchr(line.p, '\0', line.len) != NULL) {
		reporter_tell(
		    s->f->rep, CONF_ERROR, s->name, s->line, "found a NUL octet, expected text");
		s->bad = 1;
	} else if (s->raw.len + line.len + 1 > CF_LINE_MAX) {
		reporter_tell(s->f->rep, CONF_ERROR, s->name, s->start,
		    "a line and what continues it must have at most %u octets", CF_LINE_MAX);
		s->bad = 1;
	} else {
		if (s->line != s->start)
			buf_addc(&s->raw, '\n');
		buf_add_span(&s->raw, line);
	}
}

static void
take_line(struct source *s, struct span line)
{
	struct span text = trim(line);

	s->line++;
	if (text.len == 0 || text.p[0] == '#') {
		if (s->start != 0)
			gather(s, span_make("", 0));
		return;
	}
	if (!is_blank(line.p[0])) {
		end_line(s);
		s->start = s->line;
	} else if (s->start == 0) {
		/* Postfix warns and goes on, so it must be known how strict we are to be. */
		s->start = s->line;
		if (memchr(text.p, '\0', text.len) == NULL && text.len < CF_LINE_MAX)
			add_entry(s, (struct span){ .p = NULL }, text);
		s->bad = 1;
	}
	gather(s, line);
}

static void
take_text(struct source *s, struct span text)
{
	struct span line;

	if (text.len >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		text = span_make(text.p + 3, text.len - 3); /* some editors' mark for UTF-8 */
	while (text.len > 0) {
		span_cut(text, '\n', &line, &text);
		take_line(s, line);
	}
	end_line(s);
	buf_fini(&s->raw);
}

void
cf_file_text(struct cf_file *f, struct span text, const char *name)
{
	struct source s = { .f = f, .name = arena_strdup(f->arena, name), .in_memory = 1 };

	take_text(&s, text);
}

static int
slurp(int fd, struct buf *b)
{
	ssize_t n;

	while (b->len <= CF_FILE_MAX) {
		n = read(fd, buf_reserve(b, 65536), 65536);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		b->len += (size_t)n;
	}
	errno = EFBIG;
	return -1;
}

/* May this file be read?  Says why not, or NULL. */
static const char *
refuse(const struct source *s, const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		return "must be a file, found a folder";
	if (!S_ISREG(st->st_mode) && !S_ISCHR(st->st_mode))
		return "must be a regular file";
	for (const struct source *u = s->up; u != NULL; u = u->up)
		if (u->dev == st->st_dev && u->ino == st->st_ino)
			return "must not include itself";
	if (s->depth > CF_INCLUDE_DEPTH)
		return "include must not be nested deeper than 10 files";
	return NULL;
}

/* line: where the include stands; the file that is asked for by the user has none. */
static void
read_file(struct cf_file *f, const struct source *up, int line, const char *path)
{
	struct source s = { .f = f, .up = up, .name = arena_strdup(f->arena, path) };
	const char *at = up == NULL ? s.name : up->name, *why;
	struct buf b = { 0 };
	struct stat st;
	int fd;

	s.depth = up == NULL ? 0 : up->depth + 1;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a FIFO must not hang us */
	if (fd == -1 || fstat(fd, &st) == -1) {
		reporter_tell(f->rep, CONF_ERROR, at, line, "%s: %s", path, strerror(errno));
		goto out;
	}
	why = refuse(&s, &st);
	if (why != NULL) {
		reporter_tell(f->rep, CONF_ERROR, at, line, "%s: %s", path, why);
		goto out;
	}
	s.dev = st.st_dev;
	s.ino = st.st_ino;
	if (slurp(fd, &b) == -1) {
		reporter_tell(f->rep, CONF_ERROR, at, line, "%s: %s", path, strerror(errno));
		goto out;
	}
	take_text(&s, buf_span(&b));
out:
	buf_fini(&b);
	if (fd != -1)
		close(fd);
}

void
cf_file_read(struct cf_file *f, const char *path)
{
	read_file(f, NULL, 0, path);
}
