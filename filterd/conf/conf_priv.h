/*
 * conf_priv - what the files of this room share of a configuration
 */
#ifndef CONF_CONF_PRIV_H
#define CONF_CONF_PRIV_H

#include "conf/conf.h"
#include "conf/env.h"

struct arena;
struct cf_file;
struct names;
struct param_row;
struct reporter;

struct own_settings { /* a listener's NAME = VALUE; beside conf_listener, index by index */
	struct cf_entry *own;
	size_t n;
};

struct conf_plugin_rows {      /* beside conf_plugin, index by index */
	struct param_row *row; /* the plugin's parameters, and perhaps NAME_on_failure */
	size_t nparams, n;
};

struct conf {
	struct arena *arena;
	const char *path;
	struct cf_file *file;
	struct names *names;
	struct env_host host;
	struct params params; /* outside any listener */
	struct conf_listener *listeners;
	struct own_settings *own;
	size_t nlisteners;
	struct conf_plugin *plugins;
	struct conf_plugin_rows *plugin_rows;
	size_t nplugins;
	const char *plugin_directory; /* where they were looked for */
};

/* What the file (l NULL) or a listener sees; new text goes to the arena. */
struct env conf_env(
    const struct conf *, const struct conf_listener *l, struct arena *, struct reporter *);

/* A name's value as the file (l NULL) or a listener has it. */
struct conf_value {
	const char *text;             /* as written; NULL: it depends on the machine */
	const struct cf_entry *entry; /* NULL: a default */
};
/* -1: nobody defines the name. */
int conf_value(const struct conf *, const struct conf_listener *l, const char *name,
    int only_default, struct conf_value *) ATTR_MUST_USE;
/* NULL if the text is; what cannot be expanded is empty, and has been told when it was loaded. */
const char *conf_value_expand(const struct conf *, const struct conf_listener *l, const char *name,
    const struct conf_value *, struct arena *);

#define PLUGINS_MAX        64
#define LISTENERS_MAX      256
#define LISTENER_ITEMS_MAX 200

/* Learn the names that a setting makes the site's. */
void conf_learn(struct conf *, const char *name, const char *value);
/* Open what `plugins` names, and make their parameters known; findings are told. */
void plugins_open(struct conf *, struct reporter *);
/* A plugin that is there and not named in `plugins`, whose parameter the name may be; or NULL. */
const char *plugins_hint(const struct conf *, const char *name);
/* Read the values of their parameters; findings are told. */
void plugins_fill(struct conf *, struct env *);
/* Learn the names that listeners' own settings make the site's. */
void listeners_learn(struct conf *);
/* Read the value of `listeners`; findings are told. */
void listeners_parse(struct conf *, struct reporter *);
/* What type and range alone cannot tell of one listener. */
void listener_check(const struct conf_listener *, struct reporter *);

/* 1: everybody on the Internet may connect, by an entry such as 0.0.0.0/0 of allowed_clients. */
int conf_allows_everybody(const char *allowed_clients);
/* 1: an address of every interface. */
int conf_is_wildcard(const struct endpoint *);
/* 1: a unix socket, or an address that only this machine reaches. */
int conf_is_local(const struct endpoint *);

#endif
