/* What may stand on the right side of an access(5) table, each asked about twice: the recipient
 * whose row it is, and another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "tests/lib/rule_world.h"

#define HIT        "<hit@local.example>: Recipient address rejected: "
#define CLIENT_HIT "<mail.good.example[192.0.2.10]>: Client host rejected: "
#define CONFIG     "451 4.3.5 Server configuration error"
/* Behind the table. */
#define DENIED_HIT  "554 5.7.1 " HIT "Access denied"
#define DENIED_MISS "554 5.7.1 <miss@local.example>: Recipient address rejected: Access denied"

static const struct {
	const char *value, *behind; /* what stands behind the table in the list */
	const char *hit, *miss;     /* answers */
	const char *effects;        /* of the hit */
	const char *log;            /* a piece of what it logs */
} cases[] = {
	{ "OK", "reject", "ok", DENIED_MISS, "", NULL },
	{ "ok whatever", "reject", "ok", DENIED_MISS, "", NULL },
	{ "RELAY", "reject", "ok", DENIED_MISS, "", NULL }, /* as Sendmail says OK */
	{ "1", "reject", "ok", DENIED_MISS, "", NULL },
	{ "554", "reject", "ok", DENIED_MISS, "", NULL }, /* a code without a text is a number */
	{ "DUNNO", "permit", "ok", "ok", "", NULL },
	/* no restriction, and no value, which is the table's fault */
	{ ",", "reject", "ok", DENIED_MISS, "", "counts as OK" },
	{ "", "permit", "451 4.3.5 " HIT "Server configuration error", "ok", "", "is empty" },
	{ "REJECT", "permit", DENIED_HIT, "ok", "", NULL },
	{ "reject go away", "permit", "554 5.7.1 " HIT "go away", "ok", "", NULL },
	{ "REJECT 5.1.1 gone", "permit", "554 5.1.1 " HIT "gone", "ok", "", NULL },
	{ "REJECT 4.1.1 gone", "permit", "554 5.1.1 " HIT "gone", "ok", "", NULL },
	{ "REJECT 5.1.7 x", "permit", "554 5.1.3 " HIT "x", "ok", "", NULL }, /* of a recipient */
	{ "DEFER", "permit", "450 4.7.1 " HIT "Access denied", "ok", "", NULL },
	{ "DEFER 4.2.0 full", "permit", "450 4.2.0 " HIT "full", "ok", "", NULL },
	{ "450 later", "permit", "450 4.7.1 " HIT "later", "ok", "", NULL },
	{ "452 4.2.2 full", "permit", "452 4.2.2 " HIT "full", "ok", "", NULL },
	{ "550 no", "permit", "550 5.7.1 " HIT "no", "ok", "", NULL },
	{ "550 4.2.2 no", "permit", "550 5.2.2 " HIT "no", "ok", "", NULL },
	/* after these the door closes the connection */
	{ "421 4.7.0 go", "permit", "421 4.7.0 " HIT "go", "ok", "", NULL },
	{ "521 5.7.0 go", "permit", "521 5.7.0 " HIT "go", "ok", "", NULL },
	{ "DEFER_IF_PERMIT", "permit", "450 4.7.1 " HIT "Service unavailable", "ok", "", NULL },
	{ "DEFER_IF_PERMIT 4.2.0 x", "permit", "450 4.2.0 " HIT "x", "ok", "", NULL },
	{ "DEFER_IF_PERMIT", "reject", DENIED_HIT, DENIED_MISS, "", NULL },
	{ "DEFER_IF_REJECT", "reject", "450 4.7.1 " HIT "Service unavailable", DENIED_MISS, "",
	    NULL },
	{ "DEFER_IF_REJECT 4.2.0 x", "reject", "450 4.2.0 " HIT "x", DENIED_MISS, "", NULL },
	{ "DEFER_IF_REJECT", "permit", "ok", "ok", "", NULL },
	/* none of these is any of Postfix's */
	{ "250 text", "permit", CONFIG, "ok", "", NULL },
	{ "45 x", "permit", CONFIG, "ok", "", NULL },
	{ "5505 x", "permit", CONFIG, "ok", "", NULL },
	{ "REJECTED", "permit", CONFIG, "ok", "", NULL },
	/* lists */
	{ "reject_unauth_destination, permit", "reject", "ok", DENIED_MISS, "", NULL },
	{ "warn_if_reject reject", "reject", DENIED_HIT, DENIED_MISS, "", "reject_warning" },
	{ "strict", "permit", DENIED_HIT, "ok", "", NULL },
	{ "STRICT", "permit", CONFIG, "ok", "", NULL }, /* case counts in names of classes */
	{ "loose", "reject", DENIED_HIT, DENIED_MISS, "", NULL },
	{ "check_recipient_access inline:{x=y}", "permit", CONFIG, "ok", "", NULL },
	/* effects; the list goes on */
	{ "HOLD", "reject", DENIED_HIT, DENIED_MISS, "hold:", "hold: RCPT" },
	{ "HOLD look", "permit", "ok", "ok", "hold:look", "Recipient address look" },
	{ "BCC a@b.test", "permit", "ok", "ok", "bcc:a@b.test", "triggers BCC a@b.test" },
	{ "BCC b.test", "permit", "ok", "ok", "", "needs user@domain" },
	{ "REDIRECT a@b.test", "permit", "ok", "ok", "redirect:a@b.test", "REDIRECT" },
	{ "REDIRECT b.test", "permit", "ok", "ok", "", "needs user@domain" },
	{ "FILTER smtp:[b.test]", "permit", "ok", "ok", "filter:smtp:[b.test]", "FILTER" },
	{ "FILTER b.test", "permit", "ok", "ok", "", "needs transport:destination" },
	{ "PREPEND X-A: b", "permit", "ok", "ok", "prepend:X-A: b", NULL },
	{ "PREPEND b", "permit", "ok", "ok", "", "needs a header field" },
	{ "TAG", "permit", "ok", "ok", "tag:", NULL },
	{ "INFO see", "permit", "ok", "ok", "", "info: RCPT" },
	{ "WARN", "permit", "ok", "ok", "", "triggers WARN" },
	/* but for this one, which is taken and goes nowhere */
	{ "DISCARD", "reject", "ok", DENIED_MISS, "discard:", "discard: RCPT" },
	{ "DISCARD why", "reject", "ok", DENIED_MISS, "discard:why", "Recipient address why" },
};

static const char *
site(void *arg, const char *name, struct rule_where *where)
{
	(void)arg;
	*where = (struct rule_where){ .file = NULL };
	return strcmp(name, "strict") == 0  ? "reject"
	       : strcmp(name, "loose") == 0 ? "reject_unauth_destination"
					    : NULL;
}

static void
add_all(struct buf *out, const char *name, const struct effect_texts *e)
{
	for (size_t i = 0; i < e->n; i++)
		buf_printf(out, "%s:%s", name, e->v[i].arg);
}

static const char *
effects(const struct verdict *v, struct buf *out)
{
	buf_reset(out);
	if (v->hold)
		buf_printf(out, "hold:%s", v->hold_reason);
	if (v->discard)
		buf_printf(out, "discard:%s", v->discard_reason);
	if (v->filter.arg != NULL)
		buf_printf(out, "filter:%s", v->filter.arg);
	if (v->redirect.arg != NULL)
		buf_printf(out, "redirect:%s", v->redirect.arg);
	add_all(out, "bcc", &v->bcc);
	add_all(out, "prepend", &v->prepends);
	add_all(out, "tag", &v->tags);
	return buf_cstr(out);
}

static int
compile(struct rule_world *w, const char *list, int tolerant)
{
	rule_world_init(w);
	w->o.smtpd_restriction_classes = "strict loose";
	w->o.site = site;
	w->o.tolerant = tolerant;
	w->o.lists[LIST_RECIPIENT] = list;
	return rule_world_compile(w);
}

static void
world(struct rule_world *w, const char *list)
{
	assert_int_equal(compile(w, list, 0), 0);
}

/* What can only be answered with 451 4.3.5 is refused when it is loaded, but where Postfix's way is
 * wanted. */
static void
world_of_value(struct rule_world *w, const char *list, const char *hit)
{
	int bad = strstr(hit, "4.3.5") != NULL;

	assert_int_equal(compile(w, list, 0), bad ? -1 : 0);
	if (!bad)
		return;
	rule_world_fini(w);
	assert_int_equal(compile(w, list, 1), 0);
}

static void
test_values(void **state)
{
	struct buf out = { 0 };
	char list[300];

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct rule_world w;

		snprintf(list, sizeof(list),
		    "check_recipient_access inline:{ { hit@local.example = %s } }, %s",
		    cases[i].value, cases[i].behind);
		world_of_value(&w, list, cases[i].hit);
		rule_world_rcpt(&w, "miss@local.example");
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), cases[i].miss);
		assert_string_equal(effects(&w.txn.verdict, &out), "");
		rule_world_said(&w);
		rule_world_rcpt(&w, "hit@local.example");
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), cases[i].hit);
		assert_string_equal(effects(&w.txn.verdict, &out), cases[i].effects);
		if (cases[i].log != NULL)
			assert_non_null(strstr(rule_world_said(&w), cases[i].log));
		rule_world_fini(&w);
	}
	buf_fini(&out);
}

/* DUNNO ends the search: a key that says less is not tried. */
static void
test_dunno(void **state)
{
	struct rule_world w;

	(void)state;
	world(
	    &w, "check_recipient_access inline:{ hit@local.example=DUNNO, local.example=REJECT }");
	rule_world_rcpt(&w, "miss@local.example");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), DENIED_MISS);
	rule_world_rcpt(&w, "hit@local.example");
	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	rule_world_fini(&w);
}

/* Before MAIL there is no message for an effect. */
static void
test_too_early(void **state)
{
	static const char *const values[] = { "HOLD", "DISCARD", "FILTER smtp:x", "BCC a@b.test",
		"REDIRECT a@b.test", "PREPEND X-A: b", "TAG" };
	struct buf out = { 0 };
	char list[200];

	(void)state;
	for (size_t i = 0; i < nitems(values); i++) {
		struct rule_world w;

		rule_world_init(&w);
		snprintf(list, sizeof(list),
		    "check_client_access inline:{ { 192.0.2.10 = %s } }, reject", values[i]);
		w.o.smtpd_delay_reject = 0;
		w.o.lists[LIST_CLIENT] = list;
		assert_int_equal(rule_world_compile(&w), 0);
		assert_string_equal(
		    rule_world_ask(&w, RULE_CONNECT), "554 5.7.1 " CLIENT_HIT "Access denied");
		assert_string_equal(effects(&w.txn.verdict, &out), "");
		assert_non_null(strstr(rule_world_said(&w), "this does nothing"));
		rule_world_fini(&w);
	}
	buf_fini(&out);
}

/* Each recipient that comes to it raises it again; the last REDIRECT and FILTER win. */
static void
test_they_add_up(void **state)
{
	struct buf out = { 0 };
	struct rule_world w;

	(void)state;
	world(&w,
	    "check_recipient_access inline:{ { a@local.example = PREPEND X-A: 1 },"
	    " { b@local.example = REDIRECT b@x.test }, { c@local.example = REDIRECT c@x.test } }");
	for (const char *p = "abca"; *p != '\0'; p++) {
		char rcpt[] = "?@local.example";

		rcpt[0] = *p;
		rule_world_rcpt(&w, rcpt);
		assert_string_equal(rule_world_ask(&w, RULE_RCPT), "dunno");
	}
	assert_string_equal(
	    effects(&w.txn.verdict, &out), "redirect:c@x.testprepend:X-A: 1prepend:X-A: 1");
	buf_fini(&out);
	rule_world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_dunno),
		cmocka_unit_test(test_too_early),
		cmocka_unit_test(test_they_add_up),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
