/* A table of access(5), asked with the keys of one message; what a row says is carried out. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rules/rules.h"
#include "tests/fuzz/rules_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const char *
site(void *arg, const char *name, struct rule_where *where)
{
	(void)arg;
	*where = (struct rule_where){ 0 };
	return strcmp(name, "cls_a") == 0 ? "reject_non_fqdn_sender, warn_if_reject reject"
					  : "permit_sasl_authenticated, cls_a";
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rule_options o = *rules_world_options();
	/* A file that has just been changed is waited for, unless its time is yet to come. */
	const struct timespec late[2] = { { .tv_sec = 4000000000 }, { .tv_sec = 4000000000 } };
	char table[64], list[400];
	int fd = memfd_create("access", MFD_CLOEXEC);

	if (fd == -1 || write(fd, data, len) != (ssize_t)len || futimens(fd, late) == -1)
		abort();
	snprintf(table, sizeof(table), "texthash:/proc/self/fd/%d", fd);
	snprintf(list, sizeof(list),
	    "check_client_access %s, check_helo_access %s, check_sender_access %s, "
	    "check_recipient_access %s, check_sasl_access %s, "
	    "check_reverse_client_hostname_access %s",
	    table, table, table, table, table, table);
	o.lists[LIST_RELAY] = "";
	o.lists[LIST_RECIPIENT] = o.lists[LIST_DATA] = list;
	o.lists[LIST_CONTENT] = list;
	o.tolerant = len % 2 == 0;
	o.smtpd_restriction_classes = "cls_a, cls_b";
	o.site = site;
	rules_world_run(&o, &(struct rules_envelope){ .helo = "mail.good.example",
				.sender = len % 3 == 0 ? "" : "s+x@from.example",
				.recipient = "r+x@local.example" });
	close(fd);
	return 0;
}
