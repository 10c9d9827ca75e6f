#include <idn2.h>
#include <stddef.h>

#include "base/arena.h"
#include "mail/idna.h"

const char *
idna_ascii(struct arena *a, const char *domain)
{
	const char *p = domain, *kept = NULL;
	char *made = NULL;

	while (*p != '\0' && !(*p & 0x80))
		p++;
	if (*p == '\0')
		return domain;
	if (idn2_to_ascii_8z(domain, &made, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) == IDN2_OK)
		kept = arena_strdup(a, made);
	idn2_free(made);
	return kept;
}
