/* Who the MTA says that its client is.  Absence is "unknown", never a guess (PITFALLS B5). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/xmem.h"
#include "front/milter_session_private.h"
#include "front/told.h"
#include "mail/hostname.h"

/* Those who say `v`: what others mean by a macro of the same name may differ. */
static int
is_postfix(const struct milter_session *s)
{
	const char *v = milter_macro_get(s, MACRO_V);

	return v != NULL && strncmp(v, "Postfix", 7) == 0;
}

int
milter_client_asks_sendmail(const struct milter_session *s)
{
	const char *v = milter_macro_get(s, MACRO_V);

	return v != NULL && v[0] >= '0' && v[0] <= '9'; /* the version alone */
}

/* --- names --- */

/* Sendmail has "[192.0.2.1]" for no name, Postfix "unknown". */
static int
is_name(const char *text)
{
	return text != NULL && strcmp(text, "unknown") != 0 &&
	       strlen(text) < sizeof(((struct client *)NULL)->name) &&
	       hostname_valid(span_str(text), 0);
}

static int
resolved_as(const char *resolve, const char *what)
{
	return resolve != NULL && strcmp(resolve, what) == 0;
}

/* {client_resolve} is of the name that has the address and of the address that has the name: TEMP
 * and FAIL are of the latter where {client_ptr} is known, and FORGED always. */
static void
fill_names(struct milter_session *s, const char *event_name)
{
	const char *resolve = milter_macro_get(s, MACRO_CLIENT_RESOLVE);
	const char *ptr = milter_macro_get(s, MACRO_CLIENT_PTR);
	const char *name = milter_macro_get(s, MACRO_CLIENT_NAME);
	struct client *c = &s->client;
	int temporary = resolved_as(resolve, "TEMP");

	if (name == NULL)
		name = event_name;
	if (is_name(name) && (resolve == NULL || resolved_as(resolve, "OK"))) {
		c->name_state = ATTR_KNOWN;
		span_copy(span_str(name), c->name, sizeof(c->name));
	} else {
		c->name_state = temporary ? ATTR_TEMPFAIL : ATTR_UNKNOWN;
	}
	/* A name that was verified is also the one that was not yet. */
	if (ptr == NULL && c->name_state == ATTR_KNOWN)
		ptr = c->name;
	c->reverse_untold = ptr == NULL;
	if (is_name(ptr)) {
		c->reverse_state = ATTR_KNOWN;
		span_copy(span_str(ptr), c->reverse_name, sizeof(c->reverse_name));
	} else {
		c->reverse_state = temporary && ptr != NULL ? ATTR_TEMPFAIL : ATTR_UNKNOWN;
	}
}

/* --- addresses --- */

static void
fill_address(struct milter_session *s, const struct milter_connection *conn)
{
	const char *addr = milter_macro_get(s, MACRO_CLIENT_ADDR);
	const char *port = milter_macro_get(s, MACRO_CLIENT_PORT);
	struct client *c = &s->client;

	if (conn->family == '4' || conn->family == '6')
		addr = conn->addr;
	if (addr != NULL && told_address(c, addr) == -1)
		log_warn(
		    "milter", s->id, "%s: the client's address \"%.60s\" is none", s->peer, addr);
	if (conn->port != 0)
		snprintf(c->port, sizeof(c->port), "%u", conn->port & 0xffff);
	else if (port != NULL && strcmp(port, "0") != 0)
		span_copy(span_str(port), c->port, sizeof(c->port));
}

/* Our side of the client's connection.  Sendmail's {daemon_addr} is what it listens at, which may
 * be any address; Postfix has no {if_addr}. */
static void
fill_server(struct milter_session *s)
{
	const char *addr = milter_macro_get(s, MACRO_IF_ADDR);
	const char *port = milter_macro_get(s, MACRO_DAEMON_PORT);
	struct client *c = &s->client;

	if (addr == NULL)
		addr = milter_macro_get(s, MACRO_DAEMON_ADDR);
	if (addr == NULL)
		return;
	addr = told_bare_address(addr);
	if (strcmp(addr, "0.0.0.0") == 0 || strcmp(addr, "::") == 0)
		return;
	span_copy(span_str(addr), c->server_addr, sizeof(c->server_addr));
	if (port != NULL && strcmp(port, "0") != 0)
		span_copy(span_str(port), c->server_port, sizeof(c->server_port));
}

/* What Postfix's cleanup(8) makes up for mail that came by sendmail(1), or that Postfix made
 * itself: a client localhost[127.0.0.1] without a port. */
static int
is_made_up(const struct client *c)
{
	return strcmp(c->name, "localhost") == 0 && strcmp(c->addr, "127.0.0.1") == 0 &&
	       c->port[0] == '\0';
}

/* non_smtpd_milters: Postfix's cleanup(8) speaks for pickup(8), qmqpd(8) and bounce(8), and makes
 * up CONNECT, EHLO, MAIL, RCPT and DATA (3.7: the same since 2.3).  It has a queue id from the
 * start, which smtpd(8) has after the first recipient only.  MAIL has no parameters, the path no
 * <>. A refusal of CONNECT, EHLO, MAIL, DATA or of the message is taken as it is: 5xx bounces the
 * message, 4xx leaves it where it is.  But one of RCPT is a "milter configuration error", and the
 * whole message stays; so that waits for the end. */
static void
find_out_if_simulated(struct milter_session *s)
{
	int local = is_made_up(&s->client);

	s->simulated =
	    local || (is_postfix(s) && milter_macro_at(s, MILTER_AT_CONNECT, MACRO_I) != NULL);
	if (local)
		s->client.source = SOURCE_MILTER_LOCAL;
}

void
milter_client_connected(struct milter_session *s, const struct milter_connection *conn)
{
	client_init(&s->client);
	s->client.source = SOURCE_MILTER;
	fill_address(s, conn);
	fill_names(s, conn->name);
	fill_server(s);
	find_out_if_simulated(s);
}

/* --- TLS and login --- */

/* A name that was cut could be another one's. */
static void
copy_whole(const char *from, char *to, size_t size)
{
	size_t n = from == NULL ? 0 : strlen(from);

	if (n >= size)
		n = 0;
	span_copy(span_make(from, n), to, size);
}

/* Sendmail tells what any certificate says, and in {verify} what it thinks of it; Postfix tells of
 * those alone that it has verified, and has no {verify}. */
static int
is_verified(const struct milter_session *s)
{
	const char *verify = milter_macro_get(s, MACRO_VERIFY);

	return verify == NULL ? is_postfix(s) : strcmp(verify, "OK") == 0;
}

static void
copy_cert(struct milter_session *s, enum milter_macro name, char *to, size_t size)
{
	const char *text = is_verified(s) ? milter_macro_get(s, name) : NULL;
	struct arena *a;

	if (text == NULL || is_postfix(s)) {
		copy_whole(text, to, size);
		return;
	}
	a = arena_new();
	copy_whole(told_xtext(a, text), to, size);
	arena_free(a);
}

static void
fill_tls(struct milter_session *s)
{
	const char *version = milter_macro_get(s, MACRO_TLS_VERSION);
	const char *bits = milter_macro_get(s, MACRO_CIPHER_BITS);
	struct milter_tls *t;
	uint64_t n = 0;

	s->client.tls = NULL;
	if (version == NULL || version[0] == '\0')
		return;
	if (s->tls == NULL)
		s->tls = xcalloc(1, sizeof(*s->tls));
	t = s->tls;
	copy_whole(version, t->protocol, sizeof(t->protocol));
	copy_whole(milter_macro_get(s, MACRO_CIPHER), t->cipher, sizeof(t->cipher));
	copy_cert(s, MACRO_CERT_SUBJECT, t->subject, sizeof(t->subject));
	copy_cert(s, MACRO_CERT_ISSUER, t->issuer, sizeof(t->issuer));
	if (bits != NULL && span_u64(span_str(bits), INT32_MAX, &n) == -1)
		n = 0;
	/* No MTA tells the fingerprints that relay_clientcerts has. */
	t->view = (struct client_tls){ .protocol = t->protocol,
		.cipher = t->cipher,
		.keysize = (int64_t)n,
		.ccert_subject = t->subject,
		.ccert_issuer = t->issuer,
		.ccert_fingerprint = "",
		.ccert_pubkey_fingerprint = "" };
	s->client.tls = &t->view;
}

static void
fill_login(struct milter_session *s)
{
	const char *author = milter_macro_get(s, MACRO_AUTH_AUTHOR);
	struct client *c = &s->client;

	copy_whole(milter_macro_get(s, MACRO_AUTH_AUTHEN), c->login, sizeof(c->login));
	copy_whole(milter_macro_get(s, MACRO_AUTH_TYPE), c->login_method, sizeof(c->login_method));
	c->login_sender = NULL;
	if (c->login[0] == '\0')
		c->login_method[0] = '\0';
	else if (s->arena != NULL && author != NULL && author[0] != '\0')
		c->login_sender = arena_strdup(s->arena, author);
}

/* Only Sendmail tells it (as ESMTPSA and the like), and what ESMTP alone has shows it. */
static void
fill_proto(struct milter_session *s, int esmtp)
{
	const char *r = milter_macro_get(s, MACRO_R);
	struct client *c = &s->client;

	if (esmtp || c->tls != NULL || c->login[0] != '\0' ||
	    (r != NULL && strncmp(r, "ESMTP", 5) == 0))
		r = "ESMTP";
	span_copy(span_str(r), c->proto, sizeof(c->proto));
}

void
milter_client_refresh(struct milter_session *s, int esmtp)
{
	fill_tls(s);
	fill_login(s);
	fill_proto(s, esmtp);
	milter_client_ident(s);
}

void
milter_client_ident(struct milter_session *s)
{
	copy_whole(milter_macro_get(s, MACRO_I), s->client.ident, sizeof(s->client.ident));
}
