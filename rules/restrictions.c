/* Every family of restrictions, and the search for a name. */
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "rules/rules_private.h"

static const struct restriction_def *const families[] = {
	restrictions_access,
	restrictions_access_dns,
	restrictions_auth,
	restrictions_ccert,
	restrictions_client,
	restrictions_decoded,
	restrictions_fact,
	restrictions_generic,
	restrictions_helo,
	restrictions_lines,
	restrictions_policy,
	restrictions_rbl,
	restrictions_recipient,
	restrictions_relay,
	restrictions_score,
	restrictions_text,
	restrictions_sender,
	restrictions_size,
	restrictions_url,
	restrictions_url_rbl,
	restrictions_verify,
};

int
restriction_is_named(const struct restriction_def *d, const char *name)
{
	if (d->needs & CASE_COUNTS)
		return strcmp(d->name, name) == 0;
	if (strcasecmp(d->name, name) == 0)
		return 1;
	for (size_t i = 0; d->older != NULL && d->older[i] != NULL; i++)
		if (strcasecmp(d->older[i], name) == 0)
			return 1;
	return 0;
}

const struct restriction_def *
restriction_find(const char *name)
{
	for (size_t f = 0; f < nitems(families); f++)
		for (const struct restriction_def *d = families[f]; d->name != NULL; d++)
			if (restriction_is_named(d, name))
				return d;
	return NULL;
}

void
restrictions_each(void (*f)(void *arg, const char *name, const char *text), void *arg)
{
	for (size_t i = 0; i < nitems(families); i++)
		for (const struct restriction_def *d = families[i]; d->name != NULL; d++)
			f(arg, d->name, d->text);
}
