/*
 * A table file and a key.  Input: one octet that chooses the type, the key up to a newline, the
 * file's text.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"
#include "table/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
count(void *arg, const struct table_finding *f)
{
	assert(f->text != NULL && f->file != NULL);
	++*(size_t *)arg;
}

static void
value(void *arg, const char *text, const char *file, int line)
{
	*(size_t *)arg += strlen(text);
}

/*
 * glibc takes exponential time for back references when it matches, and for repetitions of
 * repetitions when it compiles, as each doubles what it repeats; who writes them has to know.
 */
static int
explodes(struct span text)
{
	size_t plus = 0;

	for (size_t i = 0; i < text.len; i++) {
		int repeats = text.p[i] == '+' || text.p[i] == '*' || text.p[i] == '?';

		plus += text.p[i] == '+';
		if (plus > 3 || text.p[i] == '{' ||
		    (repeats && i > 0 && strchr("+*?", text.p[i - 1]) != NULL &&
			text.p[i - 1] != '\0') ||
		    (text.p[i] == '\\' && i + 1 < text.len && text.p[i + 1] >= '1' &&
			text.p[i + 1] <= '9'))
			return 1;
	}
	return 0;
}

static void
ask(const char *name, struct span key)
{
	struct arena *a = arena_new();
	struct table_hit hit = { 0 };
	struct err err = { 0 };
	size_t n = 0;
	struct table *t = table_open(name, count, &n, &err);

	if (t == NULL) {
		assert(err.class != ERR_NONE && err.text[0] != '\0');
	} else {
		int rc = table_get(t, key, a, &hit, &err);

		if (rc == 1)
			n += strlen(hit.value);
		assert(rc != -1 || err.class != ERR_NONE);
		table_each(t, value, &n);
		table_close(t);
	}
	arena_free(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = { "texthash", "pcre", "regexp", "cidr", "", "", "" };
	static const char *const names[] = { "inline", "unionmap", "pcre" };
	struct span key, text;
	char name[4096];
	size_t type;
	int fd;

	if (size == 0 || size > 3000)
		return 0;
	type = data[0] % nitems(types);
	span_cut(span_make(data + 1, size - 1), '\n', &key, &text);
	if (type == 2 && explodes(text))
		return 0;
	if (type >= 4) { /* the text is the table's name; files in it are left alone */
		snprintf(name, sizeof(name), "%s:{%.*s}", names[type - 4], (int)text.len,
		    (const char *)text.p);
		if (memchr(name, '/', strlen(name)) == NULL || type == 6)
			ask(name, key);
		return 0;
	}
	if ((fd = memfd_create("table", MFD_CLOEXEC)) == -1 ||
	    write(fd, text.p, text.len) != (ssize_t)text.len)
		abort();
	snprintf(name, sizeof(name), "%s:/proc/self/fd/%d", types[type], fd);
	ask(name, key);
	close(fd);
	return 0;
}
