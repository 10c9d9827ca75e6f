/* check_attachment: what a table says of what is attached */
#include <stdio.h>
#include <string.h>

#include "plugins/attachment_int.h"

/* What a scan said, once a transaction. */
struct kept {
	int is_there;
	const struct filterd_key *keys;
	size_t nkeys;
	const char *limit, *broken, *encrypted; /* the fact's detail, ""; NULL: it is not so */
};

static void
take_fact(struct kept *k, const char *text)
{
	const size_t n = strcspn(text, ":");
	const char *detail = text[n] == ':' ? text + n + 1 : "";

	if (n == 5 && memcmp(text, "limit", n) == 0 && k->limit == NULL)
		k->limit = detail;
	else if (n == 6 && memcmp(text, "broken", n) == 0)
		k->broken = detail;
	else if (n == 9 && memcmp(text, "encrypted", n) == 0)
		k->encrypted = detail;
}

static void
take(struct rule_run *run, struct kept *k, const struct filterd_scan_answer *a)
{
	struct filterd_key *keys = att_host->alloc(run, (a->nkeys + 1) * sizeof(*keys));
	size_t thing = 0;

	for (size_t i = 0; i < a->nkeys; i++) {
		thing += a->keys[i][0] == ATT_SAYS_KEY;
		if (a->keys[i][0] == ATT_SAYS_KEY || a->keys[i][0] == ATT_SAYS_MORE)
			keys[k->nkeys++] = (struct filterd_key){ a->keys[i] + 1, thing };
		else if (a->keys[i][0] == ATT_SAYS_FACT)
			take_fact(k, a->keys[i] + 1);
	}
	k->keys = keys;
	k->is_there = 1;
}

/* When no key decided: was all of it seen? */
static enum rule_result
judge_rest(
    struct rule_run *run, const struct att_state *s, const struct kept *k, const char *failed)
{
	if (failed != NULL)
		return att_host->failed(run, "attachments: %s", failed);
	if (k->limit != NULL && s->fail_limit)
		return att_host->failed(run, "attachments are beyond a limit: %s", k->limit);
	if (k->broken != NULL && s->fail_broken)
		return att_host->failed(run, "an attached archive cannot be read: %s", k->broken);
	if (k->encrypted != NULL && s->fail_encrypted)
		return att_host->failed(run, "an attached archive is encrypted");
	return RULE_DUNNO;
}

int
att_compile(struct rule_compile *c, struct rule_op *op)
{
	return att_host->compile_keys(c, op);
}

enum rule_result
att_check(struct rule_run *run, const struct rule_op *op)
{
	struct kept *k = att_host->keep(run, "attachments", sizeof(*k));
	const struct filterd_scan_answer *a;
	enum rule_result answer;

	a = att_host->scan(run, op, &answer);
	if (a == NULL) {
		att_host->fact(run, "attachment", "error", NULL);
		return answer;
	}
	if (a->failed != NULL)
		att_host->fact(run, "attachment", "error", NULL);
	if (!k->is_there)
		take(run, k, a);
	answer = att_host->check_keys(run, op, k->keys, k->nkeys);
	if (answer != RULE_DUNNO)
		return answer;
	return judge_rest(run, att_host->state(run), k, a->failed);
}
