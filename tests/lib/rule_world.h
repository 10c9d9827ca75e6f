/*
 * rule_world - restriction lists and a transaction to ask them about
 *
 *	struct rule_world w;
 *
 *	rule_world_init(&w);
 *	w.o.lists[LIST_HELO] = "reject_invalid_helo_hostname";
 *	rule_world_zone(&w, "ok.example A 192.0.2.1");
 *	assert_int_equal(rule_world_compile(&w), 0);
 *	rule_world_helo(&w, "bad!");
 *	assert_string_equal(rule_world_ask(&w, RULE_RCPT), "501 5.5.2 <bad!>: ...");
 *	rule_world_fini(&w);
 *
 * Options begin as Postfix 3.7's defaults but for: myhostname mx.test, mydomain test, mydestination
 * "local.example, $myhostname", relay_domains relay.example, virtual_alias_domains valias.example,
 * virtual_mailbox_domains vmbox.example, mynetworks 127.0.0.0/8, inet_interfaces 127.0.0.1; no
 * list, no implicit unlisted checks, no tables.  The client is mail.good.example[192.0.2.10], HELO
 * helo.example, from <s@from.example> to <r@local.example>.
 */
#ifndef TESTS_LIB_RULE_WORLD_H
#define TESTS_LIB_RULE_WORLD_H

#include "base/buf.h"
#include "core/client.h"
#include "core/transaction.h"
#include "rules/rules.h"
#include "rules/trace.h"
#include "tests/lib/rule_coverage.h"

struct dns;
struct dns_zone;
struct table_registry;

struct rule_world {
	struct rule_options o; /* until rule_world_compile() */
	struct table_registry *tables;
	struct rules *rules;
	struct buf findings; /* "warning LIST: TEXT\n" */
	struct arena *arena;
	struct client client, peer;
	struct client_tls tls; /* client.tls is NULL until a test sets it */
	struct transaction txn;
	struct path rcpt;
	struct rule_services services;
	struct rule_memory *memory; /* NULL: nothing lasts longer than the transaction */
	struct rule_trace trace;
	struct dns *dns;
	struct dns_zone *zone;
	struct buf out;
	unsigned dns_timeout_ms; /* before rule_world_zone(); 0: 5 s */
	int64_t deadline_ms;     /* for each question; 0: 10 s */
	struct coverage_past past;
};

void rule_world_init(struct rule_world *);
/* A DNS with these records (dns_zone.h), asked once.  Without it every look-up is trouble. */
void rule_world_zone(struct rule_world *, const char *records);
/* 0, or -1: an error was found. */
int rule_world_compile(struct rule_world *);
void rule_world_fini(struct rule_world *);

/* The transaction anew, with the client as it was set. */
void rule_world_again(struct rule_world *);
/* NULL: no HELO. */
void rule_world_helo(struct rule_world *, const char *);
/* Addresses as in <>; "" is the null sender. */
void rule_world_sender(struct rule_world *, const char *);
void rule_world_rcpt(struct rule_world *, const char *);
/* As if the recipient at hand had been accepted. */
void rule_world_accept(struct rule_world *);
void rule_world_client(struct rule_world *, const char *name, const char *addr);

/* "ok", "dunno", or the refusal: "450 4.7.1 text".  What was asked of DNS: dns_zone_asked(w->zone).
 */
const char *rule_world_ask(struct rule_world *, enum rule_stage);
/* RULE_CONTENT for the recipient of this number, from 0 on; rule_world_ask() asks for the first. */
const char *rule_world_ask_for(struct rule_world *, size_t recipient);
/* What the log said since the last call; warnings with "WARNING " in front. */
const char *rule_world_said(struct rule_world *);
/* cmocka's group fixtures. */
int rule_world_listen(void **state);
int rule_world_unlisten(void **state);

#endif
