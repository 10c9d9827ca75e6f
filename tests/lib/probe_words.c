/* What "probe WORD" does. */
#include <stdio.h>
#include <string.h>

#include "tests/lib/probe_words.h"

#define host probe_host

typedef enum rule_result word_fn(struct rule_run *, const struct rule_op *);

/* --- words that answer --- */

static enum rule_result
say_ok(struct rule_run *run, const struct rule_op *op)
{
	(void)run;
	(void)op;
	return RULE_OK;
}

static enum rule_result
say_mute(struct rule_run *run, const struct rule_op *op)
{
	(void)run;
	(void)op;
	return RULE_REFUSED;
}

static enum rule_result
say_odd(struct rule_run *run, const struct rule_op *op)
{
	(void)run;
	(void)op;
	return (enum rule_result)7;
}

static enum rule_result
say_refuse(struct rule_run *run, const struct rule_op *op)
{
	return host->refuse(run, 554, "5.7.9", "no %s\r\nhere", host->item_arg(op));
}

/* An enhanced code that is none. */
static enum rule_result
say_refuse4(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	return host->refuse(run, 450, "5.x", "later");
}

/* The answer does not say that it refused. */
static enum rule_result
say_forgets(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	(void)host->refuse(run, 554, NULL, "refused");
	return RULE_DUNNO;
}

static enum rule_result
say_fail(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	return host->failed(run, "secret %d", 42);
}

static enum rule_result
say_better(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	host->fact(run, "probe", "timeout", NULL);
	return host->failed(run, "too slow");
}

/* It says what happened when it has failed. */
static enum rule_result
say_later(struct rule_run *run, const struct rule_op *op)
{
	enum rule_result r = host->failed(run, "too slow");

	(void)op;
	host->fact(run, "probe", "timeout", NULL);
	return r;
}

static enum rule_result
say_look(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	return host->look_only(run, "not probed") ? RULE_DUNNO
						  : host->refuse(run, 550, NULL, "done");
}

/* --- words that do something, and go on --- */

static enum rule_result
do_hold(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	host->hold(run, "look at\r\nit");
	return RULE_DUNNO;
}

static enum rule_result
do_tag(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	host->tag(run, "odd");
	return RULE_DUNNO;
}

static enum rule_result
do_prepend(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	host->prepend(run, "X-Probe: 1\r\nX-More: 2");
	return RULE_DUNNO;
}

static enum rule_result
do_facts(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	host->fact(run, "seen", "a b", "c");
	host->fact(run, "probe", "clean", NULL);
	host->fact(run, "probe", "undeclared", NULL);
	host->fact(run, "others", "x", NULL);
	return RULE_DUNNO;
}

static enum rule_result
do_count(struct rule_run *run, const struct rule_op *op)
{
	(void)run;
	(void)op;
	host->count(host, "probe_count", 3);
	return RULE_DUNNO;
}

static enum rule_result
do_log(struct rule_run *run, const struct rule_op *op)
{
	(void)run;
	(void)op;
	host->log(host, FILTERD_WARN, "said %d", 1);
	return RULE_DUNNO;
}

/* --- words that refuse with what they have found --- */

static enum rule_result
show_keep(struct rule_run *run, const struct rule_op *op)
{
	int *kept = host->keep(run, "times", sizeof(*kept));

	(void)op;
	return host->refuse(run, 550, "5.7.1", "%d", ++*kept);
}

static enum rule_result
show_state(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	return host->refuse(run, 550, "5.7.1", "%s", (const char *)host->state(run));
}

static enum rule_result
show_data(struct rule_run *run, const struct rule_op *op)
{
	return host->refuse(run, 550, "5.7.1", "%s", (const char *)host->item_data(op));
}

static enum rule_result
show_variant(struct rule_run *run, const struct rule_op *op)
{
	return host->refuse(run, 550, "5.7.1", "%d", host->item_variant(op));
}

static enum rule_result
show_about(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	return host->refuse(run, 550, "5.7.1", "%s %s %s %s %s",
	    host->about(run, FILTERD_CLIENT_ADDRESS), host->about(run, FILTERD_CLIENT_NAME),
	    host->about(run, FILTERD_HELO), host->about(run, FILTERD_SENDER),
	    host->about(run, FILTERD_PROTOCOL));
}

static enum rule_result
show_rcpt(struct rule_run *run, const struct rule_op *op)
{
	const char *rcpt = host->about(run, FILTERD_RECIPIENT);

	(void)op;
	return rcpt == NULL ? RULE_DUNNO : host->refuse(run, 550, "5.7.1", "%s", rcpt);
}

static enum rule_result
show_message(struct rule_run *run, const struct rule_op *op)
{
	(void)op;
	return host->refuse(run, 550, "5.7.1", "%zu", host->message(run).len);
}

/* The odd parts of the message, and what follows the last. */
static enum rule_result
show_parts(struct rule_run *run, const struct rule_op *op)
{
	struct filterd_part part;
	char text[200] = "";
	size_t i, n = 0;
	int rc;

	(void)op;
	for (i = 0; (rc = host->odd_part(run, i, &part)) == 1 && n < sizeof(text) / 2; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s:%s:%.*s ", part.type,
		    part.name, (int)part.decoded.len, (const char *)part.decoded.p);
	return host->refuse(run, 550, "5.7.1", "%s%d", text, rc);
}

/* mx-NAME: the MX hosts of NAME. */
static enum rule_result
show_mx(struct rule_run *run, const char *name)
{
	struct filterd_dns dns;

	switch (host->dns(run, name, FILTERD_MX, &dns)) {
	case FILTERD_DNS_FOUND:
		return host->refuse(
		    run, 550, "5.7.1", "%zu %d %s", dns.n, dns.preference[0], dns.text[0]);
	case FILTERD_DNS_NONE:
		return host->refuse(run, 550, "5.7.1", "none");
	case FILTERD_DNS_FAILED:
		break;
	}
	return host->failed(run, "DNS");
}

static const struct {
	const char *word;
	word_fn *fn;
} words[] = {
	{ "ok", say_ok },
	{ "mute", say_mute },
	{ "odd", say_odd },
	{ "refuse", say_refuse },
	{ "refuse4", say_refuse4 },
	{ "forgets", say_forgets },
	{ "fail", say_fail },
	{ "better", say_better },
	{ "later", say_later },
	{ "look", say_look },
	{ "hold", do_hold },
	{ "tag", do_tag },
	{ "prepend", do_prepend },
	{ "facts", do_facts },
	{ "count", do_count },
	{ "log", do_log },
	{ "keep", show_keep },
	{ "state", show_state },
	{ "data", show_data },
	{ "variant", show_variant },
	{ "about", show_about },
	{ "rcpt", show_rcpt },
	{ "message", show_message },
	{ "parts", show_parts },
};

enum rule_result
probe_word(struct rule_run *run, const struct rule_op *op)
{
	const char *word = host->item_arg(op);

	if (strncmp(word, "mx-", 3) == 0)
		return show_mx(run, word + 3);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].fn(run, op);
	return RULE_DUNNO;
}
