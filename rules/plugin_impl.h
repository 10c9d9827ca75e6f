/*
 * plugin_impl - what the files that serve plugins share; nobody else includes it
 */
#ifndef RULES_PLUGIN_IMPL_H
#define RULES_PLUGIN_IMPL_H

#include "rules/content_source.h"
#include "rules/plugin.h"
#include "rules/rules_private.h"
#include "rules/scan.h"

/* plugin_host_run.c: the members about an evaluation. */
void plugin_host_fill_run(struct filterd_host *);
/* plugin_host_verdict.c: facts, effects, refusals. */
void plugin_host_fill_verdict(struct filterd_host *);
/* plugin_host_parts.c */
void plugin_host_fill_parts(struct filterd_host *);
void plugin_parts_end(struct rule_txn *);
/* plugin_host_keys.c */
void plugin_host_fill_keys(struct filterd_host *);
/* plugin_host_scan.c */
void plugin_host_fill_scan(struct filterd_host *);

/* The plugin of the op at work. */
const struct plugin_instance *plugin_of(const struct rule_run *);
/* Set a fact, or say in the log that it is none of the plugin's. */
void plugin_fact(struct rule_run *, const char *subject, const char *value, const char *detail);

/* plugin_received.c: "Received: from HELO (NAME [ADDRESS]) by HOST with PROTOCOL; DATE" CRLF, in
 * the transaction's arena, made once. */
struct span plugin_received_line(struct rule_run *);

#endif
