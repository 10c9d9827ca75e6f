/* struct filterd_host: the parts of a message in a check; scans have theirs in the scanner. */
#include "mail/parts.h"
#include "rules/plugin_impl.h"

/* Those of the scanner may be set; here it is a few parts of few messages, in the worker. */
static const struct parts_options limits = {
	.mime = { .line_length_limit = 2048,
	    .header_size_limit = 102400,
	    .nesting_limit = 100,
	    .parts_limit = 10000,
	    .boundary_length_limit = 2048 },
	.memory_limit = (size_t)32 * 1024 * 1024,
	.inner_limit = 4,
};

static struct filterd_octets
octets(struct span s)
{
	return (struct filterd_octets){ .p = s.p, .len = s.len };
}

struct parts *
rule_parts(struct rule_run *run)
{
	struct span message;

	if (run->kept->parts == NULL && content_message(run, &message))
		run->kept->parts = parts_new(message, &limits);
	return run->kept->parts;
}

static int
host_odd_part(struct rule_run *run, size_t i, struct filterd_part *out)
{
	struct parts *parts = rule_parts(run);
	struct parts_part part;
	int rc;

	if (parts == NULL)
		return 0;
	rc = parts_odd(parts, i, &part);
	if (rc == 1)
		*out = (struct filterd_part){ .type = part.type,
			.name = part.name,
			.raw = octets(part.raw),
			.decoded = octets(part.decoded),
			.whole = part.whole,
			.odd = part.odd };
	return rc;
}

void
plugin_parts_end(struct rule_txn *kept)
{
	parts_free(kept->parts);
	kept->parts = NULL;
}

void
plugin_host_fill_parts(struct filterd_host *h)
{
	h->odd_part = host_odd_part;
}
