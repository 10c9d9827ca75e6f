/* A whole configuration from memory: lines, references, values, listeners, and printing it. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/attr.h"
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
note(void *arg, const struct conf_finding *f)
{
	size_t *n = arg;

	*n += f->text[0] != '\0';
}

static void
unused(void *arg, const char *name, const char *file, int line)
{
	size_t *n = arg;

	*n += name[0] != '\0' && file != NULL && line > 0;
}

/* Where each octet of some values stands. */
static void
lines(const struct conf *c, const struct conf_listener *l)
{
	static const char *const names[] = { "smtpd_recipient_restrictions", "a", "listeners" };
	struct arena *arena = arena_new();

	for (size_t i = 0; i < nitems(names); i++) {
		const char *file, *value;
		int line;

		value = conf_site_value(c, l, names[i], arena, &file, &line);
		for (size_t at = 0; value != NULL && at < 20 && at <= strlen(value); at++)
			if (conf_item_line(c, l, names[i], value, at, &file) < line)
				__builtin_trap();
	}
	arena_free(arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct conf_view set = { .show = CONF_SHOW_SET };
	struct conf_view all = { .expanded = 1 };
	size_t told = 0;
	struct conf *c = conf_load_text(span_make(data, size), "fuzz", note, &told);
	FILE *null;

	if (c == NULL)
		return told == 0 ? (__builtin_trap(), 0) : 0; /* a refusal must say why */
	null = fopen("/dev/null", "w");
	if (null != NULL) {
		(void)conf_print(c, &all, NULL, 0, null, null);
		if (conf_listener_count(c) > 0)
			all.listener = conf_listener(c, 0);
		(void)conf_print(c, &all, NULL, 0, null, null);
		(void)conf_print(c, &set, NULL, 0, null, null);
		fclose(null);
	}
	conf_unused_each(c, unused, &told);
	lines(c, all.listener);
	conf_free(c);
	return 0;
}
