#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "tests/lib/option_pair.h"
#include "tests/lib/rule_coverage.h"
#include "tests/lib/rule_option_list.h"

struct answered {
	struct rule_world w;
	struct buf answer, log;
};

static void
set(struct rule_world *w, const char *name, const char *value)
{
	const struct rule_option *o = rule_option_find(name);

	if (o == NULL)
		fail_msg("%s: there is no such option", name);
	rule_option_set(&w->o, o, value);
}

static void
set_all(struct rule_world *w, const struct option_case *c, const char *value)
{
	set(w, PAIR_LIST, c->list == NULL ? "" : c->list);
	for (size_t i = 0; i < nitems(c->more) && c->more[i].name != NULL; i++)
		set(w, c->more[i].name, c->more[i].value);
	set(w, c->option.name, value);
	if (c->prepare != NULL)
		c->prepare(w);
	if (c->zone != NULL)
		rule_world_zone(w, c->zone);
}

static const char *
ask_once(struct rule_world *w, const struct option_case *c)
{
	if (rule_world_compile(w) == -1)
		return PAIR_NO_LOAD;
	if (c->helo != NULL)
		rule_world_helo(w, c->helo);
	if (c->sender != NULL)
		rule_world_sender(w, c->sender);
	if (c->rcpt != NULL)
		rule_world_rcpt(w, c->rcpt);
	for (int i = 0; i < c->accepted; i++)
		rule_world_accept(w);
	rule_world_said(w);
	if (c->ask != NULL)
		return c->ask(w);
	return rule_world_ask(w, c->stage == 0 ? RULE_RCPT : c->stage);
}

static void
ask(struct answered *to, const struct option_case *c, const char *value)
{
	memset(to, 0, sizeof(*to));
	rule_world_init(&to->w);
	set_all(&to->w, c, value);
	buf_adds(&to->answer, ask_once(&to->w, c));
	buf_adds(&to->log, rule_world_said(&to->w));
	if (c->end != NULL)
		c->end(&to->w);
}

static void
answered_fini(struct answered *a)
{
	rule_world_fini(&a->w);
	buf_fini(&a->answer);
	buf_fini(&a->log);
}

/* 0 if it answered as the row says. */
static int
is_wrong(const struct option_case *c, const char *value, struct answered *got, const char *want)
{
	if (strcmp(buf_cstr(&got->answer), want) == 0)
		return 0;
	print_error("%s = %s: \"%s\", not \"%s\"\n", c->option.name,
	    value == NULL ? "(not set)" : value, buf_cstr(&got->answer), want);
	return 1;
}

void
option_pairs(const struct option_case *cases, size_t n)
{
	int wrong = 0;

	for (size_t i = 0; i < n; i++) {
		const struct option_case *c = &cases[i];
		struct answered a, b;

		ask(&a, c, c->option.a);
		ask(&b, c, c->option.b);
		wrong += is_wrong(c, c->option.a, &a, c->want.a);
		wrong += is_wrong(c, c->option.b, &b, c->want.b);
		if (c->log_b != NULL) {
			assert_null(strstr(buf_cstr(&a.log), c->log_b));
			assert_non_null(strstr(buf_cstr(&b.log), c->log_b));
			buf_adds(&b.answer, c->log_b);
		}
		rule_coverage_option(&a.w.o, &b.w.o, buf_cstr(&a.answer), buf_cstr(&b.answer));
		answered_fini(&a);
		answered_fini(&b);
	}
	assert_int_equal(wrong, 0);
}
