/*
 * env - where a name's value comes from, for the file or for one listener
 *
 * A listener's own setting, then the file's, then the default in the listener's role, then
 * Postfix's default.  myhostname and mydomain have computed defaults, as in Postfix.
 *
 * Ownership: refers to what its maker owns.
 */
#ifndef CONF_ENV_H
#define CONF_ENV_H

#include <stddef.h>

#include "base/attr.h"
#include "conf/conf.h"

struct arena;
struct cf_entry;
struct cf_file;
struct names;
struct param_row;
struct reporter;

/* What this machine is called. */
struct env_host {
	const char *name;   /* with a domain: localdomain where gethostname(2) says none */
	const char *domain; /* what follows the first dot of myhostname */
};

struct env {
	struct arena *arena;
	struct reporter *rep;
	const struct names *names;
	const struct cf_file *file;
	const struct cf_entry *own; /* the listener's */
	size_t nown;
	enum role role;
	int in_listener; /* not the file's own view */
	const struct env_host *host;
	/* while a value is looked at: */
	const struct cf_entry *at;
};

void env_host_init(struct env_host *, struct arena *);
/* The setting that holds, or NULL: it is nowhere set. */
const struct cf_entry *env_entry(const struct env *, const char *name);
/* The setting that the parameter takes its value from: as env_entry(), but for a PF_NAMED parameter
 * of a listener of role after_queue, which takes none from the file.  ($name sees the file's all
 * the same.) */
const struct cf_entry *env_taken(const struct env *, const struct param_row *);
/* The value that an entry gives as it is written, or with NULL the default; NULL: nobody defines
 * the name. */
const char *env_value(const struct env *, const char *name, const struct cf_entry *);
/* Expand a value, findings are told: name is the parameter's (NULL: text is none's value), at where
 * text stands (NULL: it is a default).  NULL: it cannot be expanded. */
const char *env_expand(
    struct env *, const char *name, const char *text, const struct cf_entry *at) ATTR_MUST_USE;
/* The name that was probably meant, or NULL; in a file of nothing but errors the first 200 get one.
 */
const char *env_nearest(struct env *, const char *name);
/* Fill the row's field; findings are told.  Returns the value's text, expanded. */
const char *env_fill_row(struct env *, const struct param_row *, void *out);
/* Fill every field. */
void env_fill(struct env *, struct params *out);

#endif
