/*
 * mail_keys - what access(5) tables are asked, one key after another
 *
 *	struct mail_keys k;
 *	struct span key;
 *	mail_keys_address(&k, arena, &address, 0, parents);
 *	while (mail_keys_next(&k, &key))
 *		if (!k.partial || !table_is_pattern(t))
 *			...
 *
 * Addresses: user+ext@dom, user@dom, dom, its parents, user+ext@, user@.  A local part that needs
 * quotes is asked quoted first and then plain.  Names: the name and its parents.  Network
 * addresses: 192.0.2.1, 192.0.2, 192.0, 192; 2001:db8:1::5, 2001:db8:1:, 2001:db8:1, 2001:db8, ...
 *
 * Keys point into what was given, or into the arena.  Names and addresses keep the case they have:
 * tables fold it.  Also here: cutting the extension off a local part.
 */
#ifndef RULES_MAIL_KEYS_H
#define RULES_MAIL_KEYS_H

#include <stddef.h>

#include "base/attr.h"
#include "base/span.h"

struct address;
struct arena;

enum mail_keys_kind {
	KEYS_ACCESS,    /* check_sender_access, check_recipient_access */
	KEYS_FIND,      /* virtual_alias_maps, smtpd_sender_login_maps and their like: user+ext@dom,
			   user@dom; user+ext and user if the domain is ours; @dom */
	KEYS_TRANSPORT, /* transport_maps: user+ext@dom, user@dom, dom, its parents; the row "*" is
			   the caller's */
};

struct mail_keys {
	int partial; /* of the key just given: pattern tables are not asked for it */
	/* the rest is the module's own */
	int kind, parents, state, given, ours;
	struct arena *arena;
	struct span full, bare, domain, name, plain;
};

/* parents: "b.c" is asked for a.b.c; else ".b.c". */
void mail_keys_address(
    struct mail_keys *, struct arena *, const struct address *, enum mail_keys_kind, int parents);
/* A host name: client, HELO, MX host, domain. */
void mail_keys_name(struct mail_keys *, const char *name, int parents);
/* A network address as text. */
void mail_keys_network(struct mail_keys *, const char *addr);
/* 1 and the next key, or 0: there is none left.  Never gives an empty key. */
int mail_keys_next(struct mail_keys *, struct span *key) ATTR_MUST_USE;

/* How long the local part is without its extension; its whole length: it has none.  delimiters NULL
 * or "": none has.  postmaster, mailer-daemon and double_bounce are never cut; neither are
 * owner-LIST and LIST-request where - is a delimiter. */
size_t mail_split_extension(
    struct span local, const char *delimiters, const char *double_bounce_sender);
/* The address as tables have it: quotes around a local part that needs them. */
struct span mail_quoted(struct arena *, struct span address);
/* May this local part stand without quotes? */
int mail_is_dot_string(struct span local);

#endif
