/*
 * params_doc - the parameters section of filterd.cf(5), in mdoc(7), from params.def and roles.def
 *
 * Writes to standard output; the build puts it between filterd.cf.5.head and filterd.cf.5.tail.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "conf/conf.h"
#include "conf/params.h"

struct row {
	const char *heading; /* a group begins; the rest is NULL */
	const char *kind, *name, *def, *min, *max, *text;
	unsigned flags;
};

static const struct row rows[] = {
#define HEADING(title) { .heading = title },
#define P(kind, name, def, min, max, flags, text)                                                  \
	{ NULL, #kind, #name, def, min, max, text, flags },
#include "conf/params.def"
#undef P
};

static const struct {
	const char *role, *name, *def;
} role_rows[] = {
#define ROLE(role, name, def) { #role, #name, def },
#include "conf/roles.def"
#undef ROLE
};

static const struct {
	const char *kind, *words;
} kinds[] = {
	{ "STR", "Text" },
	{ "RAW", "Text, $name is replaced when it is used" },
	{ "LIST", "List" },
	{ "BOOL", "\\(lqyes\\(rq or \\(lqno\\(rq" },
	{ "INT", "Number" },
	{ "TIME", "Time" },
	{ "SIZE", "Size" },
	{ "ENUM", "One of" },
};

/* A character of running text. */
static void
put(int c)
{
	if (c == '\\')
		fputs("\\e", stdout);
	else
		putchar(c);
}

static void
bold(const char *s)
{
	fputs("\\fB", stdout);
	for (; *s != '\0'; s++)
		put((unsigned char)*s);
	fputs("\\fR", stdout);
}

/* Running text: a new line after each sentence, as mdoc wants it; `this` in another type. */
static void
prose(const char *s)
{
	int quoted = 0;

	for (; *s != '\0'; s++) {
		if (*s == '`') {
			quoted = !quoted;
			fputs(quoted ? "\\fB" : "\\fR", stdout);
			continue;
		}
		put((unsigned char)*s);
		if ((*s == '.' || *s == ';') && s[1] == ' ' && !quoted &&
		    (*s == ';' || isupper((unsigned char)s[2]) || s[2] == '`' || s[2] == '0')) {
			putchar('\n');
			s++;
		}
	}
	putchar('\n');
}

static void
put_default(const char *def)
{
	if (def[0] == '\0')
		fputs("empty", stdout);
	else
		bold(def);
}

static void
range(const struct row *r)
{
	if (strcmp(r->kind, "TIME") != 0 && strcmp(r->kind, "INT") != 0 &&
	    strcmp(r->kind, "SIZE") != 0)
		return;
	if (r->min != NULL && r->max != NULL)
		printf(", %s to %s", r->min, r->max);
	else if (r->min != NULL && strcmp(r->min, "0") != 0 && strcmp(r->min, "0s") != 0)
		printf(", at least %s", r->min);
	else if (r->max != NULL)
		printf(", at most %s", r->max);
}

static void
other_roles(const struct row *r)
{
	for (size_t i = 0; i < nitems(role_rows); i++) {
		if (strcmp(role_rows[i].name, r->name) != 0)
			continue;
		fputs("; in role ", stdout);
		for (const char *p = role_rows[i].role; *p != '\0'; p++)
			putchar(tolower((unsigned char)*p));
		putchar(' ');
		put_default(role_rows[i].def);
	}
}

static const char *
when(unsigned flags)
{
	if (flags & PF_GLOBAL)
		return "taken over at reload, not in a listener";
	if (flags & PF_RELOAD)
		return "taken over at reload";
	if (flags & PF_LISTENER)
		return "needs a restart, also in a listener";
	return "needs a restart, not in a listener";
}

static void
entry(const struct row *r)
{
	printf(".It Sy %s\n", r->name);
	for (size_t i = 0; i < nitems(kinds); i++)
		if (strcmp(kinds[i].kind, r->kind) == 0)
			fputs(kinds[i].words, stdout);
	if (strcmp(r->kind, "ENUM") == 0) {
		putchar(' ');
		bold(r->min);
	}
	fputs(", default ", stdout);
	put_default(r->def);
	other_roles(r);
	range(r);
	printf(".\n%s; %s.\n.Pp\n", (r->flags & PF_OURS) ? "Filterd's own" : "A name of Postfix",
	    when(r->flags));
	prose(r->text);
}

int
main(void)
{
	int open = 0;

	puts(".Sh PARAMETERS");
	for (size_t i = 0; i < nitems(rows); i++) {
		if (rows[i].heading == NULL) {
			entry(&rows[i]);
			continue;
		}
		if (open)
			puts(".El");
		printf(".Ss %s\n.Bl -tag -width Ds\n", rows[i].heading);
		open = 1;
	}
	if (open)
		puts(".El");
	return ferror(stdout) || fflush(stdout) == EOF;
}
