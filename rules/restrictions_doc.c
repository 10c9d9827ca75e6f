/*
 * restrictions_doc - the section of filterd_restrictions(5) that has every restriction, in mdoc(7)
 *
 * Writes to standard output, from the rows themselves; the build puts it between
 * filterd_restrictions.5.head and filterd_restrictions.5.tail.  Ends with status 1 if a family of
 * rows has no place here.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "rules/rules_private.h"

static const struct family {
	const struct restriction_def *rows;
	const char *title;
	const char *argument; /* of those rows that have one which is no table; mdoc */
	const char *intro;    /* mdoc */
} families[] = {
	{ restrictions_generic, "Whatever the mail is", "seconds", NULL },
	{ restrictions_client, "The client", NULL, NULL },
	{ restrictions_auth, "Who has logged in or shown a certificate", NULL,
	    "filterd itself has neither AUTH nor TLS so far.\nWhat it knows of a login or a "
	    "certificate "
	    "is "
	    "told by a policy request, or by XCLIENT with\n.Sy allow_xclient_login .\nXFORWARD "
	    "tells of neither." },
	{ restrictions_helo, "The HELO name", NULL, NULL },
	{ restrictions_sender, "The sender", NULL, "The null sender passes all of these." },
	{ restrictions_recipient, "The recipient", NULL, NULL },
	{ restrictions_relay, "Relaying", NULL, NULL },
	{ restrictions_access, "Tables", NULL,
	    "Keys and results are those of\n.Xr filterd_access 5 .\nA table alone,\n.Ar type : Ns "
	    "Ar name ,\nis asked for what its list is about." },
	{ restrictions_ccert, "Tables of certificates",
	    "type : Ns Ar name | Li \\(lC Ar type : Ns Ar name , Li \\(lC search_order = Ar "
	    "key ... Li \\(rC\\(rC",
	    NULL },
	{ restrictions_access_dns, "Tables of what stands behind a name", NULL, NULL },
	{ restrictions_rbl, "Lists in the DNS", "zone Ns Op Li = Ns Ar filter",
	    "See\n.Sx DNS lists ." },
	{ restrictions_lines, "The content, line by line", NULL, "See\n.Xr filterd_content 5 ." },
	{ restrictions_decoded, "The content as it is read", NULL, "See\n.Xr filterd_content 5 ." },
	{ restrictions_url, "The URLs in the message", NULL, "See\n.Xr filterd_content 5 ." },
	{ restrictions_url_rbl, "The URLs in the message, in lists in the DNS",
	    "zone Ns Op Li = Ns Ar filter", "See\n.Sx DNS lists\nand\n.Xr filterd_content 5 ." },
	{ restrictions_text, "The text", NULL, "See\n.Xr filterd_content 5 ." },
	{ restrictions_verify, "Verified addresses", NULL, "See\n.Sx Probes ." },
	{ restrictions_policy, "Policy servers",
	    "server | Li \\(lC Ar server , option Li = Ar value ... Li \\(rC", NULL },
	{ restrictions_fact, "What is odd about the message", NULL,
	    "See\n.Xr filterd_content 5 ." },
	{ restrictions_size, "Size and number", "\\(lC Ar comparison result Li \\(rC", NULL },
	{ restrictions_score, "Scores", "points",
	    "Points are added up for the message in\n.Sy smtpd_*_restrictions ,\nand for the "
	    "recipient in\n.Sy content_restrictions ;\na recipient's score is both together.\nThey "
	    "are given by\n.Sy score_if_reject\nand by the result\n.Li SCORE Ar points Op Ar name"
	    "\nof a table row.\nIn lists that are asked for each recipient at RCPT, a rule gives "
	    "the message its points once." },
};

static const struct {
	unsigned need;
	const char *words;
} needs[] = {
	{ NEED_HELO, "needs the HELO name" },
	{ NEED_SENDER, "needs the sender" },
	{ NEED_RCPT, "needs the recipient" },
	{ NEED_CONTENT, "needs the message" },
	{ NEED_DNS, "asks the DNS" },
	{ CAN_PERMIT, "may permit" },
	{ STOPS_RELAY, "counts as protection from relaying" },
	{ ENDS_LIST, "always ends its list" },
};

/* Running text: a new line after each sentence, as mdoc wants it. */
static void
prose(const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\\')
			fputs("\\e", stdout);
		else
			putchar(*s);
		if (*s == '.' && s[1] == ' ' && isupper((unsigned char)s[2])) {
			putchar('\n');
			s++;
		}
	}
	putchar('\n');
}

static void
argument(const struct restriction_def *d, const struct family *f)
{
	switch (d->args) {
	case ARG_NONE:
		return;
	case ARG_NEXT:
		fputs(" Ar restriction", stdout);
		return;
	case ARG_TABLE:
		fputs(" Ar type : Ns Ar name", stdout);
		return;
	case ARG_TEXT:
	case ARG_SERVICE:
	case ARG_SECONDS:
		printf(" Ar %s", f->argument);
		return;
	}
}

static void
put_needs(const struct restriction_def *d)
{
	const char *words[nitems(needs)];
	size_t n = 0;

	for (size_t i = 0; i < nitems(needs); i++)
		if (d->needs & needs[i].need)
			words[n++] = needs[i].words;
	for (size_t i = 0; i < n; i++)
		printf("%s%s", i == 0 ? "It " : i + 1 < n ? ", " : " and ", words[i]);
	if (n > 0)
		puts(".");
}

static void
put_lists(const struct restriction_def *d)
{
	const char *before = "Not in ";

	for (int i = 0; i < RULE_LISTS; i++) {
		if (d->stages & AT(i))
			continue;
		printf("%s%s", before, rule_list_names[i]);
		before = ", ";
	}
	if (before[0] == ',')
		puts(", where it has no meaning.");
}

static void
put_older(const struct restriction_def *d)
{
	if (d->older == NULL)
		return;
	fputs("Older name:", stdout);
	for (size_t i = 0; d->older[i] != NULL; i++)
		printf("%s %s", i == 0 ? "" : ",", d->older[i]);
	puts(".");
}

static void
entry(const struct restriction_def *d, const struct family *f)
{
	printf(".It Ic %s", d->name);
	argument(d, f);
	putchar('\n');
	prose(d->text);
	put_needs(d);
	put_lists(d);
	put_older(d);
}

static void
count(void *arg, const char *name, const char *text)
{
	size_t *n = arg;

	(void)name;
	(void)text;
	(*n)++;
}

int
main(void)
{
	size_t all = 0, written = 0;

	puts(".Sh RESTRICTIONS");
	for (size_t i = 0; i < nitems(families); i++) {
		printf(".Ss %s\n", families[i].title);
		if (families[i].intro != NULL)
			puts(families[i].intro);
		puts(".Bl -tag -width Ds");
		for (const struct restriction_def *d = families[i].rows; d->name != NULL; d++) {
			entry(d, &families[i]);
			written++;
		}
		puts(".El");
	}
	restrictions_each(count, &all);
	if (written != all)
		fprintf(stderr, "restrictions_doc: %zu of %zu restrictions\n", written, all);
	return written != all || ferror(stdout) || fflush(stdout) == EOF;
}
