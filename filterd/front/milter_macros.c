/* Macros: what an MTA says beside its events. */
#include <stdlib.h>
#include <string.h>

#include "base/xmem.h"
#include "front/milter_session_private.h"

/* A value longer than this is no fact about a client. */
#define VALUE_MAX ((size_t)4096)

struct milter_told {
	struct milter_told *next;
	enum milter_macros_at at;
	enum milter_macro name;
	char value[];
};

static const char *const names[MACROS] = {
	[MACRO_I] = "i",
	[MACRO_R] = "r",
	[MACRO_V] = "v",
	[MACRO_CLIENT_ADDR] = "client_addr",
	[MACRO_CLIENT_NAME] = "client_name",
	[MACRO_CLIENT_PORT] = "client_port",
	[MACRO_CLIENT_PTR] = "client_ptr",
	[MACRO_CLIENT_RESOLVE] = "client_resolve",
	[MACRO_DAEMON_ADDR] = "daemon_addr",
	[MACRO_DAEMON_PORT] = "daemon_port",
	[MACRO_IF_ADDR] = "if_addr",
	[MACRO_TLS_VERSION] = "tls_version",
	[MACRO_CIPHER] = "cipher",
	[MACRO_CIPHER_BITS] = "cipher_bits",
	[MACRO_CERT_SUBJECT] = "cert_subject",
	[MACRO_CERT_ISSUER] = "cert_issuer",
	[MACRO_VERIFY] = "verify",
	[MACRO_AUTH_AUTHEN] = "auth_authen",
	[MACRO_AUTH_TYPE] = "auth_type",
	[MACRO_AUTH_AUTHOR] = "auth_author",
	[MACRO_RCPT_MAILER] = "rcpt_mailer",
};

const char *
milter_session_macro_name(size_t i)
{
	return i < MACROS ? names[i] : NULL;
}

static void
forget(struct milter_session *s, unsigned from, unsigned to)
{
	struct milter_told **p = &s->told, *t;

	while ((t = *p) != NULL) {
		if (t->at < from || t->at > to) {
			p = &t->next;
			continue;
		}
		*p = t->next;
		free(t);
	}
}

static int
is_used(const struct milter_session *s, enum milter_macros_at at)
{
	return (s->used & 1u << at) != 0;
}

void
milter_macros_use(struct milter_session *s, enum milter_macros_at at)
{
	forget(s, is_used(s, at) ? at : at + 1, MILTER_ATS);
	s->used |= 1u << at;
}

/* An MTA that sends no macros with an event does not say that those of the last one are over. */
void
milter_macros_forget(struct milter_session *s, enum milter_macros_at from)
{
	forget(s, is_used(s, from) ? from : from + 1, MILTER_ATS);
}

void
milter_session_macros_begin(struct milter_session *s, enum milter_macros_at at)
{
	forget(s, at, at);
	s->used &= ~(1u << at);
}

void
milter_macros_free(struct milter_session *s)
{
	forget(s, 0, MILTER_ATS);
}

/* Where it stands in the list, or the list's end. */
static struct milter_told **
find(struct milter_session *s, enum milter_macros_at at, enum milter_macro name)
{
	struct milter_told **p = &s->told;

	while (*p != NULL && ((*p)->at != at || (*p)->name != name))
		p = &(*p)->next;
	return p;
}

/* Once for each stage, or a packet full of one name would cost ten times its size. */
void
milter_session_macro(
    struct milter_session *s, enum milter_macros_at at, const char *name, const char *value)
{
	struct milter_told **p, *t;
	size_t n = strlen(value), i = 0;

	while (i < MACROS && strcmp(names[i], name) != 0)
		i++;
	if (i == MACROS || n > VALUE_MAX)
		return;
	p = find(s, at, (enum milter_macro)i);
	t = xrealloc(*p, sizeof(*t) + n + 1);
	if (*p == NULL)
		t->next = NULL;
	t->at = at;
	t->name = (enum milter_macro)i;
	memcpy(t->value, value, n + 1);
	*p = t;
}

const char *
milter_macro_at(const struct milter_session *s, enum milter_macros_at at, enum milter_macro name)
{
	for (const struct milter_told *t = s->told; t != NULL; t = t->next)
		if (t->name == name && t->at == at)
			return t->value;
	return NULL;
}

/* What is told of a later stage is nearer to now. */
const char *
milter_macro_get(const struct milter_session *s, enum milter_macro name)
{
	const struct milter_told *best = NULL;

	for (const struct milter_told *t = s->told; t != NULL; t = t->next)
		if (t->name == name && (best == NULL || t->at > best->at))
			best = t;
	return best == NULL ? NULL : best->value;
}
