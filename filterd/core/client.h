/*
 * client - who sent the mail, as far as we know it
 *
 * Two of these hang on a session: the peer of the connection, and, after XFORWARD or XCLIENT, the
 * client the peer speaks for.  They are never mixed (PITFALLS B2): an attribute that XFORWARD did
 * not bring is unknown, not the peer's.
 */
#ifndef CORE_CLIENT_H
#define CORE_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum attr_state { ATTR_UNKNOWN, ATTR_KNOWN, ATTR_TEMPFAIL };

enum client_source {
	SOURCE_PEER,
	SOURCE_XFORWARD_REMOTE,
	SOURCE_XFORWARD_LOCAL,
	SOURCE_XCLIENT,
	SOURCE_POLICY,
	SOURCE_MILTER,       /* told by the MTA that has it as a client */
	SOURCE_MILTER_LOCAL, /* handed in on the MTA's own machine, without SMTP */
	CLIENT_SOURCES
};

/* How the client's connection is protected, and what its certificate says.  "" what is not so. */
struct client_tls {
	const char *protocol, *cipher; /* "" plain text */
	int64_t keysize;
	/* Both only of a certificate that was verified, decoded (UTF-8). */
	const char *ccert_subject, *ccert_issuer;
	/* Of any certificate, as Postfix writes them: pairs of hex digits with colons. */
	const char *ccert_fingerprint, *ccert_pubkey_fingerprint;
};

struct client {
	enum client_source source;
	struct sockaddr_storage sa; /* ss_family AF_UNSPEC: no address known */
	char addr[64];              /* text; "unknown" */
	char name[256];             /* verified name, or "unknown" */
	char reverse_name[256];     /* unverified PTR name, or "unknown" */
	char helo[256];             /* "" when none was given */
	char proto[16];             /* SMTP, ESMTP, LMTP */
	char port[8];
	char ident[256]; /* the peer's own queue id, from XFORWARD IDENT; "" when none */
	char login[256]; /* SASL login, from XCLIENT LOGIN or sasl_username; "" when none */
	enum attr_state name_state, reverse_state;
	int reverse_untold;           /* whether it has an unverified name nobody said */
	char login_method[32];        /* SASL mechanism; "" when none was told */
	const char *login_sender;     /* AUTH= of MAIL; NULL: none.  Lives as long as the session */
	const struct client_tls *tls; /* NULL: plain text, or not told; as long as the session */
	char server_addr[64];         /* ours that it is connected to; "" not told */
	char server_port[8];
};

/* Everything unknown. */
void client_init(struct client *);
/* Handed in on the machine that speaks for it: it has no address of its own. */
int client_is_local(const struct client *);
/* name[addr], as logs and replies have it. */
void client_label(const struct client *, char *out, size_t size);

#endif
