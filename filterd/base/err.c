#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

void
err_set(struct err *e, enum err_class class, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return;
	e->class = class;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
}

void
err_prefix(struct err *e, const char *fmt, ...)
{
	char old[sizeof(e->text)];
	va_list ap;
	size_t n;

	if (e == NULL)
		return;
	memcpy(old, e->text, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof(e->text) - n, ": %s", old);
}

void
err_clear(struct err *e)
{
	if (e == NULL)
		return;
	e->class = ERR_NONE;
	e->text[0] = '\0';
}

const char *
err_class_name(enum err_class c)
{
	switch (c) {
	case ERR_NONE:
		return "none";
	case ERR_LIMIT:
		return "limit";
	case ERR_RETRY:
		return "retry";
	case ERR_CONFIG:
		return "config";
	case ERR_PEER:
		return "peer";
	case ERR_SYSTEM:
		return "system";
	}
	return "unknown";
}
