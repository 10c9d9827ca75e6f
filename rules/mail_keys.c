#include "rules/mail_keys.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/arena.h"
#include "rules/address.h"

/* --- quotes and extensions --- */

int
mail_is_dot_string(struct span local)
{
	if (local.len == 0 || local.p[0] == '.' || local.p[local.len - 1] == '.')
		return 0;
	for (size_t i = 0; i < local.len; i++) {
		uint8_t c = local.p[i];

		if (c <= ' ' || c == 0x7f || memchr("()<>@,;:\\\"[]", c, 12) != NULL)
			return 0;
		if (c == '.' && local.p[i + 1] == '.')
			return 0;
	}
	return 1;
}

static size_t
last_at(struct span s)
{
	size_t i = s.len;

	while (i > 0 && s.p[i - 1] != '@')
		i--;
	return i == 0 ? s.len : i - 1;
}

struct span
mail_quoted(struct arena *arena, struct span address)
{
	size_t at = last_at(address), n = 0;
	uint8_t *out;

	if (mail_is_dot_string(span_make(address.p, at)))
		return address;
	out = arena_alloc(arena, 2 * at + 2 + (address.len - at));
	out[n++] = '"';
	for (size_t i = 0; i < at; i++) {
		if (address.p[i] == '"' || address.p[i] == '\\' || address.p[i] == '\r')
			out[n++] = '\\';
		out[n++] = address.p[i];
	}
	out[n++] = '"';
	memcpy(out + n, address.p + at, address.len - at);
	return span_make(out, n + address.len - at);
}

static int
is_one_of(struct span local, const char *delimiters, const char *double_bounce_sender)
{
	if (span_case_eq_str(local, "postmaster") || span_case_eq_str(local, "mailer-daemon"))
		return 1;
	if (double_bounce_sender != NULL && span_case_eq_str(local, double_bounce_sender))
		return 1;
	if (strchr(delimiters, '-') == NULL)
		return 0;
	return span_case_starts(local, "owner-") ||
	       (local.len > 8 &&
		   span_case_eq_str(span_make(local.p + local.len - 8, 8), "-request"));
}

size_t
mail_split_extension(struct span local, const char *delimiters, const char *double_bounce_sender)
{
	if (delimiters == NULL || delimiters[0] == '\0' ||
	    is_one_of(local, delimiters, double_bounce_sender))
		return local.len;
	for (size_t i = 0; i < local.len; i++)
		if (local.p[i] != '\0' && strchr(delimiters, local.p[i]) != NULL)
			return i == 0 ? local.len : i;
	return local.len;
}

/* --- keys --- */

/* The steps, in order; each kind of key has some of them. */
enum step {
	STEP_FULL,       /* user+ext@dom */
	STEP_BARE,       /* user@dom */
	STEP_LOCAL,      /* user+ext */
	STEP_LOCAL_BARE, /* user */
	STEP_AT_DOMAIN,  /* @dom */
	STEP_NAME,       /* dom, and then its parents */
	STEP_LOCAL_AT,   /* user+ext@ */
	STEP_LOCAL_BARE_AT,
	STEP_NETWORK, /* 192.0.2.1, and then its prefixes */
	STEP_END,
};

#define HAS(step) (1u << (step))
static const unsigned steps[] = {
	[KEYS_ACCESS] = HAS(STEP_FULL) | HAS(STEP_BARE) | HAS(STEP_NAME) | HAS(STEP_LOCAL_AT) |
			HAS(STEP_LOCAL_BARE_AT),
	[KEYS_FIND] = HAS(STEP_FULL) | HAS(STEP_BARE) | HAS(STEP_LOCAL) | HAS(STEP_LOCAL_BARE) |
		      HAS(STEP_AT_DOMAIN),
	[KEYS_TRANSPORT] = HAS(STEP_FULL) | HAS(STEP_BARE) | HAS(STEP_NAME),
};

void
mail_keys_address(struct mail_keys *k, struct arena *arena, const struct address *a,
    enum mail_keys_kind kind, int parents)
{
	*k = (struct mail_keys){ .kind = (int)kind,
		.parents = parents,
		.state = STEP_FULL,
		.arena = arena,
		.full = span_str(a->full),
		.bare = span_str(a->bare),
		.domain = span_str(a->domain),
		.ours = a->ours };
}

void
mail_keys_name(struct mail_keys *k, const char *name, int parents)
{
	*k = (struct mail_keys){
		.kind = -1, .parents = parents, .state = STEP_NAME, .domain = span_str(name)
	};
}

void
mail_keys_network(struct mail_keys *k, const char *addr)
{
	*k = (struct mail_keys){ .kind = -1, .state = STEP_NETWORK, .domain = span_str(addr) };
}

/* An address is not below another: 2.3.4 is no parent of 1.2.3.4, but it is one of x.1.2.3.4. */
static int
is_numeric(struct span name)
{
	char text[64];
	uint8_t octets[16];

	if (name.len >= sizeof(text))
		return 0;
	span_copy(name, text, sizeof(text));
	return inet_pton(AF_INET, text, octets) == 1 || inet_pton(AF_INET6, text, octets) == 1;
}

/* The name, and at each further call the next parent. */
static struct span
next_name(struct mail_keys *k)
{
	size_t dot;

	if (k->name.p == NULL) {
		k->name = k->domain;
		return k->name;
	}
	if (k->name.len == k->domain.len && is_numeric(k->name))
		return span_make(NULL, 0);
	dot = k->name.len < 2 ? 0 : span_find(span_make(k->name.p + 1, k->name.len - 1), '.') + 1;
	if (dot == 0 || dot == k->name.len)
		return span_make(NULL, 0);
	dot += k->parents != 0;
	k->name = span_make(k->name.p + dot, k->name.len - dot);
	return k->name;
}

/* The address, and at each further call what stands before the last delimiter: 2001:db8::5 has
 * 2001:db8: and then 2001:db8, but never 2001:db8::. */
static struct span
next_network(struct mail_keys *k)
{
	uint8_t delimiter = span_find(k->domain, ':') < k->domain.len ? ':' : '.';

	if (k->name.p == NULL) {
		k->name = k->domain;
		return k->name;
	}
	while (k->name.len > 0 && k->name.p[--k->name.len] != delimiter)
		;
	return k->name;
}

/* `s` up to its last @, or up to and with it. */
static struct span
before_at(struct span s, int with)
{
	size_t at = last_at(s);

	return s.len == 0 || at == s.len ? span_make(NULL, 0) : span_make(s.p, at + (size_t)with);
}

/* The key of this step; empty: there is none, or no further one. */
static struct span
make(struct mail_keys *k, enum step step)
{
	switch (step) {
	case STEP_FULL:
		return k->full;
	case STEP_BARE:
		return k->bare;
	case STEP_LOCAL:
		return k->ours ? before_at(k->full, 0) : span_make(NULL, 0);
	case STEP_LOCAL_BARE:
		return k->ours ? before_at(k->bare, 0) : span_make(NULL, 0);
	case STEP_AT_DOMAIN: {
		size_t at = last_at(k->full);

		return span_make(k->full.p + at, k->full.len - at);
	}
	case STEP_NAME:
		return next_name(k);
	case STEP_LOCAL_AT:
		return before_at(k->full, 1);
	case STEP_LOCAL_BARE_AT:
		return before_at(k->bare, 1);
	case STEP_NETWORK:
		return next_network(k);
	case STEP_END:
		break;
	}
	return span_make(NULL, 0);
}

static int
is_walk(enum step step)
{
	return step == STEP_NAME || step == STEP_NETWORK;
}

static enum step
next_step(const struct mail_keys *k)
{
	int step = k->state;

	if (k->kind == -1)
		return STEP_END;
	do
		step++;
	while (step < STEP_END && !(steps[k->kind] & HAS(step)));
	return (enum step)step;
}

/* A local part that needs quotes is asked with them first. */
static struct span
quote(struct mail_keys *k, enum step step, struct span key)
{
	struct span quoted, whole;

	if (step == STEP_NAME || step == STEP_NETWORK || step == STEP_AT_DOMAIN)
		return key;
	if (step == STEP_LOCAL || step == STEP_LOCAL_BARE) {
		/* Not an address but all of it a local part, @ or not. */
		if (mail_is_dot_string(key))
			return key;
		whole = span_make(key.p, key.len + 1); /* the @ behind it is there */
		quoted = mail_quoted(k->arena, whole);
		quoted.len--;
	} else {
		quoted = mail_quoted(k->arena, key);
	}
	if (quoted.p != key.p)
		k->plain = key;
	return quoted;
}

int
mail_keys_next(struct mail_keys *k, struct span *key)
{
	if (k->plain.len > 0) { /* what was quoted just now */
		*key = k->plain;
		k->plain = span_make(NULL, 0);
		return 1;
	}
	while (k->state != STEP_END) {
		enum step step = (enum step)k->state;
		struct span made = make(k, step);

		if (made.len == 0 || !is_walk(step))
			k->state = next_step(k);
		if (made.len == 0)
			continue;
		k->partial = k->given;
		k->given = 1;
		*key = quote(k, step, made);
		return 1;
	}
	return 0;
}
