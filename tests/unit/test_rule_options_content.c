/* What the parameters about texts and URLs of messages change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "core/message.h"
#include "tests/lib/option_pair.h"

#define REJECTED "554 5.7.1 Message content rejected"

static const char *
ask_about(struct rule_world *w, const char *text)
{
	static const struct message_options o = { .memory_limit = (size_t)1 << 20,
		.spool_directory = "/nonexistent" };
	struct message *m = message_new(&o);
	const char *answer;
	struct err err;
	uint8_t *p;

	p = message_reserve(m, strlen(text), &err);
	assert_non_null(p);
	memcpy(p, text, strlen(text));
	message_commit(m, strlen(text));
	w->txn.message = m;
	answer = rule_world_ask(w, RULE_CONTENT);
	rules_scan_end(&w->txn);
	w->txn.message = NULL;
	message_free(m);
	return answer;
}

static const char *
ask_urls(struct rule_world *w)
{
	return ask_about(w, "A: 1\r\n\r\nhttp://good.example/ and http://evil.example/\r\n");
}

static const char *
ask_word(struct rule_world *w)
{
	return ask_about(w, "A: 1\r\n\r\nsecret");
}

/* The second letter is Cyrillic. */
static const char *
ask_look_alike(struct rule_world *w)
{
	return ask_about(w, "Content-Type: text/plain; charset=utf-8\r\n\r\np\xd0\xb0ypal");
}

#define EVIL "check_url_host inline:{evil.example=REJECT}"

static const struct option_case cases[] = {
	{ .option = { "url_check_count_limit", "1", "2" },
	    .want = { "dunno", REJECTED },
	    .more = { { "content_restrictions", EVIL } },
	    .accepted = 1,
	    .ask = ask_urls },
	{ .option = { "url_check_size_limit", "20", "0" },
	    .want = { "dunno", REJECTED },
	    .more = { { "content_restrictions", EVIL } },
	    .accepted = 1,
	    .ask = ask_urls },
	{ .option = { "url_dns_count_limit", "1", "2" },
	    .want = { "dunno", "554 5.7.1 Service unavailable; URL host [evil.example] blocked "
			       "using list.test" },
	    .zone = "evil.example.list.test A 127.0.0.2\n",
	    .more = { { "content_restrictions", "reject_rhsbl_url list.test" } },
	    .accepted = 1,
	    .ask = ask_urls },
	{ .option = { "urls_on_failure", "defer", "accept" },
	    .want = { "451 4.7.1 Service temporarily unavailable, try again later", "dunno" },
	    .more = { { "content_restrictions", "check_url fail:retry" } },
	    .accepted = 1,
	    .ask = ask_urls },
	{ .option = { "text_check_size_limit", "3", "6" },
	    .want = { "dunno", REJECTED },
	    .more = { { "content_restrictions", "check_text inline:{secret=REJECT}" } },
	    .accepted = 1,
	    .ask = ask_word },
	{ .option = { "text_fold_homoglyphs", "no", "yes" },
	    .want = { "dunno", REJECTED },
	    .more = { { "content_restrictions", "check_text inline:{paypal=REJECT}" } },
	    .accepted = 1,
	    .ask = ask_look_alike },
};

static void
test_pairs(void **state)
{
	(void)state;
	option_pairs(cases, nitems(cases));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
