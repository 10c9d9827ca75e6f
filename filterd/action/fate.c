#include "action/fate.h"

#include "action/hold.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"

#define OK_REPLY "2.0.0 Ok"

struct held_copy {
	const struct plan_step *step;
	char id[64];
};

void
fate_begin(struct transaction *t)
{
	for (size_t i = 0; i < t->nrcpts; i++) {
		t->rcpts[i]->fate = FATE_NONE;
		t->rcpts[i]->code = 0;
		t->rcpts[i]->reply = "";
		t->rcpts[i]->hop = t->rcpts[i]->decided = NULL;
		t->rcpts[i]->by = NULL;
	}
}

void
fate_decided(struct transaction *t, const struct plan_step *s)
{
	for (size_t i = 0; i < s->nrcpts; i++) {
		struct recipient *to = t->rcpts[s->rcpts[i]];

		to->decided = s->decided;
		to->by = s->origin.list == NULL && s->origin.file == NULL ? NULL : &s->origin;
	}
}

void
fate_set_step(struct transaction *t, const struct plan_step *s, enum rcpt_fate fate)
{
	for (size_t i = 0; i < s->nrcpts; i++) {
		struct recipient *to = t->rcpts[s->rcpts[i]];

		if (to->fate != FATE_NONE)
			continue;
		to->fate = fate;
		to->code = 250;
		to->reply = OK_REPLY;
	}
}

static enum rcpt_fate
fate_of(int code)
{
	return code / 100 == 2 ? FATE_DELIVERED : code / 100 == 5 ? FATE_REJECTED : FATE_DEFERRED;
}

int
fate_set(struct transaction *t, size_t rcpt, int code, const char *reply, const char *hop)
{
	struct recipient *to = t->rcpts[rcpt];

	if (to->fate != FATE_NONE)
		return 0;
	to->fate = fate_of(code);
	to->code = code;
	to->reply = reply;
	to->hop = hop;
	return 1;
}

const char *
fate_refusal(struct arena *a, const struct plan_step *s)
{
	if (s->enhanced == NULL || s->enhanced[0] == '\0')
		return s->text;
	return arena_printf(a, "%s %s", s->enhanced, s->text);
}

void
held_init(struct held *h, struct hold_store *store, struct arena *a, const struct plan *plan)
{
	*h = (struct held){ .store = store };
	h->v = arena_calloc(a, (plan->nsteps + 1) * sizeof(*h->v));
}

int
held_put(struct held *h, struct transaction *t, const struct plan_step *s)
{
	struct held_copy *copy = &h->v[h->n];
	const char *reply = "4.3.5 Server configuration error";
	struct err err;

	err_set(&err, ERR_CONFIG, "there is no hold store");
	copy->step = s;
	if (h->store != NULL &&
	    hold_put_step(h->store, t, s, copy->id, sizeof(copy->id), &err) == 0) {
		h->n++;
		fate_set_step(t, s, FATE_HELD);
		return 0;
	}
	if (h->store != NULL)
		reply = "4.3.1 Message cannot be held now";
	log_error(t->service, t->id, "hold: %s", err.text);
	for (size_t i = 0; i < s->nrcpts; i++)
		fate_set(t, s->rcpts[i], 451, reply, NULL);
	return -1;
}

void
held_undo(struct held *h, struct transaction *t)
{
	for (size_t i = 0; i < h->n; i++) {
		const struct plan_step *s = h->v[i].step;

		hold_undo(h->store, h->v[i].id);
		for (size_t k = 0; k < s->nrcpts; k++)
			t->rcpts[s->rcpts[k]]->fate = FATE_NONE;
	}
	h->n = 0;
}
