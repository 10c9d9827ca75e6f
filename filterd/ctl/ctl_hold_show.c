#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "ctl/hold_cmd.h"

/* --- one entry as JSON --- */

/* What the mail brought may be any octets, JSON takes only UTF-8. */
static json_t *
text_json(const char *s)
{
	struct buf b = { 0 };
	json_t *j = s == NULL ? json_null() : json_string(s);

	if (j == NULL) {
		log_quote(&b, span_str(s), SIZE_MAX);
		j = json_string(buf_cstr(&b));
		buf_fini(&b);
	}
	return j;
}

static json_t *
list_json(char *const *v, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, text_json(v[i]));
	return a;
}

static json_t *
rcpts_json(const struct hold_entry *e)
{
	json_t *a = json_array();

	for (size_t i = 0; i < e->nrcpts; i++) {
		json_t *r = json_object();

		json_object_set_new(r, "path", text_json(e->rcpts[i].path));
		json_object_set_new(r, "params", text_json(e->rcpts[i].params));
		json_object_set_new(
		    r, "state", json_string(e->rcpts[i].released ? "released" : "held"));
		json_array_append_new(a, r);
	}
	return a;
}

static json_t *
entry_json(const struct hold_entry *e)
{
	const struct {
		const char *key, *text;
	} texts[] = {
		{ "id", e->id },
		{ "decision_id", e->decision_id },
		{ "sender", e->sender },
		{ "sender_params", e->sender_params },
		{ "reason", e->reason },
		{ "rule", e->rule },
		{ "listener", e->listener },
		{ "next_hop", e->next_hop },
		{ "filter", e->filter },
		{ "redirect", e->redirect },
		{ "client_addr", e->client_addr },
		{ "client_name", e->client_name },
		{ "client_helo", e->client_helo },
		{ "client_proto", e->client_proto },
		{ "queue_id", e->queue_id },
		{ "message_id", e->message_id },
		{ "subject", e->subject },
		{ "class", hold_class_name(e->class) },
	};
	json_t *o = json_object();

	for (size_t i = 0; i < nitems(texts); i++)
		json_object_set_new(o, texts[i].key, text_json(texts[i].text));
	json_object_set_new(o, "time", json_integer(e->time));
	json_object_set_new(o, "size", json_integer(e->size));
	json_object_set_new(o, "recipients", rcpts_json(e));
	json_object_set_new(o, "bcc", list_json(e->bcc, e->nbcc));
	json_object_set_new(o, "prepended", list_json(e->prepended, e->nprepended));
	return o;
}

static void
print_json(json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII);

	puts(text);
	free(text);
	json_decref(o);
}

/* --- list --- */

static void
print_quoted(const char *s)
{
	struct buf b = { 0 };

	log_quote(&b, span_str(s), 200);
	fputs(buf_cstr(&b), stdout);
	buf_fini(&b);
}

static void
print_time(int64_t seconds)
{
	time_t t = (time_t)seconds;
	char text[40];
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	fputs(text, stdout);
}

static int
list_text(void *arg, const struct hold_entry *e)
{
	size_t held = 0, first = 0;

	(void)arg;
	for (size_t i = e->nrcpts; i-- > 0;) {
		if (!e->rcpts[i].released) {
			held++;
			first = i;
		}
	}
	printf("%s  ", e->id);
	print_time(e->time);
	printf("  %" PRId64 "  <", e->size);
	print_quoted(e->sender);
	fputs("> to <", stdout);
	print_quoted(e->rcpts[first].path);
	putchar('>');
	if (held > 1)
		printf(" and %zu more", held - 1);
	fputs("  rule=", stdout);
	print_quoted(e->rule);
	fputs("  ", stdout);
	print_quoted(e->reason);
	putchar('\n');
	return ferror(stdout);
}

static int
list_json_line(void *arg, const struct hold_entry *e)
{
	(void)arg;
	print_json(entry_json(e));
	return ferror(stdout);
}

/* "90", "90s", "5m", "2h", "3d", "1w". */
static int
parse_age(const char *text, int64_t *seconds)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 } };
	size_t n = strlen(text);
	int64_t factor = 1;
	uint64_t value;

	for (size_t i = 0; n > 0 && i < nitems(units); i++) {
		if (text[n - 1] == units[i].unit) {
			factor = units[i].seconds;
			n--;
			break;
		}
	}
	if (span_u64(span_make(text, n), 1000000000, &value) == -1)
		return -1;
	*seconds = (int64_t)value * factor;
	return 0;
}

int
hold_cmd_list(struct hold_cmd *h, int argc, char **argv)
{
	static const struct option options[] = {
		{ "age", required_argument, NULL, 'a' },
		{ "sender", required_argument, NULL, 's' },
		{ "recipient", required_argument, NULL, 'r' },
		{ "rule", required_argument, NULL, 'u' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	struct hold_filter f = { 0 };
	struct err err;
	int c, json = 0;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'a' && parse_age(optarg, &f.older_than_s) == -1)
			return ctl_fail(
			    EX_USAGE, "--age %s: must be a time such as 90s, 5m, 2h, 3d", optarg);
		else if (c == 's')
			f.sender = optarg;
		else if (c == 'r')
			f.recipient = optarg;
		else if (c == 'u')
			f.rule = optarg;
		else if (c == 'j')
			json = 1;
		else if (c == '?')
			return EX_USAGE;
	}
	if (optind != argc)
		return ctl_usage("hold list [--age TIME] [--sender TEXT] [--recipient TEXT] "
				 "[--rule TEXT] [--json]");
	if (hold_list(h->store, &f, json ? list_json_line : list_text, NULL, &err) == -1)
		return ctl_fail(EX_IOERR, "%s", err.text);
	return fflush(stdout) == EOF ? EX_IOERR : 0;
}

/* --- show --- */

static char *
base64(struct span s)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct buf b = { 0 };

	buf_reserve(&b, s.len / 3 * 4 + 8);
	for (size_t i = 0; i < s.len; i += 3) {
		size_t left = s.len - i;
		unsigned v = (unsigned)s.p[i] << 16;

		v |= left > 1 ? (unsigned)s.p[i + 1] << 8 : 0;
		v |= left > 2 ? s.p[i + 2] : 0;
		buf_addc(&b, digits[v >> 18]);
		buf_addc(&b, digits[v >> 12 & 63]);
		buf_addc(&b, left > 1 ? digits[v >> 6 & 63] : '=');
		buf_addc(&b, left > 2 ? digits[v & 63] : '=');
	}
	return buf_take(&b);
}

static void
show_json(const struct hold_message *m)
{
	json_t *o = entry_json(&m->entry);
	char *octets = base64(m->octets);

	json_object_set_new(o, "message_base64", json_string(octets));
	free(octets);
	print_json(o);
}

static void
show_line(const char *name, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	printf("%s: ", name);
	print_quoted(text);
	putchar('\n');
}

static void
show_text(const struct hold_message *m)
{
	const struct hold_entry *e = &m->entry;

	show_line("id", e->id);
	show_line("decision", e->decision_id);
	fputs("time: ", stdout);
	print_time(e->time);
	printf("\nclass: %s\n", hold_class_name(e->class));
	show_line("reason", e->reason);
	show_line("rule", e->rule);
	fputs("sender: <", stdout);
	print_quoted(e->sender);
	puts(">");
	show_line("sender parameters", e->sender_params);
	for (size_t i = 0; i < e->nrcpts; i++) {
		printf("recipient (%s): <", e->rcpts[i].released ? "released" : "held");
		print_quoted(e->rcpts[i].path);
		fputs(e->rcpts[i].params[0] == '\0' ? ">" : "> ", stdout);
		print_quoted(e->rcpts[i].params);
		putchar('\n');
	}
	for (size_t i = 0; i < e->nbcc; i++)
		show_line("bcc", e->bcc[i]);
	show_line("redirect", e->redirect);
	show_line("filter", e->filter);
	show_line("next hop", e->next_hop);
	show_line("listener", e->listener);
	show_line("client name", e->client_name);
	show_line("client address", e->client_addr);
	show_line("client helo", e->client_helo);
	show_line("queue id", e->queue_id);
	show_line("message-id", e->message_id);
	show_line("subject", e->subject);
	printf("size: %" PRId64 "\n\n", e->size);
	fwrite(m->octets.p, 1, m->octets.len, stdout);
}

int
hold_cmd_show(struct hold_cmd *h, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	struct hold_message m;
	struct err err;
	int c, rc, json = 0;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'j')
			return EX_USAGE;
		json = 1;
	}
	if (optind != argc - 1)
		return ctl_usage("hold show ID [--json]");
	rc = hold_read(h->store, argv[optind], &m, &err);
	if (rc == 0)
		return ctl_fail(1, "%s: no such held message", argv[optind]);
	if (rc == -1)
		return ctl_fail(EX_DATAERR, "%s", err.text);
	if (json)
		show_json(&m);
	else
		show_text(&m);
	hold_message_fini(&m);
	return fflush(stdout) == EOF ? EX_IOERR : 0;
}
