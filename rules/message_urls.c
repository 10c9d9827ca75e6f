#include "rules/message_urls.h"

#include <string.h>

#include "base/attr.h"
#include "base/blocking.h"
#include "core/facts.h"
#include "mail/parts.h"
#include "rules/content_source.h"
#include "rules/rules_private.h"
#include "rules/text_kind.h"
#include "rules/text_readings.h"

#define LONG ((size_t)256 * 1024) /* octets of a message for which another thread takes over */

struct kept_urls { /* NULL: not asked for yet */
	struct urls *urls;
	struct url_hosts *hosts, *domains;
};

/* --- one part --- */

static void
take_text(void *arg, struct span text, unsigned kind)
{
	struct urls *u = arg;

	if (kind & TEXT_IS_PLAIN)
		urls_text(u, text);
	/* HTML that is said to be none is HTML to some readers. */
	if ((kind & TEXT_IS_HTML) != 0 || span_find(text, '<') < text.len)
		urls_html(u, text);
}

struct search {
	struct urls *urls;
	struct parts *parts;
	size_t left; /* octets that may still be looked at */
	int whole;   /* all was there to be looked at, */
	int sized;   /* and no more of it than may be */
};

static void
take_part(struct search *s, size_t i, unsigned kind)
{
	struct parts_part part;
	struct text_readings o = { .part = &part, .kind = kind, .text = take_text, .arg = s->urls };

	if (parts_get(s->parts, i, &part) != 1)
		return;
	s->whole &= part.whole;
	if ((kind & TEXT_IS_DOUBTFUL) != 0 && !text_looks_like(part.decoded))
		return;
	if (part.decoded.len > s->left) {
		part.decoded.len = s->left;
		s->sized = 0;
	}
	s->left -= part.decoded.len;
	text_readings(&o, part.decoded);
}

/* --- all of them --- */

static void
tell_limits(struct rule_run *run, const struct search *s)
{
	unsigned limits = urls_limits(s->urls);
	const struct {
		int reached;
		const char *detail;
	} v[] = {
		{ !s->whole, "parts" },
		{ (limits & URLS_LIMIT_LENGTH) != 0, "length" },
		{ (limits & URLS_LIMIT_DEPTH) != 0, "depth" },
		{ !s->sized, "size" },
		{ (limits & URLS_LIMIT_COUNT) != 0, "count" },
	};

	for (size_t i = 0; i < nitems(v); i++)
		if (v[i].reached)
			fact_set_detail(&run->txn->facts, FACT_URLS_LIMIT, v[i].detail);
}

static struct urls *
find_all(struct rule_run *run, struct parts *parts)
{
	struct search s = { .parts = parts,
		.left = run->o->url_check_size_limit == 0 ? SIZE_MAX
							  : (size_t)run->o->url_check_size_limit,
		.whole = 1,
		.sized = 1 };
	struct parts_part part;
	int rc = 1;

	s.urls = urls_new(run->arena, run->rules->suffixes, (size_t)run->o->url_check_count_limit);
	for (size_t i = 0; (urls_limits(s.urls) & URLS_LIMIT_COUNT) == 0; i++) {
		unsigned kind;

		rc = parts_look(parts, i, &part);
		if (rc != 1)
			break;
		kind = text_kind(&part);
		if (kind != 0)
			take_part(&s, i, kind);
	}
	s.whole &= rc != -1;
	tell_limits(run, &s);
	return s.urls;
}

static struct kept_urls *
kept(struct rule_run *run)
{
	struct kept_urls *k = content_keep(run, "urls", sizeof(*k));
	struct parts *parts;
	struct span message;

	if (k->urls != NULL)
		return k;
	parts = rule_parts(run);
	if (parts == NULL || !content_message(run, &message))
		return NULL;
	if (message.len > LONG)
		blocking_begin(); /* it computes for long */
	k->urls = find_all(run, parts);
	if (message.len > LONG)
		blocking_end();
	return k;
}

const struct urls *
message_urls(struct rule_run *run)
{
	const struct kept_urls *k = kept(run);

	return k == NULL ? NULL : k->urls;
}

/* --- hosts --- */

static const char *
host_of(const struct url *u)
{
	return u->host;
}

const char *
url_domain(const struct url *u)
{
	return u->registered[0] == '\0' ? u->host : u->registered;
}

static int
is_known(const struct url_hosts *h, const char *name, const char *(*name_of)(const struct url *))
{
	for (size_t i = 0; i < h->n; i++)
		if (strcmp(name_of(h->v[i]), name) == 0)
			return 1;
	return 0;
}

/* With the first URL of each name. */
static struct url_hosts *
collected(struct rule_run *run, const struct urls *urls, const char *(*name_of)(const struct url *))
{
	struct url_hosts *h = arena_calloc(run->arena, sizeof(*h));
	size_t n = urls_count(urls);

	h->v = arena_calloc(run->arena, (n + 1) * sizeof(h->v[0]));
	for (size_t i = 0; i < n; i++) {
		const struct url *u = urls_get(urls, i);

		if (u->kind != URL_NO_HOST && !is_known(h, name_of(u), name_of))
			h->v[h->n++] = u;
	}
	return h;
}

const struct url_hosts *
message_url_hosts(struct rule_run *run)
{
	struct kept_urls *k = kept(run);

	if (k != NULL && k->hosts == NULL)
		k->hosts = collected(run, k->urls, host_of);
	return k == NULL ? NULL : k->hosts;
}

const struct url_hosts *
message_url_domains(struct rule_run *run)
{
	struct kept_urls *k = kept(run);

	if (k != NULL && k->domains == NULL)
		k->domains = collected(run, k->urls, url_domain);
	return k == NULL ? NULL : k->domains;
}
