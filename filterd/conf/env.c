#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "conf/cf_expand.h"
#include "conf/cf_file.h"
#include "conf/cf_value.h"
#include "conf/env.h"
#include "conf/names.h"
#include "conf/reporter.h"

#define HINTS_MAX 200

/* The words of smtpd_forbid_bare_newline. */
enum newline_word { NEWLINE_NORMALIZE, NEWLINE_REJECT, NEWLINE_NOTE, NEWLINE_YES, NEWLINE_NO };

void
env_host_init(struct env_host *h, struct arena *arena)
{
	char name[256] = "";

	if (gethostname(name, sizeof(name) - 1) == -1 || name[0] == '\0')
		strcpy(name, "localhost");
	h->name = strchr(name, '.') != NULL ? arena_strdup(arena, name)
					    : arena_printf(arena, "%s.localdomain", name);
	h->domain = strchr(h->name, '.') + 1;
}

static const struct cf_entry *
own_entry(const struct env *e, const char *name)
{
	for (size_t i = 0; i < e->nown; i++)
		if (strcmp(e->own[i].name, name) == 0)
			return &e->own[i];
	return NULL;
}

const struct cf_entry *
env_entry(const struct env *e, const char *name)
{
	const struct cf_entry *own = own_entry(e, name);

	return own != NULL ? own : cf_file_get(e->file, name);
}

const struct cf_entry *
env_taken(const struct env *e, const struct param_row *row)
{
	if (e->in_listener && e->role == ROLE_AFTER_QUEUE && (row->flags & PF_NAMED))
		return own_entry(e, row->name);
	return env_entry(e, row->name);
}

/* mydomain follows myhostname, where the file sets one that needs no expansion. */
static const char *
default_domain(const struct env *e)
{
	const struct cf_entry *host = env_entry(e, "myhostname");
	const char *dot = host == NULL ? NULL : strchr(host->value, '.');

	return dot == NULL || dot[1] == '\0' ? e->host->domain : dot + 1;
}

const char *
env_value(const struct env *e, const char *name, const struct cf_entry *entry)
{
	const struct param_row *row = names_row(e->names, name);
	const char *def = NULL;

	if (strcmp(name, "myhostname") == 0)
		return entry == NULL || entry->value[0] == '\0' ? e->host->name : entry->value;
	if (entry != NULL)
		return entry->value;
	if (strcmp(name, "mydomain") == 0)
		return default_domain(e);
	if (strcmp(name, "mynetworks") == 0)
		return NULL; /* rules work it out, who know what a network is */
	if (row != NULL)
		return param_row_default(row, e->role);
	if (postfix_name_find(name, &def))
		return def;
	return NULL;
}

static const char *
lookup(void *arg, const char *name)
{
	return env_value(arg, name, env_entry(arg, name));
}

const char *
env_nearest(struct env *e, const char *name)
{
	return e->rep->hints++ < HINTS_MAX ? names_nearest(e->names, name) : NULL;
}

/* Where a finding about the value of `in` belongs. */
static const struct cf_entry *
place(const struct env *e, const char *in)
{
	const struct cf_entry *entry = in == NULL ? NULL : env_entry(e, in);

	return entry == NULL ? e->at : entry;
}

/* A value refers to a name that has no value. */
static void
undefined(void *arg, const char *name, const char *in)
{
	struct env *e = arg;
	const char *near = NULL, *def;
	const struct cf_entry *at = place(e, in);
	enum conf_severity severity = reporter_tolerable(e->rep);

	if (at == NULL)
		return;
	if (postfix_name_find(name, &def)) {
		reporter_tell(e->rep, severity, at->file, at->line,
		    "%s: refers to $%s, whose default depends on the machine: it must be set here",
		    at->name, name);
		return;
	}
	near = env_nearest(e, name);
	reporter_tell(e->rep, severity, at->file, at->line,
	    "%s: refers to $%.60s, which nobody defines%s%s", at->name, name,
	    near == NULL ? "" : "; nearest: ", near == NULL ? "" : near);
}

const char *
env_expand(struct env *e, const char *name, const char *text, const struct cf_entry *at)
{
	struct cf_macros macros = { .lookup = lookup, .undefined = undefined, .arg = e };
	const char *out = NULL, *in = NULL;
	struct err err;

	e->at = at;
	if (cf_expand(text, name, &macros, e->arena, &out, &in, &err) == 0)
		return out;
	at = place(e, in);
	reporter_tell(e->rep, CONF_ERROR, at == NULL ? NULL : at->file, at == NULL ? 0 : at->line,
	    "%s: %s", at == NULL ? name : at->name, err.text);
	return NULL;
}

/* So that who looks what else is wrong finds something that can be looked at. */
static void
fill_default(struct env *e, const struct param_row *row, void *out)
{
	const char *text = param_row_default(row, e->role), *none = "";

	if (row->kind != PARAM_RAW)
		text = env_expand(e, row->name, text, NULL);
	if (text != NULL && cf_value_set(row, text, out, NULL) == 0)
		return;
	/* A default that refers to what is wrong itself; a number is 0 already. */
	if (row->kind == PARAM_STR || row->kind == PARAM_LIST || row->kind == PARAM_RAW)
		memcpy((char *)out + row->offset, &none, sizeof(none));
}

/* Postfix takes any number for a reply code, and finds out when mail comes. */
static void
check_code(struct env *e, const struct param_row *row, const struct cf_entry *at, const char *text,
    const void *out)
{
	int64_t code;

	memcpy(&code, (const char *)out + row->offset, sizeof(code));
	if ((code >= 400 && code <= 599) || ((row->flags & PF_PASS) && code / 100 == 2))
		return;
	reporter_tell(e->rep, reporter_tolerable(e->rep), at == NULL ? NULL : at->file,
	    at == NULL ? 0 : at->line,
	    "%s: found \"%.60s\", expected %sa code from 400 to 599: mail would be answered with "
	    "450 4.7.1 Service unavailable",
	    row->name, text, (row->flags & PF_PASS) ? "250 or " : "");
}

/* A default that is the value of another parameter of the same kind: that one has been told of. */
static int
told_of_other(const struct env *e, const struct param_row *row)
{
	const char *def = param_row_default(row, e->role);
	const struct param_row *other = def[0] == '$' ? names_row(e->names, def + 1) : NULL;

	return other != NULL && other->kind == row->kind;
}

const char *
env_fill_row(struct env *e, const struct param_row *row, void *out)
{
	const struct cf_entry *at = env_taken(e, row);
	const char *text = env_value(e, row->name, at);
	struct err err;

	if (text != NULL && row->kind != PARAM_RAW)
		text = env_expand(e, row->name, text, at);
	if (text != NULL && cf_value_set(row, text, out, &err) == 0) {
		if (row->flags & PF_CODE)
			check_code(e, row, at, text, out);
		return text;
	}
	if (text != NULL && (at != NULL || !told_of_other(e, row)))
		reporter_tell(e->rep, CONF_ERROR, at == NULL ? NULL : at->file,
		    at == NULL ? 0 : at->line, "%s: %s", row->name, err.text);
	fill_default(e, row, out);
	return text == NULL ? "" : text;
}

/* Yes and no are older words: what they mean is told, and a loaded configuration has neither. */
static void
bare_newline(struct env *e, struct params *p)
{
	static const char name[] = "smtpd_forbid_bare_newline";
	const struct cf_entry *at = env_entry(e, name);

	if (p->smtpd_forbid_bare_newline < NEWLINE_YES)
		return;
	if (at != NULL && p->smtpd_forbid_bare_newline == NEWLINE_YES)
		reporter_tell(
		    e->rep, CONF_NOTE, at->file, at->line, "%s: yes means normalize", name);
	else if (at != NULL)
		reporter_tell(e->rep, CONF_WARNING, at->file, at->line,
		    "%s: no is taken for normalize: a line that ends in LF alone must not reach "
		    "the "
		    "next hop as it is",
		    name);
	p->smtpd_forbid_bare_newline = NEWLINE_NORMALIZE;
}

void
env_fill(struct env *e, struct params *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < param_row_count(); i++)
		(void)env_fill_row(e, param_row_at(i), out);
	bare_newline(e, out);
}
