/*
 * filterctl explain - which restrictions are tried, what they find, and which one decides
 *
 * Of a transaction that the options describe, with the configuration as it is now; or of live mail,
 * by the decision id that stands in the log and in refusals.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/err.h"
#include "base/xmem.h"
#include "ctl/ctl_cmd.h"
#include "ctl/explain.h"
#include "engine/decision_file.h"

#define USAGE                                                                                      \
	"explain ID [--json]\n"                                                                    \
	"       filterctl explain [--client-address ADDRESS] [--client-name NAME] "                \
	"[--reverse-name NAME]\n"                                                                  \
	"                         [--helo NAME] [--sender ADDRESS] [--recipient ADDRESS] ...\n"    \
	"                         [--sasl-username NAME] [--message FILE] [--listener NAME]\n"     \
	"                         [--no-dns] [--json]"

static void
print_json(const json_t *o)
{
	char *text = json_dumps(o, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9));

	puts(text);
	free(text);
}

static void
print_text(const json_t *o)
{
	struct buf out = { 0 };

	explain_text(o, &out);
	fwrite(out.p, 1, out.len, stdout);
	buf_fini(&out);
}

/* --- live mail --- */

static void
add_record(void *arg, struct span record)
{
	struct err err;
	json_t *o = explain_json(record, &err);

	if (o != NULL)
		json_array_append_new(arg, o);
}

/* An id has several records where it was answered several times: the greeting, HELO, requests to
 * a policy door. */
static int
explain_id(const struct ctl_env *env, const char *id, int json)
{
	struct conf *conf = ctl_load_conf(env);
	json_t *found = json_array(), *o;
	char *directory;
	struct err err;
	int status = 0;
	size_t i;

	if (conf == NULL) {
		json_decref(found);
		return EX_CONFIG;
	}
	directory = xasprintf("%s/decisions", conf_params(conf)->state_directory);
	if (decision_find(directory, id, add_record, found, &err) == -1)
		status = ctl_fail(EX_NOINPUT, "%s", err.text);
	else if (json_array_size(found) == 0)
		status = ctl_fail(1, "%s: no such decision is kept", id);
	else if (json)
		print_json(found);
	else
		json_array_foreach(found, i, o)
		{
			if (i > 0)
				putchar('\n');
			print_text(o);
		}
	free(directory);
	json_decref(found);
	conf_free(conf);
	return status;
}

/* --- a transaction that is made up --- */

static int
explain_options(const struct ctl_env *env, const struct explain_options *o)
{
	struct buf record = { 0 };
	struct err err;
	json_t *j = NULL;
	int status;

	if (explain_run(env, o, &record, &status) == 0) {
		j = explain_json(buf_span(&record), &err);
		if (j == NULL)
			status = ctl_fail(EX_SOFTWARE, "%s", err.text);
	}
	if (j != NULL) {
		if (o->json)
			print_json(j);
		else
			print_text(j);
		status = explain_status(j);
	}
	json_decref(j);
	buf_fini(&record);
	return status;
}

enum explain_option {
	OPT_ADDRESS = 256,
	OPT_NAME,
	OPT_REVERSE,
	OPT_HELO,
	OPT_SENDER,
	OPT_RECIPIENT,
	OPT_LOGIN,
	OPT_LISTENER,
	OPT_MESSAGE,
	OPT_NO_DNS,
	OPT_JSON
};

/* 0, or -1: there is no such option. */
static int
take(struct explain_options *o, int option)
{
	switch (option) {
	case OPT_ADDRESS:
		o->client_address = optarg;
		return 0;
	case OPT_NAME:
		o->client_name = optarg;
		return 0;
	case OPT_REVERSE:
		o->reverse_name = optarg;
		return 0;
	case OPT_HELO:
		o->helo = optarg;
		return 0;
	case OPT_SENDER:
		o->sender = optarg;
		return 0;
	case OPT_RECIPIENT:
		o->recipients[o->nrecipients++] = optarg;
		return 0;
	case OPT_LOGIN:
		o->login = optarg;
		return 0;
	case OPT_LISTENER:
		o->listener = optarg;
		return 0;
	case OPT_MESSAGE:
		o->message = optarg;
		return 0;
	case OPT_NO_DNS:
		o->no_dns = 1;
		return 0;
	case OPT_JSON:
		o->json = 1;
		return 0;
	default:
		return -1;
	}
}

static int
describes_something(const struct explain_options *o)
{
	return o->client_address != NULL || o->client_name != NULL || o->reverse_name != NULL ||
	       o->helo != NULL || o->sender != NULL || o->login != NULL || o->message != NULL ||
	       o->listener != NULL || o->nrecipients > 0 || o->no_dns;
}

int
ctl_explain(const struct ctl_env *env, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "client-address", required_argument, NULL, OPT_ADDRESS },
		{ "client-name", required_argument, NULL, OPT_NAME },
		{ "reverse-name", required_argument, NULL, OPT_REVERSE },
		{ "helo", required_argument, NULL, OPT_HELO },
		{ "sender", required_argument, NULL, OPT_SENDER },
		{ "recipient", required_argument, NULL, OPT_RECIPIENT },
		{ "sasl-username", required_argument, NULL, OPT_LOGIN },
		{ "listener", required_argument, NULL, OPT_LISTENER },
		{ "message", required_argument, NULL, OPT_MESSAGE },
		{ "no-dns", no_argument, NULL, OPT_NO_DNS },
		{ "json", no_argument, NULL, OPT_JSON },
		{ NULL, 0, NULL, 0 },
	};
	struct explain_options o = { .recipients = xcalloc((size_t)argc, sizeof(char *)) };
	int c, status = 0;

	while (status == 0 && (c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (take(&o, c) == -1)
			status = ctl_usage(USAGE);
	if (status != 0)
		;
	else if (argc - optind == 1 && !describes_something(&o))
		status = explain_id(env, argv[optind], o.json);
	else if (argc == optind && describes_something(&o))
		status =
		    o.message != NULL && o.nrecipients == 0
			? ctl_fail(EX_USAGE, "--message: a --recipient is needed to get so far")
			: explain_options(env, &o);
	else
		status = ctl_usage(USAGE);
	free(o.recipients);
	return status;
}
