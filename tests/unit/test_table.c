/* The table types, one look-up a row; tests/daemon compares the same with the real postmap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"
#include "config.h"
#include "table/table.h"

static char path[64];
static int warnings;
static char last_warning[512];
static int last_line;

static void
note_warning(void *arg, const struct table_finding *f)
{
	(void)arg;
	assert_non_null(f->file);
	warnings++;
	last_line = f->line;
	snprintf(last_warning, sizeof(last_warning), "%s", f->text);
}

static void
write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

/* `TYPE:%` with the text in the file, or the name as it stands. */
static struct table *
open_with(const char *name, const char *text, struct err *err)
{
	char full[512];

	if (text == NULL)
		return table_open(name, note_warning, NULL, err);
	write_file(text);
	snprintf(full, sizeof(full), "%s:%s", name, path);
	return table_open(full, note_warning, NULL, err);
}

/* value NULL: absent; warned: how many lines are complained about. */
static const struct lookup_case {
	const char *type, *text, *key, *value;
	int line, warned;
} lookups[] = {
	/* texthash */
	{ "texthash", "a b c\n", "a", "b c", 1, 0 },
	{ "texthash", "A b\n", "a", "b", 1, 0 },
	{ "texthash", "a b\n", "A", "b", 1, 0 },
	{ "texthash", "a b\n", "ab", NULL, 0, 0 },
	{ "texthash", "", "a", NULL, 0, 0 },
	{ "texthash", "# no\n\n a x\na b\n  c\n", "a", "b  c", 4,
	    1 },                                                   /* line 3 continues nothing */
	{ "texthash", "a b\n# note\n\n  c\n", "a", "b  c", 1, 0 }, /* goes on after a comment */
	{ "texthash", "a  \t b \r\n", "a", "b", 1, 0 },
	{ "texthash", "a\n", "a", NULL, 0, 1 },
	{ "texthash", "a: b\n", "a:", "b", 1, 1 }, /* an alias file? */
	{ "texthash", "\"q k\" v\n", "\"q k\"", "v", 1, 0 },
	{ "texthash", "\"q k\" v\n", "q k", NULL, 0, 0 }, /* the quotes are part of the key */
	{ "texthash", "\"q\\\" k\" v\n", "\"q\\\" k\"", "v", 1, 0 },
	{ "texthash", "\"q k v\n", "\"q", NULL, 0, 1 },
	{ "texthash", "a b", "a", "b", 1, 0 }, /* no newline at the end */
	/* inline, static */
	{ "inline:{a=b, { C = d e }}", NULL, "c", "d e", 0, 0 },
	{ "inline:{a=b, a=c}", NULL, "A", "c", 0, 0 }, /* the last one */
	{ "inline:{a=b c=d}", NULL, "c", "d", 0, 0 },
	{ "inline:{a==b}", NULL, "a", "=b", 0, 0 },
	{ "inline:{a=}", NULL, "a", "", 0, 0 },
	{ "inline:{{c = {x y}}}", NULL, "c", "{x y}", 0, 0 },
	{ "static:v w", NULL, "anything", "v w", 0, 0 },
	{ "static:{ v w }", NULL, "", "v w", 0, 0 },
	{ "static:v", NULL, "x", "v", 0, 0 },
	/* pcre */
	{ "pcre", "/a/ b\n/A/ c\n", "xax", "b", 1, 0 },
	{ "pcre", "/A/ b\n", "a", "b", 1, 0 },
	{ "pcre", "/A/i b\n", "a", NULL, 0, 0 },
	{ "pcre", "/A/ii b\n", "a", "b", 1, 0 },
	{ "pcre", "/(*NO_JIT)a/ x\n", "a", "x", 1, 0 },
	{ "pcre", "/a.b/ x\n", "a\nb", "x", 1, 0 },
	{ "pcre", "/a.b/s x\n", "a\nb", NULL, 0, 0 },
	{ "pcre", "/^b$/ x\n", "a\nb\nc", NULL, 0, 0 },
	{ "pcre", "/^b$/m x\n", "a\nb\nc", "x", 1, 0 },
	{ "pcre", "/a b/x y\n", "ab", "y", 1, 0 },
	{ "pcre", "/b/A y\n", "ab", NULL, 0, 0 },
	{ "pcre", "/a$/ y\n", "a\n", "y", 1, 0 },
	{ "pcre", "/a$/E y\n", "a\n", NULL, 0, 0 },
	{ "pcre", "/a(.+)/U $1\n", "abcd", "b", 1, 0 },
	{ "pcre", "/a/X y\n", "a", "y", 1, 1 },
	{ "pcre", "/a/q y\n", "a", NULL, 0, 1 },
	{ "pcre", "!/a/ y\n", "b", "y", 1, 0 },
	{ "pcre", "! /a/ y\n", "b", "y", 1, 0 },
	{ "pcre", "!!/a/ y\n", "a", "y", 1, 0 },
	{ "pcre", "#comment\n%a/b% y\n", "a/b", "y", 2, 0 },
	{ "pcre", "/a\\/b/ y\n", "a/b", "y", 1, 0 },
	{ "pcre", "/(a)(b)?(c)/ 1=$1 2=${2} 3=$(3) $$4\n", "ac", "1=a 2= 3=c $4", 1, 0 },
	{ "pcre", "/a/ $$1\n", "a", "$1", 1, 0 },
	{ "pcre", "/(a)/ $2\n", "a", NULL, 0, 1 },
	{ "pcre", "/(a)/ $0\n", "a", NULL, 0, 1 },
	{ "pcre", "/(a)/ $x\n", "a", NULL, 0, 1 },
	{ "pcre", "/(a)/ ${1\n", "a", NULL, 0, 1 },
	{ "pcre", "/(a)/ x$\n", "a", NULL, 0, 1 },
	{ "pcre", "/(a)/ $99999999999\n", "a", NULL, 0, 1 },
	{ "pcre", "/(a)/ $1x\n", "a", NULL, 0, 1 }, /* the name is 1x */
	{ "pcre", "!/(a)/ $1\n", "b", NULL, 0, 1 },
	{ "pcre", "/(/ x\n/a/ y\n", "a", "y", 2, 1 },
	{ "pcre", "/a/\n", "a", "", 1, 1 },
	{ "pcre", "/a\n", "a", NULL, 0, 1 },
	{ "pcre", "!\n", "a", NULL, 0, 1 },
	{ "pcre", "word x\n", "word", NULL, 0, 1 },
	{ "pcre", "/a/ x\n  y\n", "a", "x  y", 1, 0 },
	{ "pcre", "if /a/\n/b/ in\nendif\n/b/ out\n", "b", "out", 4, 0 },
	{ "pcre", "if /a/\n/b/ in\nendif\n/b/ out\n", "ab", "in", 2, 0 },
	{ "pcre", "IF !/a/\n/b/ in\nENDIF\n/b/ out\n", "b", "in", 2, 0 },
	{ "pcre", "if/a/\nif /b/\n/c/ in\nendif\nendif\n", "abc", "in", 3, 0 },
	{ "pcre", "if /a/\nif /b/\n/c/ in\nendif\n/c/ mid\nendif\n/c/ out\n", "c", "out", 7, 0 },
	{ "pcre", "if /a/\nif /b/\n/c/ in\nendif\n/c/ mid\nendif\n/c/ out\n", "ac", "mid", 5, 0 },
	{ "pcre", "if /a/\n/b/ in\n", "b", NULL, 0, 1 }, /* no endif */
	{ "pcre", "endif\n/b/ x\n", "b", "x", 2, 1 },
	{ "pcre", "if /a/ more\n/b/ in\nendif x\n", "ab", "in", 2, 2 },
	{ "pcre", "if /(/\n/b/ in\nendif\n", "b", "in", 2, 2 }, /* an if that is dropped */
	{ "pcre", "ifx /a/\n", "a", NULL, 0, 1 },
	{ "pcre:{ {/a(.)c/ $1}, {/k/ kk} }", NULL, "abc", "b", 1, 0 },
	{ "pcre:{ {/a(.)c/ $1}, {/k/ kk} }", NULL, "k", "kk", 2, 0 },
	{ "pcre:{}", NULL, "k", NULL, 0, 0 },
	/* regexp */
	{ "regexp", "/A(b+)/ $1\n", "xabbx", "bb", 1, 0 },
	{ "regexp", "/A/i b\n", "a", NULL, 0, 0 },
	{ "regexp", "/a(b)/x y\n", "ab", NULL, 0, 0 }, /* basic syntax: ( is itself */
	{ "regexp", "/^b$/ x\n", "a\nb", NULL, 0, 0 },
	{ "regexp", "/^b$/m x\n", "a\nb", "x", 1, 0 },
	{ "regexp", "/a/!/b/ x\n", "a", "x", 1, 0 },
	{ "regexp", "/a/!/b/ x\n", "ab", NULL, 0, 0 },
	{ "regexp", "!/a/ $$\n", "b", "$", 1, 0 },
	{ "regexp", "/(a)|(b)/ <$1$2>\n", "b", "<b>", 1, 0 },
	{ "regexp", "/a/ $1\n", "a", NULL, 0, 1 },
	{ "regexp", "/a[/ y\n", "a", NULL, 0, 1 },
	{ "regexp", "/a/s y\n", "a", NULL, 0, 1 }, /* a flag of pcre only */
	{ "regexp", "if /a/\n!/b/ y\nendif\n", "ac", "y", 2, 0 },
	{ "regexp:{{/K/ r}}", NULL, "k", "r", 1, 0 },
	/* cidr */
	{ "cidr", "10.0.0.0/8 ten\n0.0.0.0/0 all\n", "10.1.2.3", "ten", 1, 0 },
	{ "cidr", "10.0.0.0/8 ten\n0.0.0.0/0 all\n", "11.1.2.3", "all", 2, 0 },
	{ "cidr", "10.0.0.0/8 ten\n0.0.0.0/0 all\n", "::1", NULL, 0, 0 },
	{ "cidr", "192.0.2.128/25 x\n", "192.0.2.127", NULL, 0, 0 },
	{ "cidr", "192.0.2.128/25 x\n", "192.0.2.128", "x", 1, 0 },
	{ "cidr", "192.0.2.1 x\n", "192.0.2.1", "x", 1, 0 },
	{ "cidr", "2001:db8::/33 x\n", "2001:db8:7fff::1", "x", 1, 0 },
	{ "cidr", "2001:db8::/33 x\n", "2001:db8:8000::1", NULL, 0, 0 },
	{ "cidr", "2001:db8::1 x\n", "2001:0DB8:0::1", "x", 1, 0 },
	{ "cidr", "!10.0.0.0/8 x\n", "9.9.9.9", "x", 1, 0 },
	{ "cidr", "!10.0.0.0/8 x\n", "::9", NULL, 0, 0 }, /* the other family */
	{ "cidr", "! ! 10.0.0.0/8 x\n", "10.9.9.9", "x", 1, 0 },
	{ "cidr", "!!10.0.0.0/8 x\n", "10.9.9.9", "x", 1, 0 },
	{ "cidr", "[10.0.0.0/8] a\n[11.0.0.0]/8 b\n", "11.1.1.1", "b", 2, 0 },
	{ "cidr", "10.0.0.1/8 a\n", "10.0.0.1", NULL, 0, 1 },
	{ "cidr", "10.0.0.0/33 a\n10.0.0.0/ b\n10/8 c\n[1.2.3.4 d\n", "10.0.0.0", NULL, 0, 4 },
	{ "cidr", "10.0.0.0/8\n", "10.0.0.0", NULL, 0, 1 },
	{ "cidr", "if 10.0.0.0/8\n10.1.0.0/16 x\nendif\n0.0.0.0/0 y\n", "10.1.1.1", "x", 2, 0 },
	{ "cidr", "if 10.0.0.0/8\n0.0.0.0/0 x\nendif\n0.0.0.0/0 y\n", "11.1.1.1", "y", 4, 0 },
	{ "cidr", "if !10.0.0.0/8\n0.0.0.0/0 x\nendif\n0.0.0.0/0 y\n", "11.1.1.1", "x", 2, 0 },
	{ "cidr", "if !10.0.0.0/8\n::/0 x\nendif\n::/0 y\n", "::1", "y", 4, 0 },
	{ "cidr", "endif\nif 10.0.0.0/8\n0.0.0.0/0 x\n", "11.1.1.1", NULL, 0, 2 },
	{ "cidr", "0.0.0.0/0 x\n", "010.1.1.1", NULL, 0, 0 },
	{ "cidr", "0.0.0.0/0 x\n", "host.example.com", NULL, 0, 0 },
	{ "cidr:{{1.2.3.4 x}}", NULL, "1.2.3.4", "x", 1, 0 },
	/* tables of tables */
	{ "unionmap:{static:a,static:{b c}}", NULL, "k", "a,b c", 0, 0 },
	{ "unionmap:{inline:{k=b},inline:{x=c}}", NULL, "x", "c", 0, 0 },
	{ "unionmap:{inline:{k=b},inline:{x=c}}", NULL, "y", NULL, 0, 0 },
	{ "unionmap:{inline:{k=},static:b}", NULL, "k", "b", 0, 0 },
	{ "pipemap:{inline:{k=b} inline:{b=c}}", NULL, "k", "c", 0, 0 },
	{ "pipemap:{inline:{k=b},inline:{x=c}}", NULL, "k", NULL, 0, 0 },
	{ "pipemap:{unionmap:{static:a,static:b},inline:{{a,b = z}}}", NULL, "k", "z", 0, 0 },
	{ "pipemap:{unionmap:{static:a,static:b},pcre:{{/^a,b$/ z}}}", NULL, "k", "z", 1, 0 },
};

static void
test_lookup(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < nitems(lookups); i++) {
		const struct lookup_case *c = &lookups[i];
		struct table_hit hit = { 0 };
		struct err err = { 0 };
		struct table *t;
		int rc;

		warnings = 0;
		t = open_with(c->type, c->text, &err);
		if (t == NULL)
			fail_msg("%s: %s", c->type, err.text);
		rc = table_get(t, span_str(c->key), a, &hit, &err);
		if (rc != (c->value != NULL) || (rc == 1 && strcmp(hit.value, c->value) != 0))
			fail_msg("%s [%s] key %s: %d %s, expected %s", c->type,
			    c->text == NULL ? "" : c->text, c->key, rc, rc == 1 ? hit.value : "-",
			    c->value == NULL ? "-" : c->value);
		if (rc == 1)
			assert_int_equal(hit.line, c->line);
		if (warnings != c->warned)
			fail_msg("%s [%s]: %d warnings (%s), expected %d", c->type,
			    c->text == NULL ? "" : c->text, warnings, last_warning, c->warned);
		if (rc == 1 && c->text != NULL)
			assert_string_equal(hit.file, path);
		table_close(t);
	}
	arena_free(a);
}

/* What cannot be opened, and the word that the error must have. */
static const struct {
	const char *name, *text, *word;
} refused[] = {
	{ "pcre", NULL, "TYPE:NAME" },
	{ "pcre:", NULL, "TYPE:NAME" },
	{ ":x", NULL, "TYPE:NAME" },
	{ "pcer:/x", NULL, "did you mean \"pcre\"" },
	{ "PCRE:/x", NULL, "unknown table type" }, /* types are lower case in Postfix, too */
	{ "pcre:/nonexistent/x", NULL, "/nonexistent/x: No such file" },
	{ "texthash:/nonexistent/x", NULL, "/nonexistent/x: No such file" },
	{ "texthash:/dev", NULL, "regular file" },
	{ "texthash", "a b\nc d\nA e\n", "line 3: duplicate key \"A\"" },
	{ "inline:{}", NULL, "empty" },
	{ "inline:x", NULL, "no '{'" },
	{ "inline:{a}", NULL, "NAME = VALUE" },
	{ "inline:{a=b, C = d}", NULL, "NAME = VALUE" },
	{ "inline:{ {a b=c} }", NULL, "'='" },
	{ "inline:{a=b}x", NULL, "after the closing" },
	{ "inline:{{a=b}{c=d}}", NULL, "after the closing" },
	{ "inline:{a=b", NULL, "missing '}'" },
	{ "static:{a}b", NULL, "after the closing" },
	{ "static:{a", NULL, "missing '}'" },
	{ "pcre:{ /a/ b }", NULL, "no '{'" },
	{ "pcre:{{/a/ b}} x", NULL, "after the closing" },
	{ "unionmap:{}", NULL, "TYPE:NAME" },
	{ "unionmap:{a}", NULL, "TYPE:NAME" },
	{ "pipemap:{pcre:/nonexistent}", NULL, "No such file" },
	{ "unionmap:{unionmap:{unionmap:{unionmap:{unionmap:{unionmap:{unionmap:{unionmap:{"
	  "unionmap:{"
	  "unionmap:{static:x}}}}}}}}}}",
	    NULL, "deeper" },
};

static void
test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(refused); i++) {
		struct err err = { 0 };
		struct table *t = open_with(refused[i].name, refused[i].text, &err);

		if (t != NULL || strstr(err.text, refused[i].word) == NULL)
			fail_msg(
			    "%s: \"%s\" has no \"%s\"", refused[i].name, err.text, refused[i].word);
	}
}

static void
test_fail(void **state)
{
	static const struct {
		const char *name;
		enum err_class class;
	} cases[] = {
		{ "fail:retry", ERR_RETRY },
		{ "fail:config", ERR_CONFIG },
		{ "fail:whatever", ERR_RETRY },
		{ "unionmap:{static:x, fail:config}", ERR_CONFIG }, /* half an answer is none */
		{ "pipemap:{static:x, fail:retry}", ERR_RETRY },
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct err err = { 0 };
		struct table_hit hit;
		struct table *t = table_open(cases[i].name, NULL, NULL, &err);

		assert_non_null(t);
		assert_int_equal(table_get(t, span_str("k"), a, &hit, &err), -1);
		assert_int_equal(err.class, cases[i].class);
		table_close(t);
	}
	arena_free(a);
}

/* A line that makes the pattern explode cannot be decided, negated or not: never "no match". */
static void
test_match_limit(void **state)
{
	static const char *const rules[] = { "/^(a+)+$/ x\n/^/ y\n", "!/^(a+)+$/ x\n",
		"if /^(a+)+$/\n/a/ x\nendif\n/^/ y\n" };
	/* What stands behind is told with the failure; inside an if nobody can know. */
	static const char *const behind[] = { "y", NULL, "y" };
	char key[60];
	struct arena *a = arena_new();

	(void)state;
	memset(key, 'a', sizeof(key));
	key[sizeof(key) - 1] = 'b';
	for (size_t i = 0; i < nitems(rules); i++) {
		struct err err = { 0 };
		struct table_hit hit;
		struct table *t = open_with("pcre", rules[i], &err);

		assert_non_null(t);
		assert_int_equal(table_get(t, span_make(key, sizeof(key)), a, &hit, &err), -1);
		assert_int_equal(err.class, ERR_LIMIT);
		assert_non_null(strstr(err.text, "line 1"));
		assert_non_null(strstr(err.text, "match limit"));
		if (behind[i] == NULL)
			assert_null(hit.value);
		else
			assert_string_equal(hit.value, behind[i]);
		table_close(t);
	}
	arena_free(a);
}

/* A table of tables has nothing to say when one of them cannot answer. */
static void
test_nothing_behind(void **state)
{
	char key[60], full[200];
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct table_hit hit;
	struct table *t;

	(void)state;
	memset(key, 'a', sizeof(key));
	key[sizeof(key) - 1] = 'b';
	write_file("/^(a+)+$/ x\n/^/ y\n");
	snprintf(full, sizeof(full), "unionmap:{static:z, pcre:%s}", path);
	assert_non_null(t = table_open(full, NULL, NULL, &err));
	assert_int_equal(table_get(t, span_make(key, sizeof(key)), a, &hit, &err), -1);
	assert_null(hit.value);
	table_close(t);
	arena_free(a);
}

/* Each limit by itself; the pattern is one that the compiled code has no stack for, so that all
 * three count. */
static void
test_limits(void **state)
{
	static const struct {
		struct table_limits limits;
		int rc;
		const char *says;
	} cases[] = {
		{ { 0, 0, 0 }, 1, "" },
		{ { .match = 1000 }, -1, "match limit" },
		{ { .depth = 1000 }, -1, "depth limit" },
		{ { .heap_kb = 64 }, -1, "heap limit" },
		{ { 1000000, 1000000, 1000000 }, 1, "" },
	};
	size_t len = 4000;
	char *key = malloc(len);
	struct arena *a = arena_new();

	(void)state;
	memset(key, 'a', len);
	write_file("/^(?:(a)|b)*$/ x\n");
	for (size_t i = 0; i < nitems(cases); i++) {
		const struct table_open_options o = { .limits = &cases[i].limits };
		struct err err = { 0 };
		struct table_hit hit;
		struct table *t;
		char full[100];

		snprintf(full, sizeof(full), "pcre:%s", path);
		t = table_open_with(&o, full, NULL, NULL, &err);
		assert_non_null(t);
		if (table_get(t, span_make(key, len), a, &hit, &err) != cases[i].rc ||
		    strstr(err.text, cases[i].says) == NULL)
			fail_msg("row %zu: %s", i, err.text);
		table_close(t);
	}
	arena_free(a);
	free(key);
}

/* What runs out of the machine stack that compiled patterns have goes on in the interpreter. */
static void
test_long_key(void **state)
{
	size_t len = 40000;
	char *key = malloc(len);
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct table_hit hit;
	struct table *t = open_with("pcre", "/^(?:a|b)*(.)$/ <$1>\n", &err);

	(void)state;
	memset(key, 'a', len);
	key[len - 1] = 'c';
	assert_non_null(t);
	if (table_get(t, span_make(key, len), a, &hit, &err) != 1)
		fail_msg("%s", err.text);
	assert_string_equal(hit.value, "<c>");
	table_close(t);
	arena_free(a);
	free(key);
}

static void
test_many_groups(void **state)
{
	char text[1024] = "/", *p = text + 1;
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct table_hit hit;
	struct table *t;

	(void)state;
	for (int i = 0; i < 99; i++)
		p += sprintf(p, "(.)");
	sprintf(p, "/ $99$1\n");
	for (int i = 0; i < 2; i++) {
		char key[100];

		memset(key, 'x', sizeof(key));
		key[0] = 'A';
		key[98] = 'Z';
		t = open_with(i == 0 ? "pcre" : "regexp", text, &err);
		assert_non_null(t);
		assert_int_equal(table_get(t, span_make(key, 99), a, &hit, &err), 1);
		assert_string_equal(hit.value, "ZA");
		table_close(t);
	}
	arena_free(a);
}

/* glibc compiles parentheses by recursion: a file must not be able to end the daemon. */
static void
test_deep_parentheses(void **state)
{
	size_t n = 200000;
	char *text = malloc(2 * n + 10);
	struct err err = { 0 };

	(void)state;
	text[0] = '/';
	memset(text + 1, '(', n);
	memset(text + 1 + n, ')', n);
	strcpy(text + 1 + 2 * n, "/ x\n");
	for (int i = 0; i < 2; i++) {
		struct table *t;

		warnings = 0;
		t = open_with(i == 0 ? "pcre" : "regexp", text, &err);
		assert_non_null(t);
		assert_int_equal(warnings, 1);
		table_close(t);
	}
	free(text);
}

/* A pattern that glibc would write out to gigabytes is left out; long and ordinary ones are not. */
static void
test_regexp_cost(void **state)
{
	static const struct {
		const char *rule;
		int warned;
	} cases[] = {
		{ "/(b)++++++++++++++++++++++++++++++++++/ x\n", 1 },
		{ "/((((((((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+/ x\n", 1 },
		{ "/((a{1,200}){1,200}){1,200}/ x\n", 1 },
		{ "/\\(\\(a\\{200\\}\\)\\{200\\}\\)\\{200\\}/x x\n", 1 },
		{ "/(a{32767}){2}/ x\n", 1 },
		{ "/^[[:alnum:]+\\/]{60,}$/ OK\n", 0 },
		{ "/([[:alnum:]]{1,63}\\.){1,10}[a-z]{2,63}/ x\n", 0 },
		{ "/[+]+[(]+[{]+[]({+]+/ x\n", 0 },
		{ "/(((((((((a)))))))))+/ x\n", 0 },
		{ "/a+b+c+d+e+f+g+h+i+j+k+l+m+n+o+p+q+r+s+t+u+v+w+x+y+z+/ x\n", 0 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct err err = { 0 };
		struct table *t;

		warnings = 0;
		t = open_with("regexp", cases[i].rule, &err);
		assert_non_null(t);
		if (warnings != cases[i].warned)
			fail_msg("%s: %d %s", cases[i].rule, warnings, last_warning);
		table_close(t);
	}
}

/* Postfix's keys are C strings. */
static void
test_nul_in_key(void **state)
{
	static const struct {
		const char *type, *text;
		int found;
	} cases[] = {
		{ "texthash", "nul[ x\n", 1 },
		{ "pcre", "/here/ x\n", 0 },
		{ "pcre", "/nul\\[$/ x\n", 1 },
		{ "regexp", "/here/ x\n", 0 },
		{ "regexp", "/nul\\[$/ x\n", 1 },
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct err err = { 0 };
		struct table_hit hit;
		struct table *t = open_with(cases[i].type, cases[i].text, &err);

		assert_non_null(t);
		assert_int_equal(
		    table_get(t, span_make("nul[\0]here", 10), a, &hit, &err), cases[i].found);
		table_close(t);
	}
	arena_free(a);
}

static void
test_empty_key(void **state)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct table_hit hit;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct table *t = open_with(i == 0 ? "pcre" : "regexp", "/^$/ empty\n", &err);

		assert_non_null(t);
		assert_int_equal(table_get(t, span_make(NULL, 0), a, &hit, &err), 1);
		table_close(t);
	}
	arena_free(a);
}

struct seen {
	int n;
	char text[512];
};

static void
see_value(void *arg, const char *value, const char *file, int line)
{
	struct seen *s = arg;

	(void)file;
	s->n++;
	snprintf(
	    s->text + strlen(s->text), sizeof(s->text) - strlen(s->text), "%d:%s;", line, value);
}

static void
test_each(void **state)
{
	static const struct {
		const char *type, *text, *seen;
	} cases[] = {
		{ "texthash", "b 1\na 2\n", "1:1;2:2;" },
		{ "pcre", "/(x)/ FILTER $1\nif /a/\n/y/ a $$b\nendif\n", "1:FILTER $1;3:a $b;" },
		{ "regexp", "/x/ a\n", "1:a;" },
		{ "cidr", "if 1.0.0.0/8\n1.2.3.4 a\nendif\n", "2:a;" },
		{ "unionmap:{static:a, inline:{x=b}}", NULL, "0:a;0:b;" },
		{ "pipemap:{static:a, inline:{x=b}}", NULL, "0:b;" },
		{ "fail:x", NULL, "" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct seen s = { 0 };
		struct err err = { 0 };
		struct table *t = open_with(cases[i].type, cases[i].text, &err);

		assert_non_null(t);
		table_each(t, see_value, &s);
		assert_string_equal(s.text, cases[i].seen);
		table_close(t);
	}
}

static void
test_is_pattern(void **state)
{
	static const struct {
		const char *name;
		int pattern;
	} cases[] = {
		{ "inline:{a=b}", 0 },
		{ "static:x", 1 },
		{ "pcre:{}", 1 },
		{ "regexp:{}", 1 },
		{ "cidr:{}", 1 },
		{ "unionmap:{inline:{a=b},pcre:{}}",
		    0 }, /* the first member decides, as in Postfix */
		{ "pipemap:{pcre:{},inline:{a=b}}", 1 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct err err = { 0 };
		struct table *t = table_open(cases[i].name, NULL, NULL, &err);

		assert_non_null(t);
		assert_int_equal(table_is_pattern(t), cases[i].pattern);
		assert_string_equal(table_name(t), cases[i].name);
		table_close(t);
	}
}

static void
test_many_rows(void **state)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct table_hit hit;
	struct table *t;
	char key[100];
	FILE *f = fopen(path, "w");

	(void)state;
	assert_non_null(f);
	for (int i = 0; i < 5000; i++)
		fprintf(f, "User%d@Example.com value %d\n", i, i);
	assert_int_equal(fclose(f), 0);
	snprintf(key, sizeof(key), "texthash:%s", path);
	t = table_open(key, NULL, NULL, &err);
	assert_non_null(t);
	for (int i = 0; i < 5001; i++) {
		char want[32];
		int rc;

		snprintf(key, sizeof(key), "uSER%d@example.com", i);
		snprintf(want, sizeof(want), "value %d", i);
		rc = table_get(t, span_str(key), a, &hit, &err);
		assert_int_equal(rc, i < 5000);
		if (rc == 1) {
			assert_string_equal(hit.value, want);
			assert_int_equal(hit.line, i + 1);
		}
	}
	table_close(t);
	arena_free(a);
}

#ifdef HAVE_DB
#define HAS_DB 1
#else
#define HAS_DB 0
#endif
#ifdef HAVE_LMDB
#define HAS_LMDB 1
#else
#define HAS_LMDB 0
#endif
#ifdef HAVE_CDB
#define HAS_CDB 1
#else
#define HAS_CDB 0
#endif

static void
count_type(void *arg, const char *type, const char *text)
{
	(void)type;
	assert_true(strlen(text) > 0);
	++*(int *)arg;
}

static void
test_types(void **state)
{
	int n = 0;

	(void)state;
	table_types_each(count_type, &n);
	assert_int_equal(n, 11 + HAS_DB * 2 + HAS_LMDB + HAS_CDB);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_fail),
		cmocka_unit_test(test_match_limit),
		cmocka_unit_test(test_nothing_behind),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_long_key),
		cmocka_unit_test(test_many_groups),
		cmocka_unit_test(test_deep_parentheses),
		cmocka_unit_test(test_regexp_cost),
		cmocka_unit_test(test_nul_in_key),
		cmocka_unit_test(test_empty_key),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_is_pattern),
		cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_types),
	};
	int fd, rc;

	snprintf(path, sizeof(path), "/tmp/test_table.XXXXXX");
	if ((fd = mkstemp(path)) == -1)
		return 1;
	close(fd);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return rc;
}
