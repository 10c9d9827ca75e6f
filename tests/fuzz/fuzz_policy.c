/* The octets of a policy client or server: first octet even a request, odd a reply. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "mail/policy_syntax.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(int what)
{
	if (!what)
		abort();
}

/* What was understood is written as a request that is understood in the same way. */
static void
round_trip(struct arena *a, const struct policy_request *r)
{
	struct policy_request back;
	struct buf out = { 0 };
	struct err err;
	size_t len;

	policy_request_format(r, &out);
	must(policy_request_find(buf_span(&out), &len, &err) == POLICY_WHOLE && len == out.len);
	must(policy_request_parse(a, buf_span(&out), &back, &err) == 0);
#define TEXT(name)   must(strcmp(r->name, back.name) == 0 && strchr(r->name, '\n') == NULL);
#define NUMBER(name) must(r->name == back.name && r->name >= 0);
#include "mail/policy_attrs.def"
#undef TEXT
#undef NUMBER
	buf_fini(&out);
}

static void
request(struct arena *a, struct span s)
{
	struct policy_request r;
	struct err err;
	size_t len;

	if (policy_request_find(s, &len, &err) != POLICY_WHOLE)
		return;
	must(len > 0 && len <= s.len && len <= POLICY_REQUEST_MAX);
	if (policy_request_parse(a, span_make(s.p, len), &r, &err) == 0)
		round_trip(a, &r);
}

static void
reply(struct arena *a, struct span s)
{
	const char *action = NULL, *again = NULL;
	struct buf out = { 0 };
	struct err err;
	size_t len;

	if (policy_reply_parse(a, s, &len, &action, &err) != POLICY_WHOLE)
		return;
	must(len > 0 && len <= s.len && action != NULL && strchr(action, '\n') == NULL);
	policy_reply_format(action, &out);
	must(policy_reply_parse(a, buf_span(&out), &len, &again, &err) == POLICY_WHOLE);
	must(len == out.len && strlen(again) == strlen(action));
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena *a;

	if (n < 1)
		return 0;
	a = arena_new();
	if (p[0] & 1)
		reply(a, span_make(p + 1, n - 1));
	else
		request(a, span_make(p + 1, n - 1));
	arena_free(a);
	return 0;
}
