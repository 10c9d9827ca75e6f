/* A client that came by XCLIENT is told of by XCLIENT. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "client/hop_private.h"
#include "client/pool.h"
#include "tests/lib/fake_hop.h"

#define SOON deadline_in_ms(20000)
#define TAKES                                                                                      \
	"250-PIPELINING\r\n250-XFORWARD NAME ADDR\r\n250 XCLIENT NAME ADDR PORT LOGIN "            \
	"REVERSE_NAME\r\n"

static const struct hop_client client = { .name = "",
	.name_tempfail = 1,
	.reverse_name = "back.example",
	.addr = "2001:db8::1",
	.port = "25",
	.helo = "said.example",
	.login = "joe+x",
	.xclient = 1 };

static const struct {
	const char *what, *ehlo;
	const char *xclient; /* reply */
	const char *ehlo_again;
	int xclients;         /* does it come by XCLIENT? */
	int mail;             /* reply to MAIL */
	const char *said[4];  /* in what was sent */
	const char *not_said; /* or NULL */
	int connections;      /* after a second transaction */
} cases[] = {
	{ "taken", TAKES, "220 hello again\r\n", NULL, 1, 250,
	    { "XCLIENT NAME=[TEMPUNAVAIL] REVERSE_NAME=back.example PORT=25 LOGIN=joe+2Bx "
	      "ADDR=IPV6:2001:db8::1\r\nEHLO said.example\r\nMAIL FROM:<from@x.example>" },
	    "XFORWARD", 2 },
	{ "came by XFORWARD", TAKES, "220 hello again\r\n", NULL, 0, 250,
	    { "XFORWARD NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::1\r\nMAIL" }, "XCLIENT", 1 },
	{ "not announced", "250-PIPELINING\r\n250 XFORWARD ADDR\r\n", NULL, NULL, 1, 250,
	    { "XFORWARD ADDR=IPV6:2001:db8::1\r\nMAIL" }, "XCLIENT", 1 },
	{ "without the address it would be of no use", "250 XCLIENT NAME\r\n", NULL, NULL, 1, 250,
	    { "MAIL" }, "XCLIENT", 1 },
	{ "refused: that is the client's reply", TAKES, "554 5.7.1 go away\r\n", NULL, 1, 554,
	    { "XCLIENT" }, "MAIL", 2 },
	{ "HELO refused", TAKES, "220 hello again\r\n", "550 5.7.1 not with that name\r\n", 1, 550,
	    { "EHLO said.example" }, "MAIL", 2 },
};

static void
run_one(size_t i)
{
	struct hop_options o = { "filter.example", 5000, 5000, 60000, 10, 0 };
	struct fake_rule rules[2] = { { "XCLIENT", NULL, cases[i].xclient },
		{ "EHLO", "said", cases[i].ehlo_again } };
	size_t n = cases[i].xclient == NULL ? 0 : cases[i].ehlo_again == NULL ? 1 : 2;
	struct fake_hop *fake = fake_hop_new(HOP_SMTP, rules, n);
	struct hop_pool *pool = pool_new(&o, NULL);
	struct hop_client c = client;
	struct arena *a = arena_new();
	struct err err = { 0 };

	c.xclient = cases[i].xclients;
	fake_hop_ehlo(fake, cases[i].ehlo);
	for (int times = 0; times < 2; times++) {
		struct hop_rcpt to = { .path = "a@x.example", .params = "" };
		struct hop_envelope e = { .mail_path = "from@x.example",
			.mail_params = "",
			.client = &c,
			.rcpts = &to,
			.nrcpts = 1,
			.arena = a };
		struct hop *h = pool_get(pool, fake_hop_target(fake), 0, SOON, &err);

		assert_non_null(h);
		assert_int_equal(hop_mail(h, &e, SOON, &err), 0);
		assert_int_equal(e.mail.code, cases[i].mail);
		if (e.mail.code == 250)
			assert_int_equal(hop_rset(h, SOON, &err), 0);
		pool_put(pool, h);
	}
	pool_free(pool);
	fake_hop_settle(fake);
	for (size_t k = 0; k < nitems(cases[i].said) && cases[i].said[k] != NULL; k++)
		assert_non_null(strstr(fake_hop_read(fake, 0), cases[i].said[k]));
	if (cases[i].not_said != NULL)
		assert_null(strstr(fake_hop_read(fake, 0), cases[i].not_said));
	assert_int_equal(fake_hop_connections(fake), cases[i].connections);
	fake_hop_free(fake);
	arena_free(a);
}

static void
test_each(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		print_message("%s\n", cases[i].what);
		run_one(i);
	}
}

/* What does not fit one command goes into two, the address into the last. */
static void
test_long(void **state)
{
	static const struct fake_rule rules[] = { { "XCLIENT", NULL, "220 hello\r\n" } };
	struct fake_hop *fake = fake_hop_new(HOP_SMTP, rules, 1);
	struct hop_client c = client;
	struct hop_rcpt to = { .path = "a@x.example", .params = "" };
	struct arena *a = arena_new();
	struct hop_envelope e = { .mail_path = "",
		.mail_params = "",
		.client = &c,
		.rcpts = &to,
		.nrcpts = 1,
		.arena = a };
	struct err err = { 0 };
	char name[256];
	struct hop *h;
	const char *second;

	(void)state;
	memset(name, 'n', 255);
	name[255] = '\0';
	c.name = c.reverse_name = name;
	c.helo = "two words"; /* no HELO says that */
	fake_hop_ehlo(fake, TAKES);
	h = hop_open(fake_hop_target(fake), "filter.example", 5000, 5000, SOON, &err);
	assert_non_null(h);
	assert_int_equal(hop_begin(h, &e, 1, SOON, &err), 0);
	assert_int_equal(e.data.code, 354);
	hop_close(h);
	fake_hop_settle(fake);
	second = strstr(fake_hop_read(fake, 0), "\r\nXCLIENT REVERSE_NAME=n");
	assert_non_null(second);
	assert_non_null(
	    strstr(second, " ADDR=IPV6:2001:db8::1\r\nEHLO filter.example\r\nMAIL FROM:<>"));
	fake_hop_free(fake);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
