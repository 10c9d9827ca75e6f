/*
 * content_scan - how far a piece of a message needs no change
 *
 * The hot path of content.c and client/wire.c: every octet of every message goes through here on
 * its way in and on its way out, at the speed of memory on x86-64 and in a loop elsewhere.
 */
#ifndef MAIL_CONTENT_SCAN_H
#define MAIL_CONTENT_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* Length of the longest start of p[0..n) in which each CR stands before LF and each LF behind CR,
 * and, with dots, no LF is followed by a dot.  p[0] itself may be a dot.
 *
 * *line_len: octets of the present line before p, and after the call before the place returned.
 * *seen: SEEN_NUL, SEEN_8BIT and SEEN_LONG_LINE of those octets are added. */
size_t content_scan(const uint8_t *p, size_t n, int dots, size_t *line_len, unsigned *seen);
/* The same octet by octet, and as on a processor without AVX2, for the tests to compare with. */
size_t content_scan_plain(const uint8_t *p, size_t n, int dots, size_t *line_len, unsigned *seen);
size_t content_scan_narrow(const uint8_t *p, size_t n, int dots, size_t *line_len, unsigned *seen);

#endif
