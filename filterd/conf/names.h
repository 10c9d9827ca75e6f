/*
 * names - which of the four kinds a parameter's name is of
 *
 * Used here (params.def, and the rows of plugins); Postfix's and unused here (postfix_names.def,
 * and the patterns of its queue manager and spawn); the site's own (named by
 * smtpd_restriction_classes, referred to as $name, or PREFIX_NAME of a table TYPE:PREFIX); or
 * unknown.
 *
 * Ownership: strings live in the arena.
 */
#ifndef CONF_NAMES_H
#define CONF_NAMES_H

struct arena;
struct names;
struct param_row;

enum name_kind { NAME_USED, NAME_POSTFIX, NAME_SITE, NAME_UNKNOWN };

struct names *names_new(struct arena *);
void names_free(struct names *); /* NULL is fine */
/* Learn the site's own names from a setting. */
void names_learn(struct names *, const char *name, const char *value);
/* A parameter of a plugin; the row must live as long. */
void names_add_row(struct names *, const struct param_row *);
/* PREFIX_NAME is the site's from now on. */
void names_add_prefix(struct names *, const char *prefix);
/* The row of a name that is used here, or NULL. */
const struct param_row *names_row(const struct names *, const char *name);
/* The file sets it, so it can be suggested. */
void names_add_defined(struct names *, const char *name);
enum name_kind names_classify(const struct names *, const char *name);
/* The name that was probably meant, or NULL. */
const char *names_nearest(const struct names *, const char *name);

/* Is it in postfix_names.def?  *def is its default there; NULL: it depends on the machine. */
int postfix_name_find(const char *name, const char **def);
/* SERVICE_time_limit, TRANSPORT_destination_concurrency_limit and so on. */
int postfix_name_pattern(const char *name);

#endif
