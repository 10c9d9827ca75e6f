#include <libpsl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/xmem.h"
#include "mail/public_suffix.h"

struct public_suffix {
	psl_ctx_t *list;
};

struct public_suffix *
public_suffix_new(void)
{
	struct public_suffix *s = xcalloc(1, sizeof(*s));

	s->list = psl_latest(NULL);
	return s;
}

void
public_suffix_free(struct public_suffix *s)
{
	if (s == NULL)
		return;
	psl_free(s->list);
	free(s);
}

static const psl_ctx_t *
list_of(const struct public_suffix *s)
{
	return s->list == NULL ? psl_builtin() : s->list;
}

const char *
public_suffix_registered(const struct public_suffix *s, const char *name)
{
	return psl_registrable_domain(list_of(s), name);
}

int
public_suffix_is_top(const struct public_suffix *s, const char *label)
{
	/* Without the star rule: it makes a suffix of what nobody has heard of. */
	return strchr(label, '.') == NULL &&
	       psl_is_public_suffix2(list_of(s), label, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE);
}
