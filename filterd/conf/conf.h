/*
 * conf - the configuration file: read, expanded, typed, and checked for what type and range can
 * tell
 *
 * Syntax is main.cf's (postconf(5)) plus `include PATH`.  All findings are told, not only the
 * first: file, line, what was found, what was expected, and the nearest valid name (exit status 78
 * is the program's business).  What values mean beyond type and range is checked by those who use
 * them (engine/snapshot.h), who report through the same function.
 *
 * Ownership: struct conf owns all its strings; conf_free().  Read-only once loaded.
 * Threads: any once loaded.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/endpoint.h"
#include "base/span.h"
#include "conf/params.h"

struct arena;
struct conf;
struct err;
struct filterd_plugin;
struct filterd_value;

enum conf_severity { CONF_ERROR, CONF_WARNING, CONF_NOTE };

struct conf_finding {
	enum conf_severity severity;
	const char *file; /* NULL: none */
	int line;
	const char *text;
};
typedef void conf_report_fn(void *arg, const struct conf_finding *);

enum listener_kind { LISTENER_SMTP, LISTENER_LMTP, LISTENER_POLICY, LISTENER_MILTER };
enum role { ROLE_AFTER_QUEUE, ROLE_BEFORE_QUEUE, ROLE_MTA };

struct conf_listener {
	enum listener_kind kind;
	enum role role;
	char *name; /* `name`, default the endpoint's text */
	struct endpoint endpoint;
	struct params *params; /* file's values with the role's defaults and the listener's own
				  values on top; NULL only after conf_read() with errors */
	int line;
	const char *file;
};

const char *listener_kind_name(enum listener_kind);
/* Does it pass mail to a next hop?  Else it answers an MTA, which goes on with the mail itself. */
int listener_kind_relays(enum listener_kind);
/* Is it libmilter's, which is to have a process of its own? */
int conf_listener_is_libmilter(const struct conf_listener *);

/* Read a file.  NULL: at least one error was reported.  A listener is not required (filterctl query
 * works without). */
struct conf *conf_load(const char *path, conf_report_fn *, void *arg) ATTR_MUST_USE;
/* The same for who goes on to look what else is wrong: with errors it is there all the same, but
 * for nothing else.  What could not be understood has its default; a listener that could not has no
 * params. */
struct conf *conf_read(const char *path, conf_report_fn *, void *arg, int *errors) ATTR_MUST_USE;
/* As conf_load() from memory; name stands in findings.  `include` is an error there. */
struct conf *conf_load_text(
    struct span text, const char *name, conf_report_fn *, void *arg) ATTR_MUST_USE;
void conf_free(struct conf *); /* NULL is fine */

const char *conf_path(const struct conf *);
/* Values outside any listener, with the defaults of role after_queue. */
const struct params *conf_params(const struct conf *);
size_t conf_listener_count(const struct conf *);
const struct conf_listener *conf_listener(const struct conf *, size_t i);

/* Where a parameter was set; 0 and *file NULL: nowhere (default). */
int conf_where(const struct conf *, const char *parameter, const char **file);
/* Where the value that a listener has of it was set: among its own, else as conf_where(). */
int conf_where_in(
    const struct conf *, const struct conf_listener *, const char *parameter, const char **file);

/* The value of any name as the listener (NULL: the file) has it, expanded: a parameter of ours or
 * Postfix's, or one that the site made up.  NULL: nobody defines it.  *file and *line tell where it
 * was set; NULL and 0: a default.  New text goes to the arena. */
const char *conf_site_value(const struct conf *, const struct conf_listener *, const char *name,
    struct arena *, const char **file, int *line);
/* The line on which the octet at `offset` of that value stands, and *file.  What a $name stands for
 * is on the line of the $name; where that cannot be told, it is the line of the parameter's name.
 */
int conf_item_line(const struct conf *, const struct conf_listener *, const char *name,
    const char *value, size_t offset, const char **file);

/* --- plugins --- */

/* NAME_on_failure. */
enum conf_on_failure { CONF_FAIL_DEFER, CONF_FAIL_HOLD, CONF_FAIL_TAG, CONF_FAIL_ACCEPT };

/* One that `plugins` names: opened, and its rows are in order (conf/plugin_file.h).  That none of
 * its restrictions and table types has a name that filterd uses itself is for those to see who
 * have these. */
struct conf_plugin {
	const struct filterd_plugin *def;
	const struct filterd_value *values; /* as many and in the order of def->params */
	enum conf_on_failure on_failure;    /* of one without restrictions: CONF_FAIL_DEFER */
	const char *file;                   /* where `plugins` names it */
	int line;
};

/* In the order of `plugins`. */
size_t conf_plugin_count(const struct conf *);
const struct conf_plugin *conf_plugin(const struct conf *, size_t i);

/* Settings of the file that a listener of role after_queue leaves alone (params.def, PF_NAMED). */
void conf_not_taken_each(const struct conf *,
    void (*f)(
	void *arg, const struct conf_listener *, const char *name, const char *file, int line),
    void *arg);
/* The notes `filterctl check` lists: Postfix's parameters that are accepted and unused here. */
void conf_unused_each(const struct conf *,
    void (*f)(void *arg, const char *name, const char *file, int line), void *arg);

/* --- filterctl config --- */
enum conf_show { CONF_SHOW_ALL, CONF_SHOW_DEFAULTS, CONF_SHOW_SET };
struct conf_view {
	enum conf_show show;
	const struct conf_listener *listener; /* as it has them, or NULL: as the file has */
	int expanded;
};
/* "name = value" lines as postconf prints them: all in order of name, or the named ones.  -1: a
 * name is unknown (told on err). */
int conf_print(const struct conf *, const struct conf_view *, char *const *names, size_t nnames,
    FILE *out, FILE *err);

#endif
