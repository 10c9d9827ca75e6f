/* The operators of addresses, ! % @, and what is added to an address that lacks something.
 *
 * Postfix works on a list of tokens.  Here an address is a local part, quoted or not, and a domain:
 * between its passes Postfix writes the local part as one quoted string whenever it is no
 * dot-string, so that there is nothing else to be kept. */
#include <string.h>

#include "base/arena.h"
#include "rules/address_impl.h"
#include "rules/mail_keys.h"

/* Index of the last c, or len. */
static size_t
find_last(struct span s, uint8_t c)
{
	for (size_t i = s.len; i > 0; i--)
		if (s.p[i - 1] == c)
			return i - 1;
	return s.len;
}

static struct span
head(struct span s, size_t n)
{
	return span_make(s.p, n);
}

static struct span
tail(struct span s, size_t from)
{
	return span_make(s.p + from, s.len - from);
}

struct parts
parts_of(struct span text)
{
	size_t at = find_last(text, '@');
	struct parts p = { .local = head(text, at), .has_at = at < text.len };

	if (p.has_at)
		p.domain = tail(text, at + 1);
	p.quoted = !mail_is_dot_string(p.local);
	return p;
}

struct span
parts_join(struct arena *arena, const struct parts *p)
{
	uint8_t *out;

	if (!p->has_at)
		return p->local;
	out = arena_alloc(arena, p->local.len + 1 + p->domain.len);
	if (p->local.len > 0)
		memcpy(out, p->local.p, p->local.len);
	out[p->local.len] = '@';
	if (p->domain.len > 0)
		memcpy(out + p->local.len + 1, p->domain.p, p->domain.len);
	return span_make(out, p->local.len + 1 + p->domain.len);
}

struct span
without_final_dot(struct span d)
{
	if (d.len >= 2 && d.p[d.len - 1] == '.' && d.p[d.len - 2] != '.')
		d.len--;
	return d;
}

/* Cut an unquoted local part at an operator: dom!user, user%dom. */
static int
cut_operator(const struct address_rules *r, struct parts *p)
{
	size_t i;

	if (p->quoted)
		return 0;
	if (r->swap_bangpath && (i = span_find(p->local, '!')) < p->local.len) {
		p->domain = head(p->local, i);
		p->local = tail(p->local, i + 1);
		p->has_at = 1;
		return 1;
	}
	if (r->allow_percent_hack && (i = find_last(p->local, '%')) < p->local.len) {
		p->domain = tail(p->local, i + 1);
		p->local = head(p->local, i);
		p->has_at = 1;
		return 1;
	}
	return 0;
}

void
parts_rewrite(const struct address_rules *r, struct arena *arena, struct parts *p)
{
	if (!p->has_at && !cut_operator(r, p)) {
		p->domain = span_str(r->myorigin);
		p->has_at = 1;
	}
	if (r->append_dot_mydomain && p->domain.len > 0 && p->domain.p[0] != '[' &&
	    span_find(p->domain, '.') == p->domain.len)
		p->domain = span_str(arena_printf(
		    arena, "%.*s.%s", (int)p->domain.len, (const char *)p->domain.p, r->mydomain));
	p->domain = without_final_dot(p->domain);
}

int
parts_crack(const struct address_rules *r, struct arena *arena, struct parts *p)
{
	size_t i;

	if (!p->quoted || !r->resolve_dequoted_address)
		return 0;
	i = find_last(p->local, '@');
	if (i == p->local.len && r->allow_percent_hack)
		i = find_last(p->local, '%');
	if (i < p->local.len) {
		p->domain = tail(p->local, i + 1);
		p->local = head(p->local, i);
		p->has_at = 1;
	} else if (r->swap_bangpath && (i = span_find(p->local, '!')) < p->local.len) {
		p->domain = head(p->local, i);
		p->local = tail(p->local, i + 1);
		p->has_at = 1;
	} else {
		return 0;
	}
	p->quoted = !mail_is_dot_string(p->local);
	parts_rewrite(r, arena, p);
	return 1;
}
