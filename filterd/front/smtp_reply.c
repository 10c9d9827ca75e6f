#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "action/footer.h"
#include "base/buf.h"
#include "base/counters.h"
#include "engine/snapshot.h"
#include "front/doors.h"
#include "front/session.h"
#include "mail/reply.h"
#include "net/stream.h"

const char *
session_service(const struct smtp_session *s)
{
	return s->lmtp ? "lmtp" : "smtp";
}

static const char *
present_id(const struct smtp_session *s)
{
	return s->txn.id[0] != '\0' ? s->txn.id : s->f.id;
}

const struct client *
session_client(const struct smtp_session *s)
{
	if (s->txn.client != NULL)
		return s->txn.client;
	return s->xclient != NULL ? s->xclient : &s->peer;
}

static void
queue_refusal(struct smtp_session *s, const struct recipient *r, int code, const char *enhanced,
    const char *text)
{
	const char *footer = session_params(s)->smtpd_reject_footer;
	struct buf wire = { 0 }, end = { 0 };
	struct footer_values v = { .decision_id = present_id(s),
		.client = session_client(s),
		.server_name = session_params(s)->myhostname,
		.sender = s->txn.sender.addr,
		.recipient = r == NULL ? NULL : r->path.octets };

	footer_expand(footer, &v, &end);
	reply_format_footer(&wire, code, enhanced, text, buf_cstr(&end));
	stream_queue(s->f.stream, wire.p, wire.len);
	engine_replied(&s->txn, buf_span(&wire));
	buf_fini(&wire);
	buf_fini(&end);
}

static void
reply_with(struct smtp_session *s, const struct recipient *r, int code, const char *enhanced,
    const char *text)
{
	char fitted[12];

	if (code < 400) {
		reply_format(stream_out(s->f.stream), code, enhanced, text);
		return;
	}
	if (session_params(s)->soft_bounce && code >= 500)
		code -= 100;
	snprintf(fitted, sizeof(fitted), "%s", enhanced == NULL ? "" : enhanced);
	if (fitted[0] != '\0')
		enhanced_fit(fitted, code);
	queue_refusal(s, r, code, fitted, text);
	s->errors++;
	if (code == 421 || code == 521)
		s->phase = PH_CLOSE;
}

void
session_reply(struct smtp_session *s, int code, const char *enhanced, const char *text)
{
	reply_with(s, NULL, code, enhanced, text);
}

void
session_reply_about(struct smtp_session *s, const struct recipient *r, int code,
    const char *enhanced, const char *text)
{
	reply_with(s, r, code, enhanced, text);
}

void
session_replyf(struct smtp_session *s, int code, const char *enhanced, const char *fmt, ...)
{
	struct buf text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	reply_with(s, NULL, code, enhanced, buf_cstr(&text));
	buf_fini(&text);
}

static struct span
without_enhanced(struct span line)
{
	size_t n = enhanced_len(line);

	while (n > 0 && n < line.len && (line.p[n] == ' ' || line.p[n] == '\t'))
		n++;
	return span_make(line.p + n, line.len - n);
}

void
session_reply_final(struct smtp_session *s, const struct recipient *r, int code, const char *text)
{
	struct span line, rest = span_str(text);
	struct buf lines = { 0 };
	char enhanced[12];

	span_copy(span_make(text, enhanced_len(rest)), enhanced, sizeof(enhanced));
	if (span_find(rest, '\n') == rest.len) {
		reply_with(s, r, code, enhanced, (const char *)without_enhanced(rest).p);
		return;
	}
	/* Each line has it here, and gets it again. */
	do {
		span_cut(rest, '\n', &line, &rest);
		buf_add_span(&lines, without_enhanced(line));
		if (rest.len > 0)
			buf_addc(&lines, '\n');
	} while (rest.len > 0);
	reply_with(s, r, code, enhanced, buf_cstr(&lines));
	buf_fini(&lines);
}

void
session_close(struct smtp_session *s, const char *enhanced, const char *text)
{
	const char *name = session_params(s)->service_name;

	session_replyf(s, 421, enhanced, "%s %s", name, text);
	s->phase = PH_CLOSE;
}
