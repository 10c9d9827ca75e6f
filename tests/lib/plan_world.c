#include <string.h>

#include "base/err.h"
#include "tests/lib/plan_world.h"

const char plan_usual_hop[] = "smtp:[127.0.0.1]:10026";

void
plan_say(struct verdict *v, enum said s, struct arena *a)
{
	struct origin content = { .list = "header_checks", .file = "/etc/h", .line = 7 };
	struct origin loop = { .list = "hopcount_limit" };

	switch (s) {
	case SAID_NOTHING:
		return;
	case SAID_OK:
		v->outcome = OUTCOME_OK;
		return;
	case SAID_EDIT:
		edit_add(&v->edits, 9, 5, span_str("HELLO"));
		return;
	case SAID_TAG:
		effect_add(&v->tags, a, "", content);
		return;
	case SAID_PREPEND:
		effect_add(&v->prepends, a, "X-Own: 1", content);
		return;
	case SAID_HOLD_BOTH:
		v->discard = 1;
		v->discard_origin = content;
		/* fall through */
	case SAID_HOLD:
	case SAID_REJECT_TOO:
		v->hold = 1;
		v->hold_reason = "odd";
		v->hold_origin = content;
		if (s == SAID_REJECT_TOO)
			verdict_refuse(v, 550, "5.7.1", "no", content);
		return;
	case SAID_DISCARD:
		v->discard = 1;
		v->discard_origin = content;
		return;
	case SAID_REDIRECT:
		v->redirect = (struct effect_text){ "else@example.net", content };
		return;
	case SAID_BCC:
		effect_add(&v->bcc, a, "copy@example.net", content);
		return;
	case SAID_FILTER:
		v->filter = (struct effect_text){ "smtp:[127.0.0.1]:27001", content };
		return;
	case SAID_BAD_FILTER:
		v->filter = (struct effect_text){ "uucp:there", content };
		return;
	case SAID_DEFER:
		verdict_refuse(v, 450, "4.7.1", "later", content);
		return;
	case SAID_REJECT:
		verdict_refuse(v, 550, "5.7.1", "no", content);
		return;
	case SAID_LOOP:
		verdict_refuse(v, 554, "5.4.6", "too many hops", loop);
		return;
	case SAID_SOFT:
		verdict_refuse(v, 550, "5.7.1", "no", content);
		v->code = 450;
		return;
	case SAID_COUNT:
		return;
	}
}

int
plan_find_hop(void *arg, const char *filter, struct next_hop *hop)
{
	struct err err;

	(*(int *)arg)++;
	return next_hop_parse(filter, hop, &err);
}

struct plan_options
plan_opts(unsigned door, enum reject_as as, enum on_mixed mixed)
{
	static struct next_hop usual;
	struct err err;

	if (usual.text[0] == '\0' && next_hop_parse(plan_usual_hop, &usual, &err) == -1)
		return (struct plan_options){ .door = door };
	return (struct plan_options){ .door = door,
		.after_queue_reject = as,
		.on_mixed = mixed,
		.next_hop = &usual,
		.tag_header = "X-Spam-Flag: YES",
		.tag_subject_prefix = "" };
}

enum fate
plan_fate(const struct plan_step *s)
{
	switch (s->kind) {
	case STEP_DELIVER:
		return F_DELIVER;
	case STEP_HOLD:
		return F_HOLD;
	case STEP_DISCARD:
		return F_DISCARD;
	case STEP_REFUSE:
		return s->code < 500 ? F_DEFER : F_REJECT;
	}
	return F_REJECT;
}

int
plan_collect(void *arg, struct span piece)
{
	buf_add_span(arg, piece);
	return 0;
}
