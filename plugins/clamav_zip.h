/*
 * clamav_zip - what of a ZIP archive does libclamav pass over without a word?
 *
 * Members that are packed in a way it has no means to undo (LZMA, PPMd, zstd, ...), beside others
 * that it opens; and those that the directory at the end does not list, where it is missing all of
 * them: some programs unpack them by the headers in front of members.  Octets of any kind may be
 * given: an archive may begin behind something else, end before something else, and hold others;
 * but it must be in one piece.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef PLUGINS_CLAMAV_ZIP_H
#define PLUGINS_CLAMAV_ZIP_H

#include <stddef.h>
#include <stdint.h>

/* 1: there is such a thing.  Takes time in proportion to n. */
int clam_zip_is_beyond(const uint8_t *p, size_t n);

#endif
