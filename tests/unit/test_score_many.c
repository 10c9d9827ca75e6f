/* A hundred recipients whose classes order the same five checks differently, with limits and
 * exceptions of their own: each has its own verdict, and what they ask is asked once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "core/score.h"
#include "table/table.h"
#include "tests/lib/dns_zone.h"
#include "tests/lib/plugin_world.h"

#define MANY  ((size_t)100)
#define LINES ((size_t)500)

/* --- a table that counts what it is asked: it knows what has "pills" in it --- */

static size_t gets;

static int
counted_open(const struct filterd_host *h, const char *name, void **table, char *why, size_t size)
{
	(void)h;
	(void)why;
	(void)size;
	*table = (void *)(uintptr_t)name;
	return 0;
}

static int
counted_get(void *table, struct filterd_octets key, struct filterd_table_answer *answer, char *why,
    size_t size)
{
	static const char row[] = "REJECT pills";

	(void)table;
	(void)why;
	(void)size;
	gets++;
	if (memmem(key.p, key.len, "pills", 5) == NULL)
		return 0;
	table_plugin_answer(
	    answer, (struct filterd_octets){ .p = (const uint8_t *)row, .len = sizeof(row) - 1 });
	return 1;
}

static void
counted_close(void *table)
{
	(void)table;
}

static const struct filterd_table_type counted[] = {
	{ .type = "counted",
	    .text = "counts",
	    .open = counted_open,
	    .get = counted_get,
	    .close = counted_close },
	{ .type = NULL },
};

/* --- a hundred classes --- */

static char classes[MANY][600], names[MANY * 6];

static const char *const checks[] = {
	"score_if_reject 1 reject_probe",
	"score_if_reject 2 check_header counted:header",
	"score_if_reject 3 check_body counted:body",
	"score_if_reject 4 check_fact counted:fact",
	"score_if_reject 5 reject_rbl_client rbl.example",
};
#define ALL_POINTS 11 /* but for the facts, which know no pills */

/* Every permutation of the five is someone's, and some have a friend's permission in between. */
static void
write_class(size_t i)
{
	size_t order[5] = { 0, 1, 2, 3, 4 }, at = 0, n = i;

	for (size_t k = 4; k > 0; k--) {
		size_t other = n % (k + 1), kept = order[k];

		n /= k + 1;
		order[k] = order[other];
		order[other] = kept;
	}
	for (size_t k = 0; k < 5; k++) {
		if (k == 2 && i % 7 == 0)
			at += (size_t)snprintf(classes[i] + at, sizeof(classes[i]) - at,
			    "check_sender_access inline:{s@from.example=OK}, ");
		at += (size_t)snprintf(
		    classes[i] + at, sizeof(classes[i]) - at, "%s, ", checks[order[k]]);
	}
	snprintf(classes[i] + at, sizeof(classes[i]) - at, "tag_if_score %zu, reject_if_score %zu",
	    i % 20, i % 23);
}

static const char *
site(void *arg, const char *name, struct rule_where *where)
{
	unsigned i = MANY;

	(void)arg;
	*where = (struct rule_where){ .file = NULL };
	return sscanf(name, "c%u", &i) == 1 && i < MANY ? classes[i] : NULL;
}

static void
begin(struct plugin_world *x, size_t nrcpts)
{
	static struct table_plugin plugin = { .types = counted };
	static const struct table_plugins plugins = { .v = &plugin, .n = 1 };
	static char rows[MANY * 40];
	static const char *const keys[] = { "Eicar" };
	struct buf message = { 0 };
	size_t at = 0;

	plugin_world_init(x);
	table_registry_plugins(x->w.tables, &plugins);
	x->scanner.found = (struct scan_found){ .answer = { .keys = keys, .nkeys = 1 } };
	rule_world_zone(&x->w, "10.2.0.192.rbl.example A 127.0.0.2");
	names[0] = '\0';
	at = (size_t)snprintf(rows, sizeof(rows), "check_recipient_access inline:{");
	for (size_t i = 0; i < MANY; i++) {
		write_class(i);
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "c%zu ", i);
		at += (size_t)snprintf(rows + at, sizeof(rows) - at, "%sr%zu@local.example=c%zu",
		    i == 0 ? "" : ",", i, i);
	}
	snprintf(rows + at, sizeof(rows) - at, "}");
	x->w.o.smtpd_restriction_classes = names;
	x->w.o.site = site;
	x->w.o.lists[LIST_CONTENT] = rows;
	assert_int_equal(rule_world_compile(&x->w), 0);
	buf_adds(&message, "From: s@from.example\r\nSubject: pills\r\n\r\n");
	for (size_t i = 0; i < LINES; i++)
		buf_adds(&message, i == LINES - 1 ? "pills\r\n" : "line\r\n");
	plugin_world_message(x, buf_cstr(&message));
	buf_fini(&message);
	for (size_t i = 0; i < nrcpts; i++) {
		char address[40];

		snprintf(address, sizeof(address), "r%zu@local.example", i);
		rule_world_rcpt(&x->w, address);
		rule_world_accept(&x->w);
	}
	gets = 0;
}

static void
ask(struct plugin_world *x, struct recipient *r)
{
	struct rule_ask a = { .txn = &x->w.txn,
		.stage = RULE_CONTENT,
		.rcpt = &r->path,
		.recipient = r,
		.services = &x->w.services,
		.deadline = deadline_in_ms(600000) };

	rules_ask(x->w.rules, &a, &r->verdict);
}

static void
assert_verdict(size_t i, const struct verdict *v)
{
	int spared = i % 7 == 0;

	if (spared) { /* two checks had their turn */
		assert_int_equal(v->outcome, OUTCOME_OK);
		assert_true(v->score.n <= 2);
		assert_int_equal(v->tags.n, 0);
		return;
	}
	assert_int_equal(v->score.total, ALL_POINTS * 1000);
	assert_int_equal(v->score.n, 4);
	assert_int_equal(v->tags.n, i % 20 <= ALL_POINTS);
	assert_int_equal(v->outcome, i % 23 <= ALL_POINTS ? OUTCOME_REJECT : OUTCOME_DUNNO);
}

static void
test_asked_once(void **state)
{
	struct plugin_world one, many;
	size_t for_one;

	(void)state;
	begin(&one, 2);
	ask(&one, one.w.txn.rcpts[1]); /* the first one is spared some of it */
	assert_verdict(1, &one.w.txn.rcpts[1]->verdict);
	for_one = gets;
	/* each line, each field, each of the three keys of each fact that there is */
	assert_true(for_one >= LINES + 2 && for_one < LINES + 20);
	plugin_world_fini(&one);

	begin(&many, MANY);
	for (size_t i = 0; i < MANY; i++)
		ask(&many, many.w.txn.rcpts[i]);
	for (size_t i = 0; i < MANY; i++)
		assert_verdict(i, &many.w.txn.rcpts[i]->verdict);
	assert_int_equal(gets, for_one);
	assert_int_equal(many.scanner.asked, 1);
	/* and not why it is listed, for nobody is told */
	assert_string_equal(dns_zone_asked(many.w.zone), "A 10.2.0.192.rbl.example");
	plugin_world_fini(&many);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asked_once),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
