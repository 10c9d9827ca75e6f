#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "mail/pkcs7.h"

#define SIGNED    "06092a864886f70d010702"
#define ENVELOPED "06092a864886f70d010703"
#define AUTH      "060b2a864886f70d0109100117"
#define DATA      "06092a864886f70d010701"
#define VERSION   "020101"
#define BEGIN     "3080" SIGNED "a0803080" VERSION "3100"

/* Octets in hex, what they are and the pieces, '|' behind each. */
static const struct {
	const char *hex;
	enum pkcs7_kind kind;
	const char *pieces;
} rows[] = {
	{ "", PKCS7_NONE, "" },
	{ "30", PKCS7_NONE, "" },
	{ "3000", PKCS7_NONE, "" },
	/* in DER */
	{ "3028" SIGNED "a01b3019" VERSION "3100"
	  "3012" DATA "a0050403414243"
	  "3100",
	    PKCS7_SIGNED, "ABC|" },
	/* lengths with more octets than are needed */
	{ "308180" SIGNED "a0820030308300002e" VERSION "3100"
	  "3012" DATA "a0050403414243",
	    PKCS7_SIGNED, "ABC|" },
	/* too long: what is there counts */
	{ "30847fffffff" SIGNED "a07f307f" VERSION "3100"
	  "307f" DATA "a07f047f414243",
	    PKCS7_SIGNED, "ABC|" },
	{ "3088ffffffffffffffff" SIGNED "a08affffffffffffffffffff307f" VERSION "3100"
	  "307f" DATA "a07f048200ff4142",
	    PKCS7_SIGNED, "AB|" },
	/* in BER, in pieces */
	{ BEGIN "3080" DATA "a0802480"
		"04014104024243"
		"0000"
		"0000"
		"0000"
		"040158",
	    PKCS7_SIGNED, "A|BC|" },
	{ BEGIN "3080" DATA "a080"
		"2405"
		"0401410400"
		"040158",
	    PKCS7_SIGNED, "A||" },
	/* pieces of pieces */
	{ BEGIN "3080" DATA "a0802480"
		"2480"
		"040141"
		"0000"
		"2403"
		"040142"
		"040143"
		"0000"
		"040158",
	    PKCS7_SIGNED, "A|B|C|" },
	/* what stands before the content may be of unknown length, too */
	{ "3080" SIGNED "a0803080" VERSION "3180"
	  "3080"
	  "0500"
	  "0000"
	  "0000"
	  "3080" DATA "a080040141",
	    PKCS7_SIGNED, "A|" },
	/* signed by itself, apart from its content */
	{ "3021" SIGNED "a0143012" VERSION "3100"
	  "300b" DATA,
	    PKCS7_NONE, "" },
	{ BEGIN "3080" DATA "a080"
		"0201"
		"41",
	    PKCS7_SIGNED, "" },
	/* cut in a length, a tag of several octets, nothing but the ends of elements */
	{ BEGIN "3080" DATA "a0800482", PKCS7_SIGNED, "" },
	{ BEGIN "3080" DATA "a0801f0401", PKCS7_SIGNED, "" },
	{ BEGIN "3080" DATA "a080000000000000040141", PKCS7_SIGNED, "" },
	/* encrypted */
	{ "3080" ENVELOPED "a080", PKCS7_ENCRYPTED, "" },
	{ "3080" AUTH, PKCS7_ENCRYPTED, "" },
	{ "3080" DATA "a080040141", PKCS7_NONE, "" },
	{ "3180" SIGNED, PKCS7_NONE, "" },
	{ "30800680" SIGNED, PKCS7_NONE, "" },
};

static int
nibble(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

static void
test_look(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		struct buf in = { 0 }, out = { 0 };
		struct pkcs7_pieces pieces;
		struct span piece;

		for (const char *s = rows[i].hex; *s != '\0'; s += 2)
			buf_addc(&in, (char)(nibble(s[0]) << 4 | nibble(s[1])));
		assert_int_equal(pkcs7_look(buf_span(&in), &pieces), rows[i].kind);
		while (pkcs7_next(&pieces, &piece)) {
			buf_add_span(&out, piece);
			buf_addc(&out, '|');
		}
		if (!span_eq_str(buf_span(&out), rows[i].pieces))
			fail_msg("%zu: %s", i, buf_cstr(&out));
		buf_fini(&in);
		buf_fini(&out);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_look) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
