/*
 * reject_virus, hold_virus, check_virus: what becomes of what was found
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "plugins/clamav_clamd.h"
#include "plugins/clamav_int.h"
#include "plugins/clamav_names.h"

/* Names of one message; clamd tells one a question. */
#define NAMES_MAX 16

/* What clamd said, kept for the other recipients and items. */
struct kept {
	int asked;
	struct clamd_result result;
	char text[NAMES_MAX][CLAM_NAME_MAX + 1];
	const char *name[NAMES_MAX];
	struct clam_found found;
};

/* --- asking --- */

/* The resolver has its cache and its deadlines; what it does not know here is tried as the next
 * server is. */
static int
resolve(void *arg, const char *name, int port, struct sockaddr_storage *to, socklen_t *len)
{
	struct rule_run *run = arg;
	struct filterd_dns dns;
	struct sockaddr_in *in = (struct sockaddr_in *)to;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;

	memset(to, 0, sizeof(*to));
	if (clam_host->dns(run, name, FILTERD_A, &dns) == FILTERD_DNS_FOUND && dns.n > 0 &&
	    inet_pton(AF_INET, dns.text[0], &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		*len = sizeof(*in);
		return 0;
	}
	if (clam_host->dns(run, name, FILTERD_AAAA, &dns) == FILTERD_DNS_FOUND && dns.n > 0 &&
	    inet_pton(AF_INET6, dns.text[0], &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		*len = sizeof(*in6);
		return 0;
	}
	return -1;
}

static struct iovec
piece(struct filterd_octets o)
{
	return (struct iovec){ .iov_base = (void *)(uintptr_t)o.p, .iov_len = o.len };
}

static int
has_kind(const struct kept *k, enum clam_kind kind)
{
	for (size_t i = 0; i < k->found.n; i++)
		if (clam_name_kind(k->name[i]) == kind)
			return 1;
	return 0;
}

static void
tell_fact(struct rule_run *run, enum clam_kind kind, const char *name)
{
	switch (kind) {
	case CLAM_VIRUS:
		clam_host->fact(run, "virus", name, NULL);
		break;
	case CLAM_LIMIT:
		clam_host->fact(run, "clamav", "limit", clam_name_detail(name));
		break;
	case CLAM_TIME:
		clam_host->fact(run, "clamav", "timeout", NULL);
		break;
	case CLAM_ENCRYPTED:
		clam_host->fact(run, "clamav", "encrypted", clam_name_detail(name));
		break;
	}
}

/* Names from clamd as libclamav would have said them, with their facts. */
static void
tell_name(struct rule_run *run, struct kept *k, const char *name)
{
	enum clam_kind kind = clam_name_kind(name);
	size_t n = k->found.n;

	for (size_t i = 0; i < n; i++)
		if (strcmp(k->name[i], name) == 0)
			return;
	if (n == NAMES_MAX)
		return;
	if (kind == CLAM_VIRUS && !has_kind(k, kind))
		clam_host->count(clam_host, "clamav_found", 1);
	if (kind == CLAM_LIMIT && !has_kind(k, kind))
		clam_host->count(clam_host, "clamav_limits", 1);
	tell_fact(run, kind, name);
	snprintf(k->text[n], sizeof(k->text[n]), "%s", name);
	k->name[n] = k->text[n];
	k->found.names = k->name;
	k->found.n = n + 1;
}

static void
ask_octets(struct rule_run *run, struct clam_state *s, struct kept *k, struct filterd_octets first,
    struct filterd_octets rest)
{
	const struct iovec both[2] = { piece(first), piece(rest) };
	struct clamd_result *r = &k->result;

	clam_host->wait_begin();
	clamd_ask(s->clamd, both, clam_host->time_left_ms(run), resolve, run, r);
	clam_host->wait_end();
	if (r->rc == -1) {
		k->found.failed = r->name;
		clam_host->fact(run, "clamav", r->is_timeout ? "timeout" : "error", NULL);
		clam_host->count(clam_host, "clamav_failed", 1);
	} else if (r->word == CLAMD_FOUND) {
		tell_name(run, k, r->name);
	} else if (r->word == CLAMD_TOO_LARGE) {
		tell_name(run, k, "Heuristics.Limits.Exceeded.StreamMaxLength");
	}
}

/* Nothing that another question could tell would change what becomes of the message.  That not all
 * of it could be seen is no such thing: there may be a virus besides. */
static int
is_settled(const struct kept *k)
{
	return k->found.failed != NULL || has_kind(k, CLAM_VIRUS) || has_kind(k, CLAM_TIME);
}

/* clamd does not say what it has seen in the message.  So that on which mail readers may differ is
 * shown to it by itself. */
static void
ask_odd_parts(struct rule_run *run, struct clam_state *s, struct kept *k)
{
	struct filterd_part part;
	int rc = 0;

	for (size_t i = 0; !is_settled(k) && (rc = clam_host->odd_part(run, i, &part)) == 1; i++) {
		/* The last place is for what says that there may be more. */
		if (k->found.n >= NAMES_MAX - 1) {
			rc = -1;
			break;
		}
		clam_host->count(clam_host, "clamav_extra_parts", 1);
		if (part.decoded.len > 0)
			ask_octets(run, s, k, part.decoded, (struct filterd_octets){ NULL, 0 });
		if (!part.whole)
			tell_name(run, k, "Heuristics.Limits.Exceeded.PartSize");
	}
	if (rc == -1 && !is_settled(k))
		tell_name(run, k, "Heuristics.Limits.Exceeded.Parts");
}

static void
ask_clamd(struct rule_run *run, struct clam_state *s, struct kept *k)
{
	k->asked = 1;
	ask_octets(run, s, k, clam_host->received_line(run), clam_host->message(run));
	ask_odd_parts(run, s, k);
	if (k->found.failed != NULL)
		return;
	if (k->found.n == 0)
		clam_host->fact(run, "clamav", "clean", NULL);
	clam_host->count(clam_host, "clamav_scanned", 1);
}

/* 0; -1: *answer is what the check answers. */
static int
find(struct rule_run *run, const struct rule_op *op, struct clam_found *found,
    enum rule_result *answer)
{
	struct clam_state *s = clam_host->state(run);
	const struct filterd_scan_answer *a;
	struct kept *k;

	if (s->engine == CLAM_CLAMD) {
		if (clam_host->look_only(run, "a clamd would be asked")) {
			*answer = RULE_DUNNO;
			return -1;
		}
		k = clam_host->keep(run, "clamd", sizeof(*k));
		if (!k->asked)
			ask_clamd(run, s, k);
		*found = k->found;
		return 0;
	}
	a = clam_host->scan(run, op, answer);
	if (a == NULL) {
		clam_host->fact(run, "clamav", "error", NULL);
		return -1;
	}
	/* The scanner may not have come as far as to ask libclamav. */
	if (a->failed != NULL)
		clam_host->fact(run, "clamav", "error", NULL);
	*found = (struct clam_found){ .names = a->keys, .n = a->nkeys, .failed = a->failed };
	return 0;
}

/* --- judging --- */

/* The parameter that says what such a name is; a virus is one, and what ran out of time has
 * failed. */
static enum clam_action
is_what(const struct clam_state *s, const char *name)
{
	switch (clam_name_kind(name)) {
	case CLAM_LIMIT:
		return s->on_limit;
	case CLAM_ENCRYPTED:
		return s->on_encrypted;
	case CLAM_TIME:
		return CLAM_FAIL;
	case CLAM_VIRUS:
		break;
	}
	return CLAM_AS_VIRUS;
}

static const char *
find_virus(const struct clam_state *s, const struct clam_found *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (is_what(s, f->names[i]) == CLAM_AS_VIRUS)
			return f->names[i];
	return NULL;
}

/* A name that says that not all could be seen, as far as it is to count. */
static enum rule_result
fail_by_name(struct rule_run *run, const char *name)
{
	const char *detail = clam_name_detail(name);

	/* Told again, for it says more of this failure than that there was one. */
	switch (clam_name_kind(name)) {
	case CLAM_LIMIT:
		clam_host->fact(run, "clamav", "limit", detail);
		return clam_host->failed(run, "message is beyond a limit of the virus scan: %s",
		    detail == NULL ? name : detail);
	case CLAM_ENCRYPTED:
		clam_host->fact(run, "clamav", "encrypted", detail);
		return clam_host->failed(
		    run, "message holds what is encrypted: %s", detail == NULL ? name : detail);
	case CLAM_TIME:
	case CLAM_VIRUS:
		break;
	}
	clam_host->fact(run, "clamav", "timeout", NULL);
	return clam_host->failed(run, "virus scan: out of time");
}

/* When nothing was found that decides: was all of it seen?  settled: numbers of names that a table
 * has decided about, or NULL. */
static enum rule_result
judge_rest(struct rule_run *run, const struct clam_state *s, const struct clam_found *f,
    const unsigned char *settled)
{
	if (f->failed != NULL)
		return clam_host->failed(run, "virus scan: %s", f->failed);
	for (size_t i = 0; i < f->n; i++)
		if ((settled == NULL || !settled[i]) && is_what(s, f->names[i]) == CLAM_FAIL)
			return fail_by_name(run, f->names[i]);
	return RULE_DUNNO;
}

/* --- the restrictions --- */

enum rule_result
clam_check_reject(struct rule_run *run, const struct rule_op *op)
{
	const struct clam_state *s = clam_host->state(run);
	enum rule_result answer;
	struct clam_found f;
	const char *name;

	if (find(run, op, &f, &answer) == -1)
		return answer;
	name = find_virus(s, &f);
	if (name != NULL)
		return clam_host->refuse(run, 554, "5.7.1", "message contains malware: %s", name);
	return judge_rest(run, s, &f, NULL);
}

enum rule_result
clam_check_hold(struct rule_run *run, const struct rule_op *op)
{
	const struct clam_state *s = clam_host->state(run);
	char reason[CLAM_NAME_MAX + sizeof("virus ")];
	enum rule_result answer;
	struct clam_found f;
	const char *name;

	if (find(run, op, &f, &answer) == -1)
		return answer;
	name = find_virus(s, &f);
	if (name == NULL)
		return judge_rest(run, s, &f, NULL);
	snprintf(reason, sizeof(reason), "virus %s", name);
	clam_host->hold(run, reason);
	return RULE_DUNNO;
}

/* 1: the table has a row for this name, which has been applied; 0: none; -1: trouble. */
static int
apply_name(
    struct rule_run *run, const struct rule_op *op, const char *name, enum rule_result *result)
{
	char key[CLAM_NAME_MAX + 1];
	struct filterd_hit hit;
	int rc;

	for (size_t step = 0; clam_name_key(name, step, key); step++) {
		rc = clam_host->lookup(run, op, key, &hit);
		if (rc == -1) {
			*result = clam_host->table_failed(run);
			return -1;
		}
		if (rc == 1) {
			*result = clam_host->apply(run, &hit);
			return 1;
		}
	}
	return 0;
}

enum rule_result
clam_check_table(struct rule_run *run, const struct rule_op *op)
{
	const struct clam_state *s = clam_host->state(run);
	enum rule_result answer;
	unsigned char *settled;
	struct clam_found f;
	int rc;

	if (find(run, op, &f, &answer) == -1)
		return answer;
	settled = clam_host->alloc(run, f.n + 1);
	for (size_t i = 0; i < f.n; i++) {
		rc = apply_name(run, op, f.names[i], &answer);
		if (rc == -1 || (rc == 1 && answer != RULE_DUNNO))
			return answer;
		settled[i] = rc == 1;
	}
	return judge_rest(run, s, &f, settled);
}
