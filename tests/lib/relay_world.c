#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "tests/lib/relay_world.h"

const struct hop_options world_pool_options = { .helo_name = "filter.example",
	.connect_timeout_ms = 5000,
	.helo_timeout_ms = 5000,
	.idle_limit_ms = 60000,
	.max_idle = 10,
	.max_reuse = 100 };

static int
client_gone(void *arg)
{
	struct world *w = arg;

	return w->gone;
}

void
world_again(struct world *w)
{
	static const char *const paths[RELAY_RCPTS] = { "a@x.example", "b@x.example",
		"c@x.example" };
	struct err err;

	arena_reset(w->arena);
	transaction_init(&w->txn, w->arena);
	decision_id_make(w->txn.id, sizeof(w->txn.id));
	w->txn.service = "test";
	w->txn.listener = "test";
	w->txn.client = &w->client;
	w->txn.sender = (struct path){ .octets = "s@x.example",
		.addr = "s@x.example",
		.local = "s",
		.domain = "x.example",
		.params = "" };
	w->txn.message_id = w->txn.subject = "";
	for (int i = 0; i < RELAY_RCPTS; i++)
		transaction_add_rcpt(&w->txn)->path = (struct path){ .octets = paths[i],
			.addr = paths[i],
			.local = "x",
			.domain = "x.example",
			.params = "" };
	message_reset(w->message);
	memcpy(message_reserve(w->message, sizeof(RELAY_TEXT), &err), RELAY_TEXT,
	    sizeof(RELAY_TEXT) - 1);
	message_commit(w->message, sizeof(RELAY_TEXT) - 1);
	w->txn.message = w->message;
}

void
world_open(struct world *w, enum hop_protocol protocol)
{
	struct message_options mo = { .memory_limit = 1 << 20 };
	struct hold_options ho = { 0 };
	struct err err;

	memset(w, 0, sizeof(*w));
	snprintf(w->dir, sizeof(w->dir), "/tmp/test_relay.XXXXXX");
	if (mkdtemp(w->dir) == NULL)
		fail();
	snprintf(w->memory, sizeof(w->memory), "%s/delivered", w->dir);
	snprintf(w->hold_dir, sizeof(w->hold_dir), "%s/hold", w->dir);
	for (int i = 0; i < 2; i++)
		w->fakes[i] = fake_hop_new(protocol, NULL, 0);
	w->pool = pool_new(&world_pool_options, &w->counters);
	ho.directory = w->hold_dir;
	w->hold = hold_open(&ho, &err);
	assert_non_null(w->hold);
	w->delivered = delivered_open(w->memory, 3600 * 1000, &err);
	assert_non_null(w->delivered);
	mo.spool_directory = w->dir;
	w->message = message_new(&mo);
	w->arena = arena_new();
	client_init(&w->client);
	w->o = (struct relay_options){ .pool = w->pool,
		.hold = w->hold,
		.delivered = w->delivered,
		.counters = &w->counters,
		.until = deadline_in_ms(60000),
		.mail_timeout_ms = 20000,
		.xfer_timeout_ms = 20000,
		.done_timeout_ms = 20000,
		.pass_xforward = 1 };
	w->door = (struct relay_door){ .client_gone = client_gone, .arg = w };
	world_again(w);
}

void
world_close(struct world *w)
{
	char *rm;

	pool_free(w->pool);
	fake_hop_free(w->fakes[0]);
	fake_hop_free(w->fakes[1]);
	hold_close(w->hold);
	delivered_close(w->delivered);
	message_free(w->message);
	arena_free(w->arena);
	if (asprintf(&rm, "rm -rf '%s'", w->dir) == -1 || system(rm) != 0)
		fail();
	free(rm);
}

void
world_plan(struct world *w, const char *text)
{
	struct plan *p = &w->plan;

	memset(p, 0, sizeof(*p));
	p->steps = arena_calloc(w->arena, 4 * sizeof(*p->steps));
	while (*text != '\0') {
		struct plan_step *s = &p->steps[p->nsteps++];
		char kind = *text;
		size_t n;

		s->kind = kind == 'H'   ? STEP_HOLD
			  : kind == 'D' ? STEP_DISCARD
			  : kind == 'R' ? STEP_REFUSE
					: STEP_DELIVER;
		if (s->kind == STEP_DELIVER)
			s->hop = *fake_hop_target(w->fakes[kind - 'A']);
		s->code = 550;
		s->enhanced = "5.7.1";
		s->text = "spam";
		s->reason = "hold: test";
		s->decided = kind == 'H' ? "reject" : NULL;
		s->rcpts = arena_calloc(w->arena, RELAY_RCPTS * sizeof(size_t));
		for (text += 2; *text >= '0' && *text <= '9'; text++)
			s->rcpts[s->nrcpts++] = (size_t)(*text - '0');
		if (*text == '+' || *text == '>') {
			const char **list = arena_calloc(w->arena, sizeof(*list));

			n = strcspn(text + 1, " ");
			list[0] = arena_str(w->arena, span_make(text + 1, n));
			if (*text == '+') {
				s->extra = list;
				s->nextra = 1;
			} else {
				s->to = list;
				s->nto = 1;
			}
			text += n + 1;
		}
		text += *text == ' ';
	}
}

static int
count_held(void *arg, const struct hold_entry *e)
{
	(void)e;
	++*(int *)arg;
	return 0;
}

int
world_held(struct world *w)
{
	struct hold_filter all = { 0 };
	struct err err;
	int n = 0;

	assert_int_equal(hold_list(w->hold, &all, count_held, &n, &err), 0);
	return n;
}

void
world_run(struct world *w)
{
	relay_run(&w->txn, &w->plan, &w->o, &w->door);
}

void
world_quiet(void)
{
	struct log_options quiet = {
		.target = LOG_TO_FILE, .path = "/dev/null", .level = LOG_LEVEL_INFO
	};
	struct err err;

	if (log_open(&quiet, &err) == -1)
		abort();
}
