/* What a row about the content does to the message, for this recipient: at the key's place. */
#include <string.h>

#include "core/edit.h"
#include "mail/mime.h"
#include "rules/access_impl.h"
#include "rules/content_impl.h"

/* What was decided about a line first stays. */
static enum rule_result
edit(struct rule_run *run, const struct access_row *r, size_t del, struct span ins)
{
	/* content_share_end() settles */
	if (edit_add_later(&run->effects->edits, r->about->key->at, del, ins) == NULL)
		rule_trace_text(run, TRACE_NOTE, NULL, "an earlier rule has changed it already");
	return RULE_DUNNO;
}

/* Elsewhere it would be the whole message's, which is for header and body checks to change. */
static int
may_edit(const struct rule_run *run)
{
	return run->ask->stage == RULE_CONTENT;
}

static enum rule_result
not_here(struct rule_run *run, const struct access_row *r)
{
	return access_useless(
	    run, r, "changes nothing here: only content_restrictions change lines");
}

static int
ends_line(struct rule_run *run, const struct content_key *k)
{
	struct span message;
	size_t end = k->at + k->len;

	/* One that the message's last line has not is put there, as header and body checks do. */
	return content_message(run, &message) && end > 0 && end <= message.len &&
	       (end == message.len || message.p[end - 1] == '\n');
}

/* The row's text as octets of the message. */
static struct span
made(struct rule_run *run, const struct access_row *r, int ended)
{
	struct buf out = { 0 };
	struct span s;

	if (r->about->key->place == PLACE_FIELD)
		content_put_field(&out, span_str(r->text), run->o->mime.header_size_limit);
	else
		content_put_line(&out, r->text, ended);
	s = arena_span(run->arena, buf_span(&out));
	buf_fini(&out);
	return s;
}

/* As check_action_fault() has it for header and body checks. */
static const char *
fault(const struct access_row *r)
{
	if (r->text[0] == '\0')
		return "needs a text";
	if (r->about->key->place == PLACE_FIELD && mime_field_name(span_str(r->text)) == 0)
		return "needs a header field, \"Name: value\"";
	return NULL;
}

static int
text_is_dropped(struct rule_run *run, const struct access_row *r)
{
	struct span text = span_str(r->text);

	return r->about->key->place == PLACE_FIELD &&
	       access_is_dropped(run, span_make(text.p, mime_field_name(text)));
}

static enum rule_result
take_away(struct rule_run *run, const struct access_row *r, const char *word)
{
	if (!access_has_place(r))
		return access_useless(run, r, "has no line of the message here to take away");
	if (!may_edit(run))
		return not_here(run, r);
	access_tell_effect(run, r, word);
	return edit(run, r, r->about->key->len, span_make(NULL, 0));
}

enum rule_result
access_ignore(struct rule_run *run, const struct access_row *r)
{
	return take_away(run, r, "IGNORE");
}

/* IGNORE, and a log line. */
enum rule_result
access_strip(struct rule_run *run, const struct access_row *r)
{
	if (access_has_place(r) && may_edit(run))
		access_log_text(run, r, "strip", "STRIP");
	return take_away(run, r, "STRIP");
}

enum rule_result
access_replace(struct rule_run *run, const struct access_row *r)
{
	const struct content_key *k = r->about == NULL ? NULL : r->about->key;

	if (!access_has_place(r))
		return access_useless(run, r, "has no line of the message here to replace");
	if (!may_edit(run))
		return not_here(run, r);
	if (fault(r) != NULL)
		return access_useless(run, r, fault(r));
	access_tell_effect(run, r, "REPLACE");
	access_log_text(run, r, "replace", "REPLACE");
	if (text_is_dropped(run, r))
		return edit(run, r, k->len, span_make(NULL, 0));
	return edit(run, r, k->len, made(run, r, ends_line(run, k)));
}

enum rule_result
access_prepend_there(struct rule_run *run, const struct access_row *r)
{
	if (!may_edit(run))
		return not_here(run, r);
	if (fault(r) != NULL)
		return access_useless(run, r, fault(r));
	if (text_is_dropped(run, r))
		return access_useless(run, r, "is a field that message_drop_headers removes");
	access_tell_effect(run, r, "PREPEND");
	access_log_text(run, r, "prepend", "PREPEND");
	return edit(run, r, 0, made(run, r, 1));
}
