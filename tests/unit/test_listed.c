#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h needs the above */
#include <cmocka.h>

#include "tests/lib/address_world.h"
#include "base/arena.h"
#include "base/err.h"
#include "rules/listed.h"
#include "rules/login_maps.h"
#include "table/table.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void
site(struct rule_options *o)
{
	o->virtual_mailbox_domains = "vmbox.example all.example";
	o->relay_domains = "relay.example par.example sub.example";
	o->parent_domain_matches_subdomains = "relay_domains";
	o->local_recipient_maps =
	    "inline:{ bob=x, ann+q=x, dom@local.example=x } pcre:{ {/^\"a b\"@local/ x} }";
	o->virtual_mailbox_maps = "inline:{ joe@vmbox.example=x, @all.example=x }";
	o->relay_recipient_maps = "inline:{ known@relay.example=x }";
	o->virtual_alias_maps = "inline:{ sales@valias.example=x, viaalias=x, @aliased.example=x }";
	o->canonical_maps = "inline:{ can@relay.example=x }";
	o->recipient_canonical_maps = "inline:{ rcan@relay.example=x }";
	o->sender_canonical_maps = "inline:{ scan@relay.example=x }";
	o->transport_maps =
	    "inline:{ {errt.example=error:5.1.2 no such place},"
	    " {retryt.example=retry:4.4.1 later please}, noerr.example=error:,"
	    " err2.example=error, {err3.example=error:4.3.1 odd class},"
	    " {.sub.example=error:dotsub}, {par.example=error:parent},"
	    " {gone@local.example=error:5.1.6 gone}, {u@relay.example=error:2.0.0 two},"
	    " valias.example=error:never, err7.example=ERROR:upper,"
	    " e8.example=:error, {e9.example=error:x y  z}, nine=retry,"
	    " {ext@ok.example=error:5.7.9  two blanks}, {n.example=error:5.1.1000 x} }";
}

#define KNOWN       0, NULL, NULL
#define LOCAL_TABLE "User unknown in local recipient table"
#define RELAY_TABLE "User unknown in relay recipient table"

/* Replies of Postfix 3.7.11 with this configuration; the first digit of the enhanced code it forces
 * to the code's. */
static const struct {
	const char *address;
	int64_t code;
	const char *enhanced, *text;
	const char *sender_enhanced; /* as a sender; NULL: known, "": the same */
} cases[] = {
	{ "bob@local.example", KNOWN, NULL },
	{ "bob2@local.example", 550, "5.1.1", LOCAL_TABLE, "5.1.0" },
	{ "ann@local.example", 550, "5.1.1", LOCAL_TABLE, "5.1.0" },
	{ "ann+q@local.example", KNOWN, NULL },
	{ "ann+z@local.example", 550, "5.1.1", LOCAL_TABLE, "5.1.0" },
	{ "bob+z@local.example", KNOWN, NULL },
	{ "a b@local.example", KNOWN, NULL },
	{ "c d@local.example", 550, "5.1.1", LOCAL_TABLE, "5.1.0" },
	{ "dom+e@local.example", KNOWN, NULL },
	{ "bob@[127.0.0.1]", KNOWN, NULL },
	{ "dom@[127.0.0.1]", 550, "5.1.1", LOCAL_TABLE, "5.1.0" },
	{ "postmaster@local.example", KNOWN, NULL },
	{ "MAILER-daemon@[127.0.0.1]", KNOWN, NULL },
	{ "Double-Bounce@local.example", KNOWN, NULL },
	{ "postmaster+x@local.example", 550, "5.1.1", LOCAL_TABLE, "5.1.0" }, /* exactly */
	{ "postmaster@relay.example", 550, "5.1.1", RELAY_TABLE, "5.1.0" },
	{ "joe+x@vmbox.example", KNOWN, NULL },
	{ "no@vmbox.example", 550, "5.1.1", "User unknown in virtual mailbox table", "5.1.0" },
	{ "x@all.example", KNOWN, NULL },
	{ "known+1@relay.example", KNOWN, NULL },
	{ "no@relay.example", 550, "5.1.1", RELAY_TABLE, "5.1.0" },
	{ "sales+e@valias.example", KNOWN, NULL },
	{ "no@valias.example", 550, "5.1.1", "User unknown in virtual alias table", "5.1.7" },
	{ "viaalias@local.example", KNOWN, NULL },
	{ "viaalias@relay.example", 550, "5.1.1", RELAY_TABLE, "5.1.0" },
	{ "q@aliased.example", KNOWN, NULL },
	{ "can@relay.example", KNOWN, NULL },
	{ "rcan@relay.example", KNOWN, NULL },
	{ "scan@relay.example", 550, "5.1.1", RELAY_TABLE, NULL }, /* rewritten as a sender */
	{ "x@errt.example", 550, "5.1.2", "no such place", "5.1.8" },
	{ "x@retryt.example", 450, "4.4.1", "later please", "" },
	{ "x@noerr.example", 550, "5.1.1", "Address is undeliverable", "5.1.0" },
	{ "x@err2.example", 550, "5.1.1", "Address is undeliverable", "5.1.0" },
	{ "x@nine", 450, "4.1.1", "Address is undeliverable", "4.1.0" },
	{ "x@err3.example", 550, "4.3.1", "odd class", "" },
	{ "x@sub.example", 550, "5.1.1", RELAY_TABLE, "5.1.0" },
	{ "x@a.sub.example", 550, "5.1.1", "dotsub", "5.1.0" },
	{ "x@par.example", 550, "5.1.1", "parent", "5.1.0" },
	{ "x@a.par.example", 550, "5.1.1", RELAY_TABLE, "5.1.0" },
	{ "gone@local.example", 550, "5.1.6", "gone", "5.1.7" },
	{ "u@relay.example", 550, "2.0.0", "two", "" },
	{ "x@err7.example", KNOWN, NULL }, /* the name of a service minds its case */
	{ "x@e8.example", KNOWN, NULL },   /* a next hop, no service */
	{ "x@e9.example", 550, "5.1.1", "x y  z", "5.1.0" },
	{ "x@n.example", 550, "5.1.1", "5.1.1000 x", "5.1.0" }, /* no enhanced code */
	{ "ext+y@ok.example", 550, "5.7.9", "two blanks", "" },
	{ "x@ok.example", KNOWN, NULL },
};

static void
check(struct address_world *w, const struct listed_rules *r, size_t i, int is_sender)
{
	const struct address *a = address_world_resolve(w, cases[i].address);
	const char *enhanced = cases[i].enhanced;
	struct listed_reply reply;
	struct err err;

	print_message("%s\n", cases[i].address);
	if (is_sender && (cases[i].sender_enhanced == NULL || cases[i].sender_enhanced[0] != '\0'))
		enhanced = cases[i].sender_enhanced;
	assert_int_equal(listed_check(r, &w->ask, a, is_sender, &reply, &err),
	    enhanced == NULL ? LISTED_KNOWN : LISTED_UNKNOWN);
	if (enhanced == NULL)
		return;
	assert_int_equal(reply.code, cases[i].code);
	assert_string_equal(reply.enhanced, enhanced);
	assert_string_equal(reply.text, cases[i].text);
}

static void
test_listed(void **state)
{
	struct address_world w;
	struct listed_rules *r;

	(void)state;
	address_world_open(&w);
	site(&w.o);
	address_world_compile(&w);
	r = listed_rules_compile(&w.load, &w.o);
	address_world_ready(&w);
	assert_string_equal(buf_cstr(&w.told), "");
	for (size_t i = 0; i < N(cases); i++) {
		check(&w, r, i, 0);
		check(&w, r, i, 1);
	}
	address_world_close(&w);
}

/* One parameter that is not as above. */
static void
no_maps(struct rule_options *o)
{
	o->local_recipient_maps = o->relay_recipient_maps = o->virtual_mailbox_maps = NULL;
	o->virtual_mailbox_domains = "vmbox.example";
}

static void
other_replies(struct rule_options *o)
{
	o->show_user_unknown_table_name = 0;
	o->unknown_local_recipient_reject_code = 450;
	o->unknown_virtual_alias_reject_code = 451;
	o->unknown_virtual_mailbox_reject_code = 452;
	o->unknown_relay_recipient_reject_code = 200;
}

static void
star(struct rule_options *o)
{
	o->transport_maps = "inline:{ {*=error:5.1.2 all} }";
}

static void
star_pattern(struct rule_options *o)
{
	o->transport_maps = "pcre:{ {/^\\*$/ error:star} {/^ok\\.example$/ error:dom} }";
}

static void
transport_parents(struct rule_options *o)
{
	o->parent_domain_matches_subdomains = "transport_maps";
}

static void
fail_alias(struct rule_options *o)
{
	o->virtual_alias_domains = "valias.example";
	o->virtual_alias_maps = "fail:x";
}

static void
fail_local(struct rule_options *o)
{
	o->local_recipient_maps = "fail:config";
}

static void
fail_transport(struct rule_options *o)
{
	o->transport_maps = "fail:x";
}

static void
empty_answer(struct rule_options *o)
{
	o->local_recipient_maps = "pcre:{ {/(q?)$/ $1} }";
}

static void
second_table(struct rule_options *o)
{
	o->local_recipient_maps = "inline:{ a=x }, inline:{ b=x } fail:x";
}

#define CANNOT_TELL -1, NULL
static const struct {
	void (*set)(struct rule_options *);
	const char *address;
	int64_t code; /* 0: known */
	const char *text;
	enum err_class class;
} options[] = {
	{ no_maps, "x@local.example", 0, NULL, ERR_NONE },
	{ no_maps, "x@relay.example", 0, NULL, ERR_NONE },
	{ no_maps, "x@vmbox.example", 0, NULL, ERR_NONE },
	{ no_maps, "x@errt.example", 550, "no such place", ERR_NONE },
	{ other_replies, "x@local.example", 450, "User unknown", ERR_NONE },
	{ other_replies, "x@valias.example", 451, "User unknown", ERR_NONE },
	{ other_replies, "x@vmbox.example", 452, "User unknown", ERR_NONE },
	{ other_replies, "x@relay.example", 200, "User unknown", ERR_NONE }, /* not ours to mend */
	{ other_replies, "x@errt.example", 550, "no such place", ERR_NONE },
	{ star, "dom@local.example", 550, "all", ERR_NONE },
	{ star, "sales@valias.example", 0, NULL, ERR_NONE },
	{ star, "no@valias.example", 550, "User unknown in virtual alias table", ERR_NONE },
	{ star_pattern, "x@ok.example", 550, "star", ERR_NONE }, /* a pattern may be meant for it */
	{ transport_parents, "x@a.par.example", 550, "parent", ERR_NONE },
	{ transport_parents, "x@a.sub.example", 0, NULL, ERR_NONE },
	{ fail_alias, "dom@local.example", CANNOT_TELL, ERR_RETRY },
	{ fail_alias, "x@ok.example", CANNOT_TELL, ERR_RETRY },
	{ fail_alias, "can@relay.example", 0, NULL, ERR_NONE }, /* found before that */
	{ fail_local, "bob@local.example", CANNOT_TELL, ERR_RETRY },
	{ fail_local, "postmaster@local.example", 0, NULL, ERR_NONE },
	{ fail_local, "x@ok.example", 0, NULL, ERR_NONE },
	{ fail_transport, "x@ok.example", CANNOT_TELL, ERR_RETRY },
	{ fail_transport, "no@valias.example", 550, "User unknown in virtual alias table",
	    ERR_NONE },
	{ empty_answer, "bob@local.example", CANNOT_TELL, ERR_CONFIG },
	{ second_table, "c@local.example", CANNOT_TELL, ERR_RETRY },
};

static void
test_options(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(options); i++) {
		struct address_world w;
		struct listed_rules *r;
		struct listed_reply reply;
		struct err err = { .class = ERR_NONE };
		enum listed_result result;

		address_world_open(&w);
		site(&w.o);
		options[i].set(&w.o);
		address_world_compile(&w);
		r = listed_rules_compile(&w.load, &w.o);
		address_world_ready(&w);
		print_message("%zu %s\n", i, options[i].address);
		result = listed_check(
		    r, &w.ask, address_world_resolve(&w, options[i].address), 0, &reply, &err);
		assert_int_equal(result, options[i].code == 0    ? LISTED_KNOWN
					 : options[i].code == -1 ? LISTED_CANNOT_TELL
								 : LISTED_UNKNOWN);
		assert_int_equal(err.class, options[i].class);
		if (result == LISTED_UNKNOWN) {
			assert_int_equal(reply.code, options[i].code);
			assert_string_equal(reply.text, options[i].text);
		}
		address_world_close(&w);
	}
}

/* Every look-up goes through the asker's own function, if it has one. */
static int
counting_get(
    void *arg, const struct table *t, struct span key, struct table_hit *hit, struct err *err)
{
	int *asked = arg;

	(void)t;
	(void)key;
	(void)hit;
	(void)err;
	++*asked;
	return 0;
}

static void
test_asker(void **state)
{
	struct address_world w;
	struct listed_rules *r;
	struct listed_reply reply;
	struct err err;
	int asked = 0;

	(void)state;
	address_world_open(&w);
	w.o.local_recipient_maps = "inline:{ bob=x }";
	address_world_compile(&w);
	r = listed_rules_compile(&w.load, &w.o);
	address_world_ready(&w);
	w.ask.get = counting_get;
	w.ask.arg = &asked;
	assert_int_equal(listed_check(r, &w.ask, address_world_resolve(&w, "bob@local.example"), 0,
			     &reply, &err),
	    LISTED_UNKNOWN);
	assert_int_equal(asked, 3); /* whole, local part, @domain */
	address_world_close(&w);
}

/* Sessions with XCLIENT LOGIN. */
static const struct {
	const char *sender, *login;
	int has_owner, is_owner;
} logins[] = {
	{ "bob@local.example", "ANN", 1, 1 },
	{ "bob+x@local.example", "zoe", 1, 0 },
	{ "bob+x@local.example", "joe", 1, 1 },
	{ "bob+x@ok.example", "joe", 1, 1 },
	{ "bob@sub.ok.example", "joe", 0, 0 }, /* no parent domains */
	{ "U+e@relay.example", "zoe", 1, 1 },
	{ "u@relay.example", "zoe", 0, 0 },
	{ "bob@ok.example", "jo", 1, 0 },
	{ "bob@ok.example", "", 1, 0 },
	{ "three@ok.example", "c", 1, 1 },
};

static void
test_logins(void **state)
{
	struct address_world w;
	struct login_maps *m;

	(void)state;
	address_world_open(&w);
	address_world_compile(&w);
	m = login_maps_compile(&w.load,
	    "inline:{ {bob=joe,Ann}, {@ok.example=joe}, {u+e@relay.example=zoe},"
	    " {three@ok.example= ,a	b, ,c } }");
	address_world_ready(&w);
	assert_int_equal(login_maps_empty(m), 0);
	for (size_t i = 0; i < N(logins); i++) {
		struct table_hit hit;
		struct err err;

		print_message("%s %s\n", logins[i].sender, logins[i].login);
		assert_int_equal(login_maps_owners(m, &w.ask,
				     address_world_resolve(&w, logins[i].sender), &hit, &err),
		    logins[i].has_owner);
		if (logins[i].has_owner)
			assert_int_equal(
			    login_maps_is_owner(hit.value, logins[i].login), logins[i].is_owner);
	}
	m = login_maps_compile(&w.load, NULL);
	assert_int_equal(login_maps_empty(m), 1);
	address_world_close(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listed),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_asker),
		cmocka_unit_test(test_logins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
