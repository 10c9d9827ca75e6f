/*
 * clamav - virus scanning: the rows of the plugin
 *
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * This file and the others of the plugin (clamav*.[ch], clamav_params.def) are free software: they
 * may be redistributed and modified under the terms of version 2 of the GNU General Public License
 * as published by the Free Software Foundation (LICENSE.GPL-2), as libclamav may, which they are
 * linked with.  They come WITHOUT ANY WARRANTY.
 */
#include <stdio.h>
#include <stdlib.h>

#include "plugins/clamav_clamd.h"
#include "plugins/clamav_int.h"

const struct filterd_host *clam_host;

static const struct filterd_param params[] = {
#define P(id, name, type, def, min, max, text) { name, type, def, min, max, text },
#include "plugins/clamav_params.def"
#undef P
	{ .name = NULL },
};

#define LISTS (AT_END | AT_END_OF_DATA)

static const struct restriction_def restrictions[] = {
	{ .name = "reject_virus",
	    .args = ARG_NONE,
	    .stages = LISTS,
	    .needs = NEED_CONTENT,
	    .check = clam_check_reject,
	    .scan = "virus",
	    .text = "Refuse a message in which the virus scanner found something." },
	{ .name = "hold_virus",
	    .args = ARG_NONE,
	    .stages = LISTS,
	    .needs = NEED_CONTENT,
	    .check = clam_check_hold,
	    .scan = "virus",
	    .text = "Hold a message in which the virus scanner found something." },
	{ .name = "check_virus",
	    .args = ARG_TABLE,
	    .stages = LISTS,
	    .needs = NEED_CONTENT | NEED_TABLES | CAN_PERMIT,
	    .check = clam_check_table,
	    .scan = "virus",
	    .text = "Look the names of what the virus scanner found up in a table." },
	{ .name = NULL },
};

static const struct filterd_scan scans[] = {
	{ .name = "virus",
	    .run = clam_scan_run,
	    .text = "the message, held against the signatures" },
	{ .name = NULL },
};

static const struct filterd_fact facts[] = {
	{ "virus", NULL, "the name of what was found; one each" },
	{ "clamav", "clean", "all of it was scanned and nothing found" },
	{ "clamav", "limit",
	    "it is beyond a limit, and not all of it was seen; the detail is which" },
	{ "clamav", "encrypted", "it holds what nobody can look into; the detail is what" },
	{ "clamav", "timeout", "it could not be scanned in time" },
	{ "clamav", "error", "it could not be scanned" },
	{ .subject = NULL },
};

static const struct filterd_counter counters[] = {
	{ "clamav_scanned", "messages scanned to the end" },
	{ "clamav_found", "messages in which something was found" },
	{ "clamav_limits", "messages beyond a limit of the scan" },
	{ "clamav_failed", "messages that could not be scanned" },
	{ "clamav_extra_parts",
	    "parts scanned by themselves, for the scan of the message had not come to them" },
	{ .name = NULL },
};

static enum clam_action
action(const struct filterd_value *v, enum clam_param which)
{
	/* The words of the two parameters have orders of their own: the default is first. */
	static const enum clam_action limit[] = { CLAM_FAIL, CLAM_AS_VIRUS, CLAM_ACCEPT };
	static const enum clam_action encrypted[] = { CLAM_ACCEPT, CLAM_AS_VIRUS, CLAM_FAIL };

	return which == CLAM_P_LIMIT_ACTION ? limit[v[which].number] : encrypted[v[which].number];
}

static int
clam_open(const struct filterd_host *host, const struct filterd_value *v, void **state, char *why,
    size_t size)
{
	struct clam_state *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		snprintf(why, size, "out of memory");
		return -1;
	}
	if (clam_host == NULL)
		clam_host = host;
	s->engine = (enum clam_which)v[CLAM_P_ENGINE].number;
	s->on_limit = action(v, CLAM_P_LIMIT_ACTION);
	s->on_encrypted = action(v, CLAM_P_ENCRYPTED_ACTION);
	if (s->engine == CLAM_CLAMD) {
		struct clamd_options o = {
			.connect_ms = v[CLAM_P_CLAMD_CONNECT_TIMEOUT].number,
			.answer_ms = v[CLAM_P_CLAMD_TIMEOUT].number,
			.retry_ms = v[CLAM_P_CLAMD_RETRY_TIME].number,
			.pass_descriptors = v[CLAM_P_CLAMD_PASS_FD].number != 0,
		};

		s->clamd = clamd_new(v[CLAM_P_CLAMD_SOCKET].text, &o, why, size);
		if (s->clamd == NULL) {
			free(s);
			return -1;
		}
	}
	*state = s;
	return 0;
}

static void
clam_close(void *state)
{
	struct clam_state *s = state;

	if (s == NULL)
		return;
	clamd_free(s->clamd);
	free(s);
}

__attribute__((visibility("default"))) const struct filterd_plugin filterd_plugin = {
	.abi = FILTERD_PLUGIN_ABI,
	.size = sizeof(struct filterd_plugin),
	.name = "clamav",
	.version = "1.0",
	.manual = "filterd_clamav(5)",
	.text = "virus scanning with libclamav or clamd",
	.params = params,
	.restrictions = restrictions,
	.scans = scans,
	.facts = facts,
	.counters = counters,
	.open = clam_open,
	.close = clam_close,
	.scan_open = clam_scan_open,
	.scan_close = clam_scan_close,
	.scan_changed = clam_scan_changed,
	.scan_begin = clam_scan_begin,
	.scan_describe = clam_scan_describe,
};
