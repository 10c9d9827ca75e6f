/* check_url, check_url_host: tables of URLs, and of the hosts in them. */
#include <string.h>

#include "rules/content_source.h"
#include "rules/mail_keys.h"
#include "rules/message_urls.h"
#include "rules/rules_private.h"
#include "table/table.h"

#define FOLDERS 16 /* the first ones of a path that a table is asked for */

/* What a table is asked, worked out URL by URL. */
struct keys {
	struct content_key *v;
	size_t n, cap;
	size_t next; /* URL, or host */
};

/* Of one thing each text once: the same one comes from where something is missing. */
static void
add(struct rule_run *run, struct keys *k, struct span text, struct span shown)
{
	if (k->n > 0 && k->v[k->n - 1].thing == k->next && span_eq(k->v[k->n - 1].text, text))
		return;
	if (k->n == k->cap) {
		size_t cap = k->cap == 0 ? 32 : k->cap * 2;
		struct content_key *v = arena_alloc(run->arena, cap * sizeof(*v));

		if (k->n > 0)
			memcpy(v, k->v, k->n * sizeof(*v));
		k->v = v;
		k->cap = cap;
	}
	k->v[k->n++] = (struct content_key){
		.text = text, .thing = k->next, .place = PLACE_NONE, .shown = shown
	};
}

static int
give(const struct keys *k, size_t i, struct content_key *key)
{
	if (i >= k->n)
		return 0;
	*key = k->v[i];
	return 1;
}

/* --- URLs --- */

/* The folders that it is in, the innermost first. */
static void
add_folders(struct rule_run *run, struct keys *k, const struct url *u)
{
	size_t ends[FOLDERS], n = 0;

	for (size_t i = u->origin; i < u->path && n < FOLDERS; i++)
		if (u->text.p[i] == '/')
			ends[n++] = i + 1;
	while (n > 0)
		add(run, k, span_make(u->text.p, ends[--n]), u->text);
}

static void
add_url(struct rule_run *run, struct keys *k, const struct url *u)
{
	add(run, k, u->text, u->text);
	add(run, k, span_make(u->text.p, u->query), u->text);
	add(run, k, span_make(u->text.p, u->path), u->text);
	if (u->origin < u->path)
		add_folders(run, k, u);
	else
		add(run, k, span_make(u->text.p, span_find(u->text, ':') + 1), u->text);
}

static int
get_url(struct rule_run *run, size_t i, struct content_key *key, struct err *err)
{
	struct keys *k = content_keep(run, "check_url", sizeof(*k));
	const struct urls *urls = message_urls(run);

	(void)err;
	for (; urls != NULL && i >= k->n && k->next < urls_count(urls); k->next++)
		add_url(run, k, urls_get(urls, k->next));
	return give(k, i, key);
}

/* A pattern says itself what of a URL it means. */
static int
get_whole_url(struct rule_run *run, size_t i, struct content_key *key, struct err *err)
{
	const struct urls *urls = message_urls(run);

	(void)err;
	if (urls == NULL || i >= urls_count(urls))
		return 0;
	*key = (struct content_key){
		.text = urls_get(urls, i)->text, .thing = i, .place = PLACE_NONE
	};
	return 1;
}

/* --- hosts --- */

static void
add_host(struct rule_run *run, struct keys *k, const struct url *u)
{
	struct mail_keys m;
	struct span key;

	if (u->kind == URL_NAME)
		mail_keys_name(&m, u->host, run->rules->access_parents);
	else
		mail_keys_network(&m, u->host);
	while (mail_keys_next(&m, &key))
		add(run, k, key, u->text);
	/* Where parents have a dot in front, this one has not been asked for. */
	if (u->registered[0] != '\0' && !run->rules->access_parents &&
	    strcmp(u->registered, u->host) != 0)
		add(run, k, span_str(u->registered), u->text);
}

static int
get_host(struct rule_run *run, size_t i, struct content_key *key, struct err *err)
{
	struct keys *k = content_keep(run, "check_url_host", sizeof(*k));
	const struct url_hosts *hosts = message_url_hosts(run);

	(void)err;
	for (; hosts != NULL && i >= k->n && k->next < hosts->n; k->next++)
		add_host(run, k, hosts->v[k->next]);
	return give(k, i, key);
}

static int
get_whole_host(struct rule_run *run, size_t i, struct content_key *key, struct err *err)
{
	const struct url_hosts *hosts = message_url_hosts(run);

	(void)err;
	if (hosts == NULL || i >= hosts->n)
		return 0;
	*key = (struct content_key){ .text = span_str(hosts->v[i]->host),
		.thing = i,
		.place = PLACE_NONE,
		.shown = hosts->v[i]->text };
	return 1;
}

/* --- the restrictions --- */

enum { URLS, HOSTS };

static const struct content_source sources[][2] = { /* by what kind of table is asked */
	[URLS] = { { "url", get_url, NULL }, { "url", get_whole_url, NULL } },
	[HOSTS] = { { "url_host", get_host, NULL }, { "url_host", get_whole_host, NULL } }
};

static enum rule_result
check(struct rule_run *run, const struct rule_op *op)
{
	int pattern = table_is_pattern(rule_table(run, op->table)) != 0;

	return content_source_check(run, op, &sources[op->def->variant][pattern]);
}

const struct restriction_def restrictions_url[] = {
	{ .name = "check_url",
	    .args = ARG_TABLE,
	    .stages = AT_END,
	    .needs = NEED_CONTENT | CAN_PERMIT,
	    .variant = URLS,
	    .check = check,
	    .compile = content_compile,
	    .on_failure = "urls",
	    .text =
		"Looks up each URL of the message's texts and HTML in its normal form, such as "
		"http://example.com/a/b?c#d. Indexed tables are then asked for the same "
		"without #d, without ?c, and for http://example.com/a/ and "
		"http://example.com/; of URLs without a path, mailto: and javascript: say, for the "
		"scheme with its colon. "
		"See url_check_count_limit." },
	{ .name = "check_url_host",
	    .args = ARG_TABLE,
	    .stages = AT_END,
	    .needs = NEED_CONTENT | CAN_PERMIT,
	    .variant = HOSTS,
	    .check = check,
	    .compile = content_compile,
	    .on_failure = "urls",
	    .text = "Looks up the host of each URL of the message: a name, ASCII and lower case, "
		    "its parent domains as parent_domain_matches_subdomains says of "
		    "smtpd_access_maps, and its registered domain; or an address and the "
		    "networks above it. Tables of patterns are asked for the host alone." },
	{ .name = NULL },
};
