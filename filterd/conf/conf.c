#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/text.h"
#include "base/xmem.h"
#include "conf/cf_expand.h"
#include "conf/cf_file.h"
#include "conf/conf_priv.h"
#include "conf/names.h"
#include "conf/param_row.h"
#include "conf/reporter.h"

/* How strict to be is itself a parameter, and wanted before anything is looked at. */
static void
learn_strictness(struct conf *c, struct reporter *rep)
{
	const struct cf_entry *e = cf_file_get(c->file, "config_errors");

	rep->tolerant = e != NULL && text_case_eq(e->value, "postfix");
}

static const char *
value_in_file(void *arg, const char *name)
{
	const struct cf_entry *e = cf_file_get(arg, name);

	return e == NULL ? NULL : e->value;
}

void
conf_learn(struct conf *c, const char *name, const char *value)
{
	struct cf_macros macros = { .lookup = value_in_file, .arg = c->file };
	const char *out = NULL, *in = NULL;
	struct err err;

	names_learn(c->names, name, value);
	/* Classes may be named by a name: "$more_classes".  What is wrong there is told later. */
	if (strcmp(name, "smtpd_restriction_classes") == 0 && strchr(value, '$') != NULL &&
	    cf_expand(value, name, &macros, c->arena, &out, &in, &err) == 0)
		names_learn(c->names, name, out);
}

static void
learn_names(struct conf *c)
{
	for (size_t i = 0; i < cf_file_count(c->file); i++) {
		const struct cf_entry *e = cf_file_at(c->file, i);

		if (e->name != NULL)
			conf_learn(c, e->name, e->value);
	}
	listeners_learn(c);
	for (size_t i = 0; i < cf_file_count(c->file); i++)
		if (cf_file_at(c->file, i)->name != NULL)
			names_add_defined(c->names, cf_file_at(c->file, i)->name);
}

static int
without_suffix(const char *name, const char *suffix, char *out, size_t size)
{
	size_t n = strlen(name), s = strlen(suffix);

	if (n <= s || n - s >= size || strcmp(name + n - s, suffix) != 0)
		return 0;
	memcpy(out, name, n - s);
	out[n - s] = '\0';
	return 1;
}

/* SERVICE_time_limit fits a mistyped parameter of ours as well. */
static void
check_pattern(const struct cf_entry *e, struct reporter *rep)
{
	static const char suffix[] = "_time_limit";
	char theirs[64], mine[32][64];
	const char *list[32], *near;
	size_t n = 0;

	/* Without the suffix, or any short service would be near. */
	if (!without_suffix(e->name, suffix, theirs, sizeof(theirs)))
		return;
	for (size_t i = 0; i < param_row_count() && n < nitems(mine); i++)
		if (without_suffix(param_row_at(i)->name, suffix, mine[n], sizeof(mine[n]))) {
			list[n] = mine[n];
			n++;
		}
	near = text_nearest(theirs, list, n);
	if (near != NULL)
		reporter_tell(rep, CONF_WARNING, e->file, e->line,
		    "%s: is taken for Postfix's SERVICE_time_limit and is not used; nearest: %s%s",
		    e->name, near, suffix);
}

static void
check_name(struct conf *c, struct env *env, const struct cf_entry *e)
{
	struct reporter *rep = env->rep;
	const char *near = NULL, *def;

	switch (names_classify(c->names, e->name)) {
	case NAME_USED:
		break;
	case NAME_POSTFIX:
		if (!postfix_name_find(e->name, &def))
			check_pattern(e, rep);
		break;
	case NAME_SITE:
		/* Its text is checked even if nothing asks for it today. */
		if (cf_file_get(c->file, e->name) == e &&
		    env_expand(env, e->name, e->value, e) == NULL)
			return;
		break;
	case NAME_UNKNOWN:
		near = plugins_hint(c, e->name);
		if (near != NULL) {
			reporter_tell(rep, reporter_tolerable(rep), e->file, e->line,
			    "%s: is a parameter of plugin %s, which plugins does not name", e->name,
			    near);
			break;
		}
		near = env_nearest(env, e->name);
		reporter_tell(rep, reporter_tolerable(rep), e->file, e->line,
		    "%s: is no parameter of filterd or Postfix, and nothing refers to it%s%s",
		    e->name, near == NULL ? "" : "; nearest: ", near == NULL ? "" : near);
		break;
	}
}

static void
check_names(struct conf *c, struct env *env)
{
	for (size_t i = 0; i < cf_file_count(c->file); i++) {
		const struct cf_entry *e = cf_file_at(c->file, i);

		if (e->name != NULL)
			check_name(c, env, e);
		else
			reporter_tell(env->rep, reporter_tolerable(env->rep), e->file, e->line,
			    "found \"%.60s\" behind white space, expected a line to go on with: "
			    "there "
			    "is none before it",
			    e->value);
	}
}

static void
build(struct conf *c, struct reporter *rep)
{
	struct env env;

	learn_strictness(c, rep);
	learn_names(c);
	env_host_init(&c->host, c->arena);
	plugins_open(c, rep);
	env = conf_env(c, NULL, c->arena, rep);
	check_names(c, &env);
	env_fill(&env, &c->params);
	plugins_fill(c, &env);
	listeners_parse(c, rep);
}

static struct conf *
conf_new(const char *path)
{
	struct conf *c = xcalloc(1, sizeof(*c));

	c->arena = arena_new();
	c->path = arena_strdup(c->arena, path);
	c->names = names_new(c->arena);
	return c;
}

/* The number of errors told. */
static int
finish(struct conf *c, struct reporter *rep)
{
	int errors;

	build(c, rep);
	errors = rep->errors;
	reporter_fini(rep);
	return errors;
}

static struct conf *
good(struct conf *c, int errors)
{
	if (errors == 0)
		return c;
	conf_free(c);
	return NULL;
}

struct conf *
conf_read(const char *path, conf_report_fn *report, void *arg, int *errors)
{
	struct conf *c = conf_new(path);
	struct reporter rep;

	reporter_init(&rep, report, arg);
	c->file = cf_file_new(c->arena, &rep);
	cf_file_read(c->file, path);
	*errors = finish(c, &rep);
	return c;
}

struct conf *
conf_load(const char *path, conf_report_fn *report, void *arg)
{
	int errors;
	struct conf *c = conf_read(path, report, arg, &errors);

	return good(c, errors);
}

struct conf *
conf_load_text(struct span text, const char *name, conf_report_fn *report, void *arg)
{
	struct conf *c = conf_new(name);
	struct reporter rep;

	reporter_init(&rep, report, arg);
	c->file = cf_file_new(c->arena, &rep);
	cf_file_text(c->file, text, name);
	return good(c, finish(c, &rep));
}

void
conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->nlisteners; i++)
		free(c->own[i].own);
	free(c->own);
	free(c->listeners);
	names_free(c->names);
	cf_file_free(c->file);
	arena_free(c->arena);
	free(c);
}

const char *
conf_path(const struct conf *c)
{
	return c->path;
}

const struct params *
conf_params(const struct conf *c)
{
	return &c->params;
}

size_t
conf_listener_count(const struct conf *c)
{
	return c->nlisteners;
}

const struct conf_listener *
conf_listener(const struct conf *c, size_t i)
{
	return &c->listeners[i];
}

int
conf_where(const struct conf *c, const char *parameter, const char **file)
{
	const struct cf_entry *e = cf_file_get(c->file, parameter);

	*file = e == NULL ? NULL : e->file;
	return e == NULL ? 0 : e->line;
}

static void
unused_one(const struct conf *c, const struct cf_entry *e,
    void (*f)(void *arg, const char *name, const char *file, int line), void *arg)
{
	if (e->name != NULL && names_classify(c->names, e->name) == NAME_POSTFIX)
		f(arg, e->name, e->file, e->line);
}

void
conf_unused_each(const struct conf *c,
    void (*f)(void *arg, const char *name, const char *file, int line), void *arg)
{
	for (size_t i = 0; i < cf_file_count(c->file); i++)
		if (cf_file_at(c->file, i)->name != NULL &&
		    cf_file_get(c->file, cf_file_at(c->file, i)->name) == cf_file_at(c->file, i))
			unused_one(c, cf_file_at(c->file, i), f, arg);
	for (size_t i = 0; i < c->nlisteners; i++)
		for (size_t j = 0; j < c->own[i].n; j++)
			unused_one(c, &c->own[i].own[j], f, arg);
}
