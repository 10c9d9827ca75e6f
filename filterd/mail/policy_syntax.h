/*
 * policy_syntax - requests and replies of Postfix's policy delegation protocol
 * (SMTPD_POLICY_README), read and written
 *
 * A message is lines NAME=VALUE, each ended by LF, and an empty line.  Pure functions over bytes.
 *
 * What is refused in a request, for a server must not answer what two readers could understand in
 * two ways (PITFALLS B6): a NUL, a line without "=" or name, an attribute of policy_attrs.def given
 * twice, a number that is none, any other `request` than smtpd_access_policy, and what is beyond
 * the limits below.  Attributes that are not in policy_attrs.def are skipped.
 */
#ifndef MAIL_POLICY_SYNTAX_H
#define MAIL_POLICY_SYNTAX_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

struct arena;

#define POLICY_LINE_MAX    ((size_t)8 * 1024)
#define POLICY_REQUEST_MAX ((size_t)32 * 1024)
#define POLICY_REPLY_MAX   ((size_t)16 * 1024)
#define POLICY_ATTRS_MAX   100
#define POLICY_REQUEST     "smtpd_access_policy"

/* Values are as sent; ccert_subject, ccert_issuer and the fingerprints are xtext. */
struct policy_request {
#define TEXT(name)   const char *name;
#define NUMBER(name) int64_t name;
#include "mail/policy_attrs.def"
#undef TEXT
#undef NUMBER
};

enum policy_found {
	POLICY_BROKEN = -1, /* it can become no message any more; err says why */
	POLICY_MORE = 0,    /* not complete yet */
	POLICY_WHOLE = 1,
};

struct err;

/* Every text "", `request` as it must be. */
void policy_request_init(struct policy_request *);

/* Is there a whole request, its empty line included, in front of these bytes?  *len: its length. */
enum policy_found policy_request_find(struct span, size_t *len, struct err *);
/* A whole request: 0, or -1 with err (ERR_PEER).  Texts live in the arena. */
int policy_request_parse(
    struct arena *, struct span whole, struct policy_request *, struct err *) ATTR_MUST_USE;
/* All attributes, empty ones too, and the empty line.  An LF in a value becomes "?". */
void policy_request_format(const struct policy_request *, struct buf *);

/* A reply in front of these bytes: its first `action`, into the arena, and its whole length.  Other
 * attributes are skipped, as Postfix does. */
enum policy_found policy_reply_parse(
    struct arena *, struct span, size_t *len, const char **action, struct err *);
/* "action=TEXT" and the empty line; controls in text become blanks. */
void policy_reply_format(const char *action, struct buf *);

#endif
