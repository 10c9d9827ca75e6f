/*
 * utf8 - characters as octets and back
 *
 * Well-formed means as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF.
 */
#ifndef MAIL_UTF8_H
#define MAIL_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define UTF8_REPLACEMENT 0xfffd /* stands where no character could be had */

/* The character's octets to out: how many.  What is no character becomes U+FFFD. */
size_t utf8_put(uint32_t c, char out[4]);
/* The character at the front of a text that is not empty: how many octets it takes; 0: these
 * octets are none. */
size_t utf8_get(struct span, uint32_t *c);
/* How many octets at its front are well-formed. */
size_t utf8_good(struct span);

#endif
