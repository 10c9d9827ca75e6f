/* received_header: a trace field in front of the message, which is then checked like any other. */
#include <string.h>

#include "action/footer.h"
#include "base/err.h"
#include "base/log.h"
#include "core/message.h"
#include "engine/snapshot.h"
#include "front/doors.h"
#include "front/session.h"

/* LF is a line end, and what follows it a continuation line; no other control gets through. */
static void
put_lines(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.p[i];

		if (c != '\n') {
			buf_addc(out, (c < 0x20 && c != '\t') || c == 0x7f ? '?' : (char)c);
			continue;
		}
		buf_adds(out, "\r\n");
		if (i + 1 == text.len || (text.p[i + 1] != ' ' && text.p[i + 1] != '\t'))
			buf_addc(out, '\t');
	}
	buf_adds(out, "\r\n");
}

void
receive_trace(struct smtp_session *s)
{
	const char *header = session_params(s)->received_header;
	struct footer_values v = { .decision_id = s->txn.id,
		.client = session_client(s),
		.server_name = session_params(s)->myhostname,
		.sender = s->txn.sender.octets,
		/* As usual: who else gets it is nobody's business. */
		.recipient = s->txn.nrcpts == 1 ? s->txn.rcpts[0]->path.octets : NULL };
	struct buf text = { 0 }, lines = { 0 };
	struct err err;
	uint8_t *p;

	s->txn.lead = 0;
	if (header[0] == '\0')
		return;
	footer_expand(header, &v, &text);
	put_lines(&lines, buf_span(&text));
	p = message_reserve(s->message, lines.len, &err);
	if (p == NULL) {
		log_error(session_service(s), s->txn.id, "%s", err.text);
		s->no_space = 1;
	} else {
		memcpy(p, lines.p, lines.len);
		message_commit(s->message, lines.len);
		s->txn.lead = lines.len;
	}
	buf_fini(&text);
	buf_fini(&lines);
}
