/*
 * What a scanner process says of attachments, taken by the process that decides: each key is asked
 * for once, in order, and what was not seen is never as good as clean.  Input: an octet for the
 * parameters; then lines, each of them one saying.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/attachment_int.h"

#define SAYINGS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* attachment.c's; it is not part of this. */
const struct filterd_host *att_host;

static void
must(int true)
{
	if (!true)
		abort();
}

struct rule_run { /* this host's */
	struct att_state state;
	struct filterd_scan_answer answer;
	const char *said[SAYINGS_MAX];
	void *kept, *keys;
	int decides; /* a key, as a table would */
	int asked, failed;
};

static const struct filterd_scan_answer *
scan(struct rule_run *run, const struct rule_op *op, enum rule_result *answer)
{
	(void)op;
	(void)answer;
	return &run->answer;
}

static void *
keep(struct rule_run *run, const char *name, size_t size)
{
	(void)name;
	if (run->kept == NULL)
		run->kept = calloc(1, size);
	return run->kept;
}

static void *
alloc(struct rule_run *run, size_t size)
{
	must(run->keys == NULL);
	return run->keys = calloc(1, size);
}

static void *
state(const struct rule_run *run)
{
	return (void *)(uintptr_t)&run->state;
}

static void
fact(struct rule_run *run, const char *subject, const char *value, const char *detail)
{
	(void)run;
	(void)detail;
	must(strcmp(subject, "attachment") == 0 && strcmp(value, "error") == 0);
}

static enum rule_result
failed(struct rule_run *run, const char *fmt, ...)
{
	char text[2000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	run->failed = 1;
	return RULE_REFUSED;
}

static enum rule_result
check_keys(struct rule_run *run, const struct rule_op *op, const struct filterd_key *keys, size_t n)
{
	size_t k = 0;

	(void)op;
	for (size_t i = 0; i < run->answer.nkeys; i++) {
		const char *s = run->said[i];

		if (s[0] != ATT_SAYS_KEY && s[0] != ATT_SAYS_MORE)
			continue;
		must(k < n && keys[k].text == s + 1);
		must(k == 0 || keys[k].thing == keys[k - 1].thing + (size_t)(s[0] == ATT_SAYS_KEY));
		k++;
	}
	must(k == n);
	run->asked++;
	return run->decides && n > 0 ? RULE_OK : RULE_DUNNO;
}

static int
said(const struct rule_run *run, const char *fact)
{
	size_t n = strlen(fact);

	for (size_t i = 0; i < run->answer.nkeys; i++) {
		const char *s = run->said[i];

		if (s[0] == ATT_SAYS_FACT && strncmp(s + 1, fact, n) == 0 &&
		    (s[1 + n] == '\0' || s[1 + n] == ':'))
			return 1;
	}
	return 0;
}

static void
check(struct rule_run *run)
{
	enum rule_result first = att_check(run, NULL);
	int unseen = run->answer.failed != NULL || (run->state.fail_limit && said(run, "limit")) ||
		     (run->state.fail_broken && said(run, "broken")) ||
		     (run->state.fail_encrypted && said(run, "encrypted"));

	must(run->asked == 1);
	must(first == RULE_OK || (first == RULE_REFUSED) == unseen);
	must(run->failed == (first == RULE_REFUSED));
	/* Once more for another recipient. */
	must(att_check(run, NULL) == first && run->asked == 2);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct filterd_host host = { .scan = scan,
		.keep = keep,
		.alloc = alloc,
		.state = state,
		.fact = fact,
		.failed = failed,
		.check_keys = check_keys };
	struct rule_run run = { .asked = 0 };
	char *text, *rest, *line;

	if (size < 1)
		return 0;
	att_host = &host;
	run.state = (struct att_state){ data[0] & 1, data[0] >> 1 & 1, data[0] >> 2 & 1 };
	run.decides = data[0] >> 3 & 1;
	run.answer.failed = data[0] & 16 ? "why" : NULL;
	run.answer.keys = run.said;
	text = rest = strndup((const char *)data + 1, size - 1);
	must(text != NULL);
	while (run.answer.nkeys < SAYINGS_MAX && (line = strsep(&rest, "\n")) != NULL)
		run.said[run.answer.nkeys++] = line;
	check(&run);
	free(run.kept);
	free(run.keys);
	free(text);
	return 0;
}
