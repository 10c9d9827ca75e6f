/* The arguments of MAIL, RCPT and HELO, and xtext. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "mail/syntax.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(int what)
{
	if (!what)
		abort();
}

/* What was understood is understood again from its own octets, and says the same. */
static void
check_path(struct arena *a, const struct mail_path *p, int utf8)
{
	struct mail_path again;

	must(strpbrk(p->octets, "\r\n") == NULL && strpbrk(p->addr, "\r\n") == NULL);
	if (p->addr[0] == '\0')
		return;
	must(syntax_address(a, span_str(p->octets), utf8, &again) == 0);
	must(strcmp(again.addr, p->addr) == 0 && strcmp(again.domain, p->domain) == 0);
	must(strlen(p->addr) == strlen(p->local) + strlen(p->domain) + (p->domain[0] != '\0'));
}

static void
check_xtext(struct span in)
{
	struct buf plain = { 0 }, wire = { 0 }, back = { 0 };

	xtext_encode(in, &wire);
	if (xtext_decode(buf_span(&wire), &back) == 0)
		must(span_eq(buf_span(&back), in));
	buf_reset(&wire);
	if (xtext_decode(in, &plain) == 0) {
		buf_reset(&back);
		xtext_encode(buf_span(&plain), &wire);
		must(xtext_decode(buf_span(&wire), &back) == 0);
		must(span_eq(buf_span(&back), buf_span(&plain)));
	}
	buf_fini(&plain);
	buf_fini(&wire);
	buf_fini(&back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena *a;
	struct mail_path path;
	struct mail_params params;
	struct span arg;
	int utf8;

	if (n < 1)
		return 0;
	a = arena_new();
	utf8 = p[0] & 1;
	arg = arena_span(a, span_make(p + 1, n - 1));
	if (syntax_mail(a, arg, utf8, &path, &params) == SYNTAX_OK)
		check_path(a, &path, utf8);
	if (syntax_rcpt(a, arg, utf8, &path, &params) == SYNTAX_OK) {
		must(path.addr[0] != '\0');
		check_path(a, &path, utf8);
	}
	if (syntax_address(a, arg, utf8, &path) == 0)
		check_path(a, &path, utf8);
	syntax_helo(arg);
	check_xtext(arg);
	arena_free(a);
	return 0;
}
