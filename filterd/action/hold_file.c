#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "action/hold_file.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/xmem.h"
#include "core/client.h"

#define MAGIC     "filterd-hold 1 "
#define HEAD_FMT  MAGIC "%010zu %010zu %019" PRId64 "\n"
#define JSON_MAX  ((size_t)64 * 1024 * 1024)
#define RCPTS_MAX ((size_t)1000 * 1000)

/* Texts of the entry and their names in the JSON; NULL allowed for the last two. */
static const struct {
	const char *key;
	size_t at;
} texts[] = {
	{ "id", offsetof(struct hold_entry, id) },
	{ "decision_id", offsetof(struct hold_entry, decision_id) },
	{ "sender", offsetof(struct hold_entry, sender) },
	{ "sender_params", offsetof(struct hold_entry, sender_params) },
	{ "reason", offsetof(struct hold_entry, reason) },
	{ "rule", offsetof(struct hold_entry, rule) },
	{ "listener", offsetof(struct hold_entry, listener) },
	{ "next_hop", offsetof(struct hold_entry, next_hop) },
	{ "client_addr", offsetof(struct hold_entry, client_addr) },
	{ "client_name", offsetof(struct hold_entry, client_name) },
	{ "client_reverse", offsetof(struct hold_entry, client_reverse) },
	{ "client_helo", offsetof(struct hold_entry, client_helo) },
	{ "client_proto", offsetof(struct hold_entry, client_proto) },
	{ "client_port", offsetof(struct hold_entry, client_port) },
	{ "client_login", offsetof(struct hold_entry, client_login) },
	{ "queue_id", offsetof(struct hold_entry, queue_id) },
	{ "message_id", offsetof(struct hold_entry, message_id) },
	{ "subject", offsetof(struct hold_entry, subject) },
	{ "filter", offsetof(struct hold_entry, filter) },
	{ "redirect", offsetof(struct hold_entry, redirect) },
};
#define OPTIONAL_TEXTS 2

static const char *const class_names[] = {
	[HOLD_POLICY] = "policy",
	[HOLD_SPAM] = "spam",
	[HOLD_VIRUS] = "virus",
	[HOLD_FAILURE] = "failure",
};

static char **
text_of(struct hold_entry *e, size_t i)
{
	return (char **)((char *)e + texts[i].at);
}

const char *hold_class_name(enum hold_class class)
{
	return class_names[class];
}

/* --- names --- */

int
hold_id_ok(const char *id)
{
	size_t n = strnlen(id, HOLD_ID_MAX);

	if (n == 0 || n == HOLD_ID_MAX || id[0] == '-')
		return 0;
	for (; *id != '\0'; id++)
		if (!((*id >= '0' && *id <= '9') || (*id >= 'A' && *id <= 'Z') ||
			(*id >= 'a' && *id <= 'z') || *id == '-'))
			return 0;
	return 1;
}

void
hold_folder_name(unsigned folder, char out[3])
{
	static const char hex[] = "0123456789abcdef";

	out[0] = hex[folder / 16 % 16];
	out[1] = hex[folder % 16];
	out[2] = '\0';
}

void
hold_path(const char *id, const char *ends, char out[HOLD_PATH_MAX])
{
	uint32_t h = 2166136261u; /* FNV-1a */
	char folder[3];

	for (const char *p = id; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	hold_folder_name((h ^ h >> 8 ^ h >> 16 ^ h >> 24) % HOLD_FOLDERS, folder);
	snprintf(out, HOLD_PATH_MAX, "%s/%s%s", folder, id, ends);
}

/* A line end in what goes into a command would make two of it at the next hop. */
static int
one_line(const char *s)
{
	return s == NULL || s[strcspn(s, "\r\n")] == '\0';
}

int
hold_entry_ok(const struct hold_entry *e)
{
	int ok = hold_id_ok(e->id) && one_line(e->sender) && one_line(e->sender_params) &&
		 one_line(e->redirect);

	for (size_t i = 0; ok && i < e->nbcc; i++)
		ok = one_line(e->bcc[i]);
	for (size_t i = 0; ok && i < e->nrcpts; i++)
		ok = one_line(e->rcpts[i].path) && one_line(e->rcpts[i].params);
	return ok;
}

/* --- to JSON --- */

static json_t *
text_to_json(const char *s)
{
	struct buf hex = { 0 };
	json_t *j = json_string(s);

	if (j != NULL)
		return j;
	for (; *s != '\0'; s++)
		buf_printf(&hex, "%02x", (unsigned)(unsigned char)*s);
	j = json_pack("{s:s}", "hex", buf_cstr(&hex));
	buf_fini(&hex);
	return j;
}

static json_t *
texts_to_json(char *const *v, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, text_to_json(v[i]));
	return a;
}

static json_t *
rcpts_to_json(const struct hold_entry *e)
{
	json_t *a = json_array(), *one;

	for (size_t i = 0; i < e->nrcpts; i++) {
		one = json_object();
		json_object_set_new(one, "path", text_to_json(e->rcpts[i].path));
		if (e->rcpts[i].params[0] != '\0')
			json_object_set_new(one, "params", text_to_json(e->rcpts[i].params));
		json_array_append_new(a, one);
	}
	return a;
}

char *
hold_head_json(const struct hold_entry *e)
{
	json_t *j = json_object();
	struct hold_entry copy = *e;
	char *text;

	for (size_t i = 0; i < nitems(texts); i++)
		if (*text_of(&copy, i) != NULL)
			json_object_set_new(j, texts[i].key, text_to_json(*text_of(&copy, i)));
	json_object_set_new(j, "class", json_string(class_names[e->class]));
	json_object_set_new(j, "time", json_integer(e->time));
	json_object_set_new(j, "size", json_integer(e->size));
	json_object_set_new(j, "body_8bit", json_boolean(e->body_8bit));
	json_object_set_new(j, "smtputf8", json_boolean(e->smtputf8));
	json_object_set_new(j, "client_source", json_integer(e->client_source));
	json_object_set_new(j, "bcc", texts_to_json(e->bcc, e->nbcc));
	json_object_set_new(j, "prepended", texts_to_json(e->prepended, e->nprepended));
	json_object_set_new(j, "recipients", rcpts_to_json(e));
	text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	return text;
}

void
hold_head_states(const struct hold_entry *e, struct buf *out)
{
	for (size_t i = 0; i < e->nrcpts; i++)
		buf_addc(out, e->rcpts[i].released ? HOLD_RELEASED : HOLD_HELD);
}

void
hold_head_format(const struct hold_entry *e, struct buf *out)
{
	char *json = hold_head_json(e);

	buf_printf(out, HEAD_FMT, strlen(json), e->nrcpts, e->size);
	hold_head_states(e, out);
	buf_addc(out, '\n');
	buf_adds(out, json);
	buf_addc(out, '\n');
	free(json);
}

/* --- from JSON --- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *
hex_to_text(const char *hex, size_t len)
{
	char *out;

	if (len % 2 != 0)
		return NULL;
	out = xcalloc(1, len / 2 + 1);
	for (size_t i = 0; i < len; i += 2) {
		int hi = hex_digit(hex[i]), lo = hex_digit(hex[i + 1]);

		if (hi == -1 || lo == -1 || hi + lo == 0) {
			free(out);
			return NULL;
		}
		out[i / 2] = (char)(hi * 16 + lo);
	}
	return out;
}

/* NULL: absent or no text. */
static char *
json_to_text(const json_t *j)
{
	const char *s = json_string_value(j);
	char *text;

	if (s != NULL) {
		text = xstrdup(s);
	} else {
		j = json_object_get(j, "hex");
		s = json_string_value(j);
		text = s == NULL ? NULL : hex_to_text(s, json_string_length(j));
	}
	return text;
}

static int
read_texts(const json_t *j, struct hold_entry *e)
{
	for (size_t i = 0; i < nitems(texts); i++) {
		char **text = text_of(e, i);

		*text = json_to_text(json_object_get(j, texts[i].key));
		if (*text == NULL && i < nitems(texts) - OPTIONAL_TEXTS)
			return -1;
	}
	return 0;
}

static int
read_list(const json_t *a, char ***v, size_t *n)
{
	size_t want = json_array_size(a);

	if (!json_is_array(a))
		return -1;
	*v = xcalloc(want + 1, sizeof(**v));
	for (; *n < want; (*n)++) {
		(*v)[*n] = json_to_text(json_array_get(a, *n));
		if ((*v)[*n] == NULL)
			return -1;
	}
	return 0;
}

static int
read_rcpts(const json_t *a, struct span states, struct hold_entry *e)
{
	size_t want = json_array_size(a);

	if (!json_is_array(a) || want == 0 || want != states.len)
		return -1;
	e->rcpts = xcalloc(want, sizeof(*e->rcpts));
	for (; e->nrcpts < want; e->nrcpts++) {
		struct hold_rcpt *r = &e->rcpts[e->nrcpts];
		const json_t *one = json_array_get(a, e->nrcpts);
		const json_t *params = json_object_get(one, "params");
		uint8_t state = states.p[e->nrcpts];

		r->path = json_to_text(json_object_get(one, "path"));
		r->params = params == NULL ? xstrdup("") : json_to_text(params);
		r->released = state == HOLD_RELEASED;
		if (r->path == NULL || r->params == NULL ||
		    (state != HOLD_HELD && state != HOLD_RELEASED)) {
			e->nrcpts++; /* half of it may be there to free */
			return -1;
		}
	}
	return 0;
}

static int
read_class(const json_t *j, enum hold_class *class)
{
	const char *s = json_string_value(j);

	for (size_t i = 0; s != NULL && i < nitems(class_names); i++) {
		if (strcmp(s, class_names[i]) == 0) {
			*class = (enum hold_class)i;
			return 0;
		}
	}
	return -1;
}

static int
read_numbers(const json_t *j, struct hold_entry *e)
{
	json_int_t source = json_integer_value(json_object_get(j, "client_source"));

	e->time = json_integer_value(json_object_get(j, "time"));
	e->size = json_integer_value(json_object_get(j, "size"));
	e->body_8bit = json_is_true(json_object_get(j, "body_8bit"));
	e->smtputf8 = json_is_true(json_object_get(j, "smtputf8"));
	if (source < SOURCE_PEER || source >= CLIENT_SOURCES || e->time < 0 || e->size < 0)
		return -1;
	e->client_source = (int)source;
	return 0;
}

int
hold_head_parse(struct span json, struct span states, struct hold_entry *e, struct err *err)
{
	json_error_t why;
	json_t *j;
	int rc = -1;

	memset(e, 0, sizeof(*e));
	j = json_loadb((const char *)json.p, json.len, JSON_REJECT_DUPLICATES, &why);
	if (j == NULL) {
		err_set(err, ERR_SYSTEM, "bad JSON in the head: %s", why.text);
		return -1;
	}
	if (read_texts(j, e) == 0 && read_class(json_object_get(j, "class"), &e->class) == 0 &&
	    read_numbers(j, e) == 0 &&
	    read_list(json_object_get(j, "bcc"), &e->bcc, &e->nbcc) == 0 &&
	    read_list(json_object_get(j, "prepended"), &e->prepended, &e->nprepended) == 0 &&
	    read_rcpts(json_object_get(j, "recipients"), states, e) == 0 && hold_entry_ok(e))
		rc = 0;
	else
		err_set(err, ERR_SYSTEM, "the head lacks a member or has a bad one");
	json_decref(j);
	return rc;
}

/* --- the whole file --- */

static uint64_t
read_number(struct rd *r, size_t width, uint8_t end)
{
	struct span digits = rd_bytes(r, width);
	uint64_t n = 0;

	if (span_u64(digits, INT64_MAX, &n) == -1 || rd_u8(r) != end)
		r->bad = 1;
	return n;
}

int
hold_file_parse(struct span file, struct hold_entry *e, struct span *octets, struct err *err)
{
	struct span json, states;
	struct rd r;
	uint64_t json_len, nrcpts, size;

	memset(e, 0, sizeof(*e));
	rd_init(&r, file);
	if (!span_eq_str(rd_bytes(&r, strlen(MAGIC)), MAGIC))
		r.bad = 1;
	json_len = read_number(&r, 10, ' ');
	nrcpts = read_number(&r, 10, ' ');
	size = read_number(&r, 19, '\n');
	if (r.bad || json_len > JSON_MAX || nrcpts > RCPTS_MAX) {
		err_set(err, ERR_SYSTEM,
		    "not a held message: its first line must begin with \"%s\"", MAGIC);
		return -1;
	}
	states = rd_bytes(&r, nrcpts);
	if (rd_u8(&r) != '\n')
		r.bad = 1;
	json = rd_bytes(&r, json_len);
	if (rd_u8(&r) != '\n')
		r.bad = 1;
	if (r.bad || rd_left(&r) != size) {
		err_set(err, ERR_SYSTEM, "the file is not complete");
		return -1;
	}
	*octets = rd_bytes(&r, size);
	if (hold_head_parse(json, states, e, err) == -1)
		return -1;
	if ((uint64_t)e->size != size) {
		err_set(err, ERR_SYSTEM, "head and file differ about the message's size");
		return -1;
	}
	return 0;
}

static void
free_list(char **v, size_t n)
{
	for (size_t i = 0; v != NULL && i < n; i++)
		free(v[i]);
	free(v);
}

void
hold_entry_fini(struct hold_entry *e)
{
	for (size_t i = 0; i < nitems(texts); i++)
		free(*text_of(e, i));
	free_list(e->bcc, e->nbcc);
	free_list(e->prepended, e->nprepended);
	for (size_t i = 0; i < e->nrcpts; i++) {
		free(e->rcpts[i].path);
		free(e->rcpts[i].params);
	}
	free(e->rcpts);
	memset(e, 0, sizeof(*e));
}
