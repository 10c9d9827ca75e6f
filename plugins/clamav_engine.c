/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plugins/clamav_engine.h"

/* --- numbers --- */

static const struct {
	enum clam_param param;
	enum cl_engine_field field;
} numbers[] = {
	{ CLAM_P_MAX_SCAN_SIZE, CL_ENGINE_MAX_SCANSIZE },
	{ CLAM_P_MAX_FILE_SIZE, CL_ENGINE_MAX_FILESIZE },
	{ CLAM_P_MAX_RECURSION, CL_ENGINE_MAX_RECURSION },
	{ CLAM_P_MAX_FILES, CL_ENGINE_MAX_FILES },
	{ CLAM_P_MAX_SCAN_TIME, CL_ENGINE_MAX_SCANTIME },
	{ CLAM_P_MAX_EMBEDDED_PE, CL_ENGINE_MAX_EMBEDDEDPE },
	{ CLAM_P_MAX_HTML_NORMALIZE, CL_ENGINE_MAX_HTMLNORMALIZE },
	{ CLAM_P_MAX_HTML_NO_TAGS, CL_ENGINE_MAX_HTMLNOTAGS },
	{ CLAM_P_MAX_SCRIPT_NORMALIZE, CL_ENGINE_MAX_SCRIPTNORMALIZE },
	{ CLAM_P_MAX_ZIP_TYPE_RCG, CL_ENGINE_MAX_ZIPTYPERCG },
	{ CLAM_P_MAX_PARTITIONS, CL_ENGINE_MAX_PARTITIONS },
	{ CLAM_P_MAX_ICONS_PE, CL_ENGINE_MAX_ICONSPE },
	{ CLAM_P_MAX_REC_HWP3, CL_ENGINE_MAX_RECHWP3 },
	{ CLAM_P_PCRE_MATCH_LIMIT, CL_ENGINE_PCRE_MATCH_LIMIT },
	{ CLAM_P_PCRE_REC_MATCH_LIMIT, CL_ENGINE_PCRE_RECMATCH_LIMIT },
	{ CLAM_P_PCRE_MAX_FILE_SIZE, CL_ENGINE_PCRE_MAX_FILESIZE },
	{ CLAM_P_CACHE_SIZE, CL_ENGINE_CACHE_SIZE },
	{ CLAM_P_DISABLE_CACHE, CL_ENGINE_DISABLE_CACHE },
	{ CLAM_P_BYTECODE_TIMEOUT, CL_ENGINE_BYTECODE_TIMEOUT },
};

static int
set_number(struct cl_engine *cl, enum cl_engine_field field, int64_t n, const char *what, char *why,
    size_t size)
{
	cl_error_t rc = cl_engine_set_num(cl, field, n);

	if (rc == CL_SUCCESS)
		return 0;
	snprintf(why, size, "%s: %s", what, cl_strerror(rc));
	return -1;
}

/* --- scan options --- */

static const struct {
	enum clam_param param;
	uint32_t bit;
} parsers[] = {
	{ CLAM_P_SCAN_ARCHIVE, CL_SCAN_PARSE_ARCHIVE },
	{ CLAM_P_SCAN_PE, CL_SCAN_PARSE_PE },
	{ CLAM_P_SCAN_ELF, CL_SCAN_PARSE_ELF },
	{ CLAM_P_SCAN_OLE2, CL_SCAN_PARSE_OLE2 },
	{ CLAM_P_SCAN_PDF, CL_SCAN_PARSE_PDF },
	{ CLAM_P_SCAN_SWF, CL_SCAN_PARSE_SWF },
	{ CLAM_P_SCAN_XMLDOCS, CL_SCAN_PARSE_XMLDOCS },
	{ CLAM_P_SCAN_HWP3, CL_SCAN_PARSE_HWP3 },
	{ CLAM_P_SCAN_ONENOTE, CL_SCAN_PARSE_ONENOTE },
	{ CLAM_P_SCAN_HTML, CL_SCAN_PARSE_HTML },
	{ CLAM_P_SCAN_IMAGE, CL_SCAN_PARSE_IMAGE },
	{ CLAM_P_SCAN_IMAGE_FUZZY, CL_SCAN_PARSE_IMAGE_FUZZY_HASH },
}, alerts[] = {
	{ CLAM_P_ALERT_BROKEN_EXECUTABLES, CL_SCAN_HEURISTIC_BROKEN },
	{ CLAM_P_ALERT_BROKEN_MEDIA, CL_SCAN_HEURISTIC_BROKEN_MEDIA },
	{ CLAM_P_ALERT_OLE2_MACROS, CL_SCAN_HEURISTIC_MACROS },
	{ CLAM_P_ALERT_PHISHING_SSL, CL_SCAN_HEURISTIC_PHISHING_SSL_MISMATCH },
	{ CLAM_P_ALERT_PHISHING_CLOAK, CL_SCAN_HEURISTIC_PHISHING_CLOAK },
	{ CLAM_P_ALERT_PARTITION, CL_SCAN_HEURISTIC_PARTITION_INTXN },
};

static void
set_options(struct cl_scan_options *o, const struct filterd_value *v)
{
	memset(o, 0, sizeof(*o));
	/* What is beyond a limit, or encrypted, is always to be known. */
	o->heuristic = CL_SCAN_HEURISTIC_EXCEEDS_MAX | CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE |
		       CL_SCAN_HEURISTIC_ENCRYPTED_DOC;
	o->parse = CL_SCAN_PARSE_MAIL;
	if (v[CLAM_P_ALL_MATCHES].number)
		o->general |= CL_SCAN_GENERAL_ALLMATCHES;
	if (v[CLAM_P_SCAN_PARTIAL].number)
		o->mail |= CL_SCAN_MAIL_PARTIAL_MESSAGE;
	for (size_t i = 0; i < sizeof(parsers) / sizeof(parsers[0]); i++)
		if (v[parsers[i].param].number)
			o->parse |= parsers[i].bit;
	if (!v[CLAM_P_HEURISTIC_ALERTS].number)
		return;
	o->general |= CL_SCAN_GENERAL_HEURISTICS;
	for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++)
		if (v[alerts[i].param].number)
			o->heuristic |= alerts[i].bit;
}

/* --- categories of unwanted applications --- */

/* The word stands in the name, as a whole one: NetTool in PUA.Win.NetTool.Nmap-1. */
static int
has_word(const char *name, const char *word, size_t n)
{
	for (const char *at = name; (at = strchr(at, '.')) != NULL;)
		if (strncasecmp(++at, word, n) == 0 && at[n] == '.')
			return 1;
	return 0;
}

static int
has_any(const char *name, const char *list)
{
	static const char between[] = ", \t";
	size_t n;

	for (list += strspn(list, between); *list != '\0'; list += strspn(list, between)) {
		n = strcspn(list, between);
		if (has_word(name, list, n))
			return 1;
		list += n;
	}
	return 0;
}

/* libclamav's own choice (CL_ENGINE_PUA_CATEGORIES) does not work with several. */
static int
on_signature(const char *type, const char *name, unsigned custom, void *context)
{
	const struct filterd_value *v = context;
	const char *include = v[CLAM_P_INCLUDE_PUA].text, *exclude = v[CLAM_P_EXCLUDE_PUA].text;

	(void)type, (void)custom;
	if (strncmp(name, "PUA.", 4) != 0)
		return 0;
	return include[0] != '\0' ? !has_any(name, include) : has_any(name, exclude);
}

static int
set_unwanted(struct cl_engine *cl, const struct filterd_value *v, char *why, size_t size)
{
	const char *include = v[CLAM_P_INCLUDE_PUA].text, *exclude = v[CLAM_P_EXCLUDE_PUA].text;

	if (include[0] != '\0' && exclude[0] != '\0') {
		snprintf(
		    why, size, "clamav_include_pua and clamav_exclude_pua must not both be set");
		return -1;
	}
	if (v[CLAM_P_DETECT_PUA].number && (include[0] != '\0' || exclude[0] != '\0'))
		cl_engine_set_clcb_sigload(cl, on_signature, (void *)(uintptr_t)v);
	return 0;
}

unsigned
clam_engine_load_options(const struct filterd_value *v)
{
	unsigned o = 0;

	if (v[CLAM_P_BYTECODE].number)
		o |= CL_DB_BYTECODE;
	if (v[CLAM_P_PHISHING_SIGNATURES].number)
		o |= CL_DB_PHISHING;
	if (v[CLAM_P_PHISHING_SCAN_URLS].number)
		o |= CL_DB_PHISHING_URLS;
	if (v[CLAM_P_OFFICIAL_ONLY].number)
		o |= CL_DB_OFFICIAL_ONLY;
	if (v[CLAM_P_DETECT_PUA].number)
		o |= CL_DB_PUA;
	return o;
}

int
clam_engine_set(struct clam_engine *e, const struct filterd_value *v, char *why, size_t size)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (set_number(e->cl, numbers[i].field, v[numbers[i].param].number,
			v[numbers[i].param].text, why, size) == -1)
			return -1;
	/* A scanner may not make code as it goes; and nobody is told what was found here. */
	if (set_number(e->cl, CL_ENGINE_BYTECODE_MODE, CL_BYTECODE_MODE_INTERPRETER,
		"bytecode mode", why, size) == -1 ||
	    set_number(e->cl, CL_ENGINE_DISABLE_PE_STATS, 1, "statistics", why, size) == -1)
		return -1;
	set_options(&e->options, v);
	e->max_scan_ms = v[CLAM_P_MAX_SCAN_TIME].number;
	return set_unwanted(e->cl, v, why, size);
}
