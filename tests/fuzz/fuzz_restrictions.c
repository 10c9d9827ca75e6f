/*
 * A restriction list and a class as a site may write them, and the envelope that meets them.
 *
 * Input: an octet that chooses list and switches; then lines: the list, the class cls_a, HELO,
 * sender, recipient.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rules/rules.h"
#include "tests/fuzz/rules_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const char *
site(void *arg, const char *name, struct rule_where *where)
{
	*where = (struct rule_where){ 0 };
	return strcmp(name, "cls_a") == 0 ? arg : NULL;
}

/* Files are not what is looked at here, and some never end. */
static void
no_files(char *s)
{
	for (; *s != '\0'; s++)
		if (*s == '/')
			*s = '_';
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rule_options o = *rules_world_options();
	char none[] = "", helo[] = "helo.example", sender[] = "s@from.example";
	char rcpt[] = "r@local.example", *text, *rest;
	char *lines[5] = { none, none, helo, sender, rcpt };
	unsigned bits;

	if (len < 1 || len > 4000 || memchr(data, 0, len) != NULL)
		return 0;
	bits = data[0];
	text = rest = strndup((const char *)data + 1, len - 1);
	if (text == NULL)
		abort();
	for (int i = 0; i < 5; i++) {
		char *line = strsep(&rest, "\n");

		if (line != NULL)
			lines[i] = line;
	}
	no_files(text); /* the list; the class below */
	no_files(lines[1]);
	o.lists[bits % RULE_LISTS] = lines[0];
	o.lists[LIST_RELAY] = bits % RULE_LISTS == LIST_RELAY ? lines[0] : "";
	o.tolerant = (bits & 8) != 0;
	o.smtpd_delay_reject = (bits & 16) == 0;
	o.smtpd_reject_unlisted_sender = (bits & 32) != 0;
	o.dnsbl_strict_postfix = (bits & 64) != 0;
	o.smtpd_restriction_classes = "cls_a";
	o.site = site;
	o.arg = lines[1];
	rules_world_run(&o, &(struct rules_envelope){
				.helo = lines[2], .sender = lines[3], .recipient = lines[4] });
	free(text);
	return 0;
}
