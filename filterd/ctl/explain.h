/*
 * explain - the parts of `filterctl explain`
 *
 * A decision, of live mail or of a transaction that is made up here, is a record
 * (engine/decision.h).  It becomes JSON, and the text for people is written from that JSON, so both
 * say the same.
 */
#ifndef CTL_EXPLAIN_H
#define CTL_EXPLAIN_H

#include <jansson.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

struct ctl_env;
struct err;

/* What is asked about: options of the command, NULL what was not given. */
struct explain_options {
	const char *client_address, *client_name, *reverse_name, *helo, *sender, *login;
	const char *listener, *message;
	char **recipients;
	size_t nrecipients;
	int no_dns, json;
};

/* Run the engine about it: the record, or -1 and the exit status, told. */
int explain_run(const struct ctl_env *, const struct explain_options *, struct buf *record,
    int *status) ATTR_MUST_USE;

/* The JSON form; NULL: these octets are no record. */
json_t *explain_json(struct span record, struct err *) ATTR_MUST_USE;
/* 0 nobody was refused; else the exit status: 1, or EX_TEMPFAIL when all refusals are 4xx. */
int explain_status(const json_t *);

/* The text form of that. */
void explain_text(const json_t *, struct buf *);

#endif
