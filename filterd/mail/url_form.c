/* The normal form of a URL. */
#include <string.h>

#include "mail/url_private.h"

static void
put(struct url_form *f, uint8_t c)
{
	if (f->len < sizeof(f->text))
		f->text[f->len++] = (char)c;
	else
		f->cut = 1;
}

static void
puts_(struct url_form *f, const char *s)
{
	while (*s != '\0')
		put(f, (uint8_t)*s++);
}

static void
put_encoded(struct url_form *f, uint8_t c)
{
	static const char digits[] = "0123456789ABCDEF";

	put(f, '%');
	put(f, (uint8_t)digits[c >> 4]);
	put(f, (uint8_t)digits[c & 15]);
}

static int
is_unreserved(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

static int
is_allowed(uint8_t c)
{
	/* A '%' that encodes nothing could do so once what follows it is undone. */
	return c > ' ' && c < 0x7f && strchr("\"%<>`", c) == NULL;
}

/* The octet at *i, or its encoding; *i is on its last octet afterwards. */
static void
put_one(struct url_form *f, struct span s, size_t *i)
{
	uint8_t c = s.p[*i];
	int octet = c == '%' ? span_hex_octet(s, *i + 1) : -1;

	if (octet == -1) {
		if (is_allowed(c))
			put(f, c);
		else
			put_encoded(f, c);
		return;
	}
	*i += 2;
	if (is_unreserved(octet))
		put(f, (uint8_t)octet);
	else
		put_encoded(f, (uint8_t)octet);
}

static void
begin(struct url_form *f, const char *scheme)
{
	f->len = 0;
	f->cut = 0;
	memset(&f->url, 0, sizeof(f->url));
	f->url.host = "";
	puts_(f, scheme);
	put(f, ':');
}

static void
end(struct url_form *f)
{
	f->url.text = span_make(f->text, f->len);
	if (f->url.origin == 0)
		f->url.origin = f->len;
	if (f->url.path == 0)
		f->url.path = f->len;
	if (f->url.query == 0)
		f->url.query = f->len;
}

static void
put_rest(struct url_form *f, struct span rest, int web)
{
	if (rest.len == 0 || (rest.p[0] != '/' && !(web && rest.p[0] == '\\')))
		put(f, '/');
	for (size_t i = 0; i < rest.len && !f->cut; i++) {
		uint8_t c = rest.p[i];

		if (c == '#' && f->url.query == 0) {
			f->url.query = f->len;
			if (f->url.path == 0)
				f->url.path = f->len;
		} else if (c == '?' && f->url.path == 0) {
			f->url.path = f->len;
		}
		if (c == '\\' && web && f->url.path == 0)
			put(f, '/');
		else
			put_one(f, rest, &i);
	}
}

static void
put_port(struct url_form *f, unsigned port)
{
	char digits[8];
	size_t n = 0;

	for (; port > 0; port /= 10)
		digits[n++] = (char)('0' + port % 10);
	put(f, ':');
	while (n > 0)
		put(f, (uint8_t)digits[--n]);
}

void
url_form_make(struct url_form *f, const struct url_target *t)
{
	begin(f, t->scheme->name);
	puts_(f, t->host.kind == URL_V6 ? "//[" : "//");
	puts_(f, t->host.name);
	if (t->host.kind == URL_V6)
		put(f, ']');
	if (t->port != 0 && t->port != (unsigned)t->scheme->port)
		put_port(f, t->port);
	f->url.origin = f->len;
	f->url.kind = t->host.kind;
	f->url.host = t->host.name;
	put_rest(f, t->rest, t->scheme->syntax == URL_WEB);
	end(f);
}

void
url_form_opaque(struct url_form *f, const struct url_scheme *scheme, struct span rest)
{
	begin(f, scheme->name);
	for (size_t i = 0; i < rest.len; i++)
		put_one(f, rest, &i);
	end(f);
}

void
url_form_mail(struct url_form *f, struct span local, const struct url_host *host)
{
	begin(f, "mailto");
	for (size_t i = 0; i < local.len; i++)
		put_one(f, local, &i);
	put(f, '@');
	if (host->kind != URL_NAME)
		put(f, '[');
	puts_(f, host->name);
	if (host->kind != URL_NAME)
		put(f, ']');
	f->url.kind = host->kind;
	f->url.host = host->name;
	end(f);
}
