/* The other direction of the mapping: an answer becomes the library's calls. */
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "front/libmilter_conn.h"
#include "front/milter_packets.h"

#define REPLY_LINES 32 /* the library has no more */

/* The text of a REPLYCODE packet as the library wants it.  It has % doubled, and lines of a length
 * that the library takes too. */
static int
set_reply(SMFICTX *ctx, char *text)
{
	char *line[REPLY_LINES] = { NULL }, *code = text, *enhanced = text + 4, *rest = NULL;
	size_t n = 0;

	for (char *p = text, *end; p != NULL && n < REPLY_LINES; p = end) {
		if ((end = strstr(p, "\r\n")) != NULL) {
			*end = '\0';
			end += 2;
		}
		rest = p + 4 + strcspn(p + 4, " ");
		line[n++] = *rest == '\0' ? rest : rest + 1;
		*rest = '\0'; /* of the first line the enhanced code is left */
	}
	code[3] = '\0';
	if (n == 1)
		return smfi_setreply(ctx, code, enhanced, line[0]);
#define FOUR(i) line[i], line[(i) + 1], line[(i) + 2], line[(i) + 3]
	return smfi_setmlreply(ctx, code, enhanced, FOUR(0), FOUR(4), FOUR(8), FOUR(12), FOUR(16),
	    FOUR(20), FOUR(24), FOUR(28), NULL);
#undef FOUR
}

/* One change, told as the packet that the native door would send. */
static int
change(SMFICTX *ctx, int kind, char *data, size_t len)
{
	int index = (int)((uint32_t)(uint8_t)data[0] << 24 | (uint32_t)(uint8_t)data[1] << 16 |
			  (uint32_t)(uint8_t)data[2] << 8 | (uint8_t)data[3]);
	char *name = data + 4;

	switch (kind) {
	case MILTER_R_ADDHEADER:
		return smfi_addheader(ctx, data, data + strlen(data) + 1);
	case MILTER_R_INSHEADER:
		return smfi_insheader(ctx, index, name, name + strlen(name) + 1);
	case MILTER_R_CHGHEADER:
		return smfi_chgheader(ctx, name, index, name + strlen(name) + 1);
	case MILTER_R_REPLBODY:
		return smfi_replacebody(ctx, (unsigned char *)data, (int)len);
	case MILTER_R_CHGFROM:
		return smfi_chgfrom(
		    ctx, data, strlen(data) + 1 < len ? data + strlen(data) + 1 : NULL);
	case MILTER_R_ADDRCPT:
		return smfi_addrcpt(ctx, data);
	case MILTER_R_DELRCPT:
		return smfi_delrcpt(ctx, data);
	case MILTER_R_QUARANTINE:
		return smfi_quarantine(ctx, data);
	}
	return MI_FAILURE;
}

/* A packet; SMFIS_NOREPLY: it was a change.  A change that cannot be told makes all of them void:
 * the MTA does none of it for a message that it is to refuse (PITFALLS H3). */
static sfsistat
say_packet(SMFICTX *ctx, int kind, char *data, size_t len)
{
	switch (kind) {
	case MILTER_R_CONTINUE:
		return SMFIS_CONTINUE;
	case MILTER_R_SKIP:
		return SMFIS_SKIP;
	case MILTER_R_DISCARD:
		return SMFIS_DISCARD;
	case MILTER_R_REPLYCODE: {
		sfsistat refusal = data[0] == '4' ? SMFIS_TEMPFAIL : SMFIS_REJECT;

		if (set_reply(ctx, data) == MI_FAILURE)
			log_error(NULL, NULL, "libmilter does not take the reply \"%s\"", data);
		return refusal;
	}
	}
	if (change(ctx, kind, data, len) == MI_SUCCESS)
		return SMFIS_NOREPLY;
	log_error(NULL, NULL, "libmilter does not take a change ('%c')", kind);
	return SMFIS_TEMPFAIL;
}

/* The packets of the native door, one call each. */
sfsistat
libmilter_say(SMFICTX *ctx, uint32_t steps, const struct milter_answer *a)
{
	struct buf packets = { 0 };
	sfsistat s = SMFIS_NOREPLY;
	size_t at = 0;

	milter_packets_answer(&packets, steps, a);
	buf_cstr(&packets); /* the last one's data end too */
	while (s == SMFIS_NOREPLY && at < packets.len) {
		const uint8_t *p = (const uint8_t *)packets.p + at;
		size_t len = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];

		s = say_packet(ctx, p[4], packets.p + at + 5, len - 1);
		at += 4 + len;
	}
	buf_fini(&packets);
	return s;
}
