#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "mail/idna.h"

static const struct {
	const char *in, *out;
} cases[] = {
	{ "b\xc3\xbc"
	  "cher.example",
	    "xn--bcher-kva.example" },
	{ "B\xc3\x9c"
	  "CHER.Example",
	    "xn--bcher-kva.example" },                  /* case is folded first */
	{ "fa\xc3\x9f.example", "xn--fa-hia.example" }, /* the transitional one would be fass */
	{ "a.\xe4\xbe\x8b\xe5\xad\x90.test", "a.xn--fsqu00a.test" },
	{ "b\xff.example", NULL },          /* no UTF-8 */
	{ "a\xe2\x80\xa8z.example", NULL }, /* a line separator */
};

static void
test_ascii(void **state)
{
	struct arena *a = arena_new();
	static const char plain[] = "Mail.Example-.";

	(void)state;
	assert_ptr_equal(idna_ascii(a, plain), plain); /* nothing is looked at, nothing changed */
	for (size_t i = 0; i < nitems(cases); i++) {
		const char *got = idna_ascii(a, cases[i].in);

		if (cases[i].out == NULL)
			assert_null(got);
		else
			assert_string_equal(got, cases[i].out);
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_ascii) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
