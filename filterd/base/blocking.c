#include <stddef.h>

#include "base/blocking.h"

static _Thread_local const struct blocking_hook *hook;

void
blocking_set(const struct blocking_hook *h)
{
	hook = h;
}

void
blocking_begin(void)
{
	if (hook != NULL)
		hook->begin(hook->arg);
}

void
blocking_end(void)
{
	if (hook != NULL)
		hook->end(hook->arg);
}
