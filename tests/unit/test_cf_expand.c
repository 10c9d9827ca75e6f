#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "conf/cf_expand.h"

static const struct {
	const char *name, *value;
} values[] = {
	{ "empty", "" },
	{ "to_empty", "$empty" },
	{ "one", "1" },
	{ "level", "3.6" },
	{ "chain", "<$one>" },
	{ "self", "x $self" },
	{ "ring_a", "$ring_b" },
	{ "ring_b", "${ring_a}" },
	{ "to_ring", "$ring_a" },
	{ "broken", "a ${one" },
	{ "to_broken", "x $broken" },
	{ "to_nobody", "$nobody" },
	/* each doubles the one before: 2^20 references */
	{ "e0", "$e1$e1$e1$e1" },
	{ "e1", "$e2$e2$e2$e2" },
	{ "e2", "$e3$e3$e3$e3" },
	{ "e3", "$e4$e4$e4$e4" },
	{ "e4", "$e5$e5$e5$e5" },
	{ "e5", "$e6$e6$e6$e6" },
	{ "e6", "$e7$e7$e7$e7" },
	{ "e7", "$e8$e8$e8$e8" },
	{ "e8", "xx" },
};

static const char *
lookup(void *arg, const char *name)
{
	(void)arg;
	for (size_t i = 0; i < nitems(values); i++)
		if (strcmp(values[i].name, name) == 0)
			return values[i].value;
	return NULL;
}

static void
undefined(void *arg, const char *name, const char *in)
{
	buf_printf(arg, "undefined %s in %s;", name, in == NULL ? "-" : in);
}

/* The value, or "! IN: ERROR"; undefined names in front. */
static char *
expand(const char *text)
{
	struct arena *arena = arena_new();
	struct buf b = { 0 };
	struct cf_macros m = { .lookup = lookup, .undefined = undefined, .arg = &b };
	const char *out = NULL, *in = NULL;
	struct err err;

	if (cf_expand(text, "top", &m, arena, &out, &in, &err) == 0)
		buf_adds(&b, out);
	else
		buf_printf(&b, "! %s: %s", in == NULL ? "-" : in, err.text);
	arena_free(arena);
	return buf_take(&b);
}

/* Unless a row says otherwise Postfix 3.7 gives the same (postconf -x). */
static const struct {
	const char *text, *want;
} cases[] = {
	{ "plain", "plain" },
	{ "", "" },
	{ "$one", "1" },
	{ "${one}", "1" },
	{ "$(one)", "1" },
	{ "a$one.b", "a1.b" },
	{ "${ one }", "1" },
	{ "$chain", "<1>" },
	{ "a$$one", "a$one" },
	{ "$$$one", "$1" },
	{ "[$empty]", "[]" },
	{ "${one?yes}", "yes" },
	{ "${empty?yes}", "" },
	{ "${empty:no}", "no" },
	{ "${one:no}", "" },
	{ "${one?{yes}:{no}}", "yes" },
	{ "${empty?{yes}:{no}}", "no" },
	{ "${empty?{yes}:no}", "no" },
	{ "${ empty ? {yes} : {no} }", "no" },
	{ "${one? a }", "a" },
	{ "${one?{ a }}", " a " },   /* in braces blanks count */
	{ "${one?a b:c}", "a b:c" }, /* without braces there is no else */
	{ "${empty?yes:{no}}", "" },
	{ "${one?<$chain>}", "<<1>>" },
	{ "${to_empty?yes}", "yes" }, /* the value as written counts, not what comes of it */
	{ "${nobody?{a}:{b}}", "b" }, /* a question, no reference: Postfix warns */
	{ "${nobody:b}", "b" },
	{ "x${nobody}y", "undefined nobody in top;xy" },
	{ "$to_nobody", "undefined nobody in to_nobody;" },
	{ "${{1} == {1}}", "true" },
	{ "${{1} == {2}}", "" },
	{ "${{1} == {01} ? {x} : {y}}", "x" },
	{ "${{1}=={1}?{x}:{y}}", "x" },
	{ "${{1} != {1} ? {x} : {y}}", "y" },
	{ "${{10} < {9} ? {x} : {y}}", "y" },   /* numbers */
	{ "${{a10} < {a9} ? {x} : {y}}", "x" }, /* text */
	{ "${{1a} < {2} ? {x} : {y}}", "x" },
	{ "${{3.10} < {3.9} ? {x} : {y}}", "x" },
	{ "${{-1} < {1} ? {x} : {y}}", "x" },
	{ "${{2} <= {2} ? {x} : {y}}", "x" },
	{ "${{3} <= {2} ? {x} : {y}}", "y" },
	{ "${{2} >= {2} ? {x} : {y}}", "x" },
	{ "${{1} > {2} ? {x} : {y}}", "y" },
	{ "${{99999999999999999999} > {9} ? {x} : {y}}", "x" }, /* beyond any integer type */
	{ "${{ 1 } == {1} ? {x} : {y}}", "y" },
	{ "${{$level} <level {3.10} ? {x} : {y}}", "x" },
	{ "${{3.10} >=level {3.9} ? {x} : {y}}", "x" },
	{ "${{3.6.1} >level {3.6} ? {x} : {y}}", "x" },
	{ "${{} == {} ? {x} : {y}}", "x" },
	{ "${{1} == {1} ? {x}}", "x" },
	{ "${{1} == {2} : {x}}", "x" },
	{ "${{1} == {1} ? x : y}", "x : y" },
	{ "${{1} == {2} ? {x} : y }", "y" },
	{ "${{$one} == {1} ? {$chain} : {$self}}", "<1>" }, /* the other branch is not looked at */
	{ "${e}}", "undefined e in top;}" },
	{ "$one)", "1)" },
	/* errors */
	{ "a $ b", "! top: found \"$ b\", expected $name, ${...} or $$" },
	{ "$", "! top: found \"$\", expected $name, ${...} or $$" },
	{ "$-x", "! top: found \"$-x\", expected $name, ${...} or $$" },
	{ "${one", "! top: found \"${one\", expected a closing bracket" },
	{ "${one?{yes}", "! top: found \"${one?{yes}\", expected a closing bracket" },
	{ "$(one}", "! top: found \"$(one}\", expected a closing bracket" },
	{ "$(one?{yes)", "! top: found \"{yes\", expected a closing }" },
	{ "${}", "! top: found \"\", expected a name behind ${" },
	{ "${one-x}", "! top: found \"-x\", expected \"?\", \":\" or } behind the name" },
	{ "${one?{x} y:{z}}", "! top: found \"y:{z}\", expected \":\" or }" },
	{ "${one:{x} y}", "! top: found \"y\", expected }" },
	{ "${one?{x}:{y}z}", "! top: found \"z\", expected }" },
	{ "${{1} ~ {1} ? {x} : {y}}",
	    "! top: found \"~ {1} ? {x} : {y}\", expected == != < <= > or >=" },
	{ "${{1} == 1}", "! top: found \"1\", expected { and what is to be compared" },
	{ "${{1} == {1} x}", "! top: found \"x\", expected \"?\", \":\" or }" },
	{ "${{1} == {1} ? {x} y : {z}}", "! top: found \"y : {z}\", expected \":\" or }" },
	{ "${{x} <level {3.6}}", "! top: found \"x\", expected a compatibility level as 3.6" },
	{ "${{3.6} <level {3.}}", "! top: found \"3.\", expected a compatibility level as 3.6" },
	{ "${{3.6} <level {3.6.1.1}}",
	    "! top: found \"3.6.1.1\", expected a compatibility level as 3.6" },
	{ "$top", "! top: refers to itself: $top -> $top" },
	{ "$self", "! self: refers to itself: $self -> $self" },
	{ "$to_ring", "! ring_a: refers to itself: $ring_a -> $ring_b -> $ring_a" },
	{ "$to_broken", "! broken: found \"${one\", expected a closing bracket" },
	{ "$e0", "! top: refers to more than 20000 values in all" },
};

static void
test_expand(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		char *got = expand(cases[i].text);

		assert_string_equal(got, cases[i].want);
		free(got);
	}
}

static void
test_limits(void **state)
{
	struct buf b = { 0 };
	char *got;

	(void)state;
	for (int i = 0; i < CF_EXPAND_DEPTH + 1; i++)
		buf_adds(&b, "${one?{");
	for (int i = 0; i < CF_EXPAND_DEPTH + 1; i++)
		buf_adds(&b, "}}");
	got = expand(buf_cstr(&b));
	assert_string_equal(got, "! top: values must not be nested deeper than 100");
	free(got);
	buf_reset(&b);
	buf_adds(&b, "$one ");
	while (b.len <= CF_EXPAND_MAX)
		buf_adds(&b, "xxxxxxxxxxxxxxxx");
	buf_adds(&b, "$one");
	got = expand(buf_cstr(&b));
	assert_string_equal(got, "! top: the value must have at most 1048576 octets");
	free(got);
	buf_fini(&b);
}

static void
add_name(void *arg, struct span name)
{
	buf_add_span(arg, name);
	buf_addc(arg, ' ');
}

static void
test_references(void **state)
{
	struct buf b = { 0 };

	(void)state;
	cf_references("$a ${b} $(c) $$d ${e?{$f}:{${g:h}}} ${{$i} == {1} ? {$j}} $", add_name, &b);
	assert_string_equal(buf_cstr(&b), "a b c e f g i j ");
	buf_reset(&b);
	cf_references("nothing here", add_name, &b);
	assert_string_equal(buf_cstr(&b), "");
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expand),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
