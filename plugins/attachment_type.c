#include <string.h>
#include <strings.h>

#include "plugins/attachment_type.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

#define EXTENSION_MAX 12

/* Lists of words with a blank around each. */
static const struct {
	enum att_class class;
	const char *words;
} extensions[] = {
	{ ATT_PROGRAM, " exe scr com pif dll cpl ocx sys drv msi msp msix appx lnk elf dylib " },
	{ ATT_SCRIPT,
	    " js jse vbs vbe vb wsf wsh wsc hta bat cmd ps1 psm1 ps1xml psc1 reg sct url chm "
	    "inf scf msc application gadget job mst xll ade adp mde settingcontent-ms " },
	{ ATT_ARCHIVE,
	    " zip rar 7z tar gz tgz bz2 tbz tbz2 xz txz lzma zst lz z arj ace cab iso img "
	    "lha lzh cpio zipx jar apk war ear xpi " },
	{ ATT_OFFICE,
	    " doc docx docm dot dotx dotm xls xlsx xlsm xlsb xlt xltx xltm ppt pptx pptm pps "
	    "ppsx rtf odt ods odp odg epub vsd vsdx pub one pages numbers key xps " },
	{ ATT_PDF, " pdf ps eps djvu " },
	{ ATT_IMAGE, " jpg jpeg jpe png gif bmp tif tiff webp ico svg heic avif psd " },
	{ ATT_MEDIA, " mp3 mp4 m4a m4v wav ogg flac avi mov mkv wmv wma mpg mpeg webm aac 3gp " },
	{ ATT_TEXT, " txt text log csv tsv md ics vcf htm html xhtml xml json eml css " },
};

/* A name that ends in '*' is the beginning of one. */
static const struct {
	const char *type;
	unsigned class;
} types[] = {
	{ "application/x-dosexec", ATT_PROGRAM },
	{ "application/vnd.microsoft.portable-executable", ATT_PROGRAM },
	{ "application/x-ms-dos-executable", ATT_PROGRAM },
	{ "application/x-msdownload", ATT_PROGRAM },
	{ "application/x-msdos-program", ATT_PROGRAM },
	{ "application/x-ms-ne-executable", ATT_PROGRAM },
	{ "application/exe", ATT_PROGRAM },
	{ "application/x-exe", ATT_PROGRAM },
	{ "application/x-winexe", ATT_PROGRAM },
	{ "application/x-executable", ATT_PROGRAM },
	{ "application/x-pie-executable", ATT_PROGRAM },
	{ "application/x-sharedlib", ATT_PROGRAM },
	{ "application/x-object", ATT_PROGRAM },
	{ "application/x-mach-binary", ATT_PROGRAM },
	{ "application/x-java-applet", ATT_PROGRAM },
	{ "application/x-ms-shortcut", ATT_PROGRAM },
	{ "application/x-msi", ATT_PROGRAM },
	{ "application/javascript", ATT_SCRIPT },
	{ "application/x-javascript", ATT_SCRIPT },
	{ "text/javascript", ATT_SCRIPT },
	{ "application/hta", ATT_SCRIPT },
	{ "text/x-shellscript", ATT_SCRIPT },
	{ "application/x-sh", ATT_SCRIPT },
	{ "text/x-msdos-batch", ATT_SCRIPT },
	{ "text/x-script.*", ATT_SCRIPT },
	{ "text/x-python", ATT_SCRIPT },
	{ "text/x-perl", ATT_SCRIPT },
	{ "text/x-php", ATT_SCRIPT },
	{ "text/x-ruby", ATT_SCRIPT },
	{ "text/vbscript", ATT_SCRIPT },
	{ "application/zip", ATT_ARCHIVE },
	{ "application/x-zip*", ATT_ARCHIVE },
	{ "application/java-archive", ATT_ARCHIVE },
	{ "application/gzip", ATT_ARCHIVE },
	{ "application/x-gzip", ATT_ARCHIVE },
	{ "application/x-bzip*", ATT_ARCHIVE },
	{ "application/x-xz", ATT_ARCHIVE },
	{ "application/x-lzma", ATT_ARCHIVE },
	{ "application/x-lzip", ATT_ARCHIVE },
	{ "application/zstd", ATT_ARCHIVE },
	{ "application/x-compress*", ATT_ARCHIVE },
	{ "application/x-tar", ATT_ARCHIVE },
	{ "application/x-gtar", ATT_ARCHIVE },
	{ "application/x-7z-compressed", ATT_ARCHIVE },
	{ "application/x-rar*", ATT_ARCHIVE },
	{ "application/vnd.rar", ATT_ARCHIVE },
	{ "application/vnd.ms-cab-compressed", ATT_ARCHIVE },
	{ "application/x-iso9660-image", ATT_ARCHIVE },
	{ "application/x-lzh*", ATT_ARCHIVE },
	{ "application/x-lha*", ATT_ARCHIVE },
	{ "application/x-arj", ATT_ARCHIVE },
	{ "application/x-ace*", ATT_ARCHIVE },
	{ "application/x-cpio", ATT_ARCHIVE },
	{ "application/msword", ATT_OFFICE },
	{ "application/rtf", ATT_OFFICE },
	{ "text/rtf", ATT_OFFICE },
	{ "application/vnd.ms-*", ATT_OFFICE },
	{ "application/vnd.openxmlformats-officedocument.*", ATT_OFFICE },
	{ "application/vnd.oasis.opendocument.*", ATT_OFFICE },
	{ "application/epub+zip", ATT_OFFICE },
	{ "application/pdf", ATT_PDF },
	{ "application/postscript", ATT_PDF },
	{ "image/*", ATT_IMAGE },
	{ "audio/*", ATT_MEDIA },
	{ "video/*", ATT_MEDIA },
	{ "text/*", ATT_TEXT },
	{ "message/*", ATT_TEXT },
};

unsigned
att_class_of_type(const char *type)
{
	for (size_t i = 0; i < nitems(types); i++) {
		size_t n = strlen(types[i].type);

		if (types[i].type[n - 1] == '*' ? strncmp(type, types[i].type, n - 1) == 0
						: strcmp(type, types[i].type) == 0)
			return types[i].class;
	}
	return 0;
}

static unsigned
class_of_extension(const uint8_t *p, size_t n)
{
	char word[EXTENSION_MAX + 12];

	while (n > 0 && p[n - 1] == ' ')
		n--;
	while (n > 0 && p[0] == ' ') {
		p++;
		n--;
	}
	if (n == 0 || n > EXTENSION_MAX + 8)
		return 0;
	word[0] = ' ';
	for (size_t i = 0; i < n; i++) {
		if (p[i] <= ' ' || p[i] >= 0x7f)
			return 0;
		word[i + 1] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] | 0x20 : p[i]);
	}
	word[n + 1] = ' ';
	word[n + 2] = '\0';
	for (size_t i = 0; i < nitems(extensions); i++)
		if (strstr(extensions[i].words, word) != NULL)
			return extensions[i].class;
	return 0;
}

/* Where the last dot of the first n octets is; n: there is none. */
static size_t
last_dot(const uint8_t *p, size_t n)
{
	for (size_t at = n; at > 0; at--)
		if (p[at - 1] == '.')
			return at - 1;
	return n;
}

unsigned
att_class_of_name(const struct att_reading *r, unsigned *inner)
{
	size_t dot = last_dot(r->p, r->len), before;

	*inner = 0;
	if (dot == r->len)
		return 0;
	before = last_dot(r->p, dot);
	if (before < dot)
		*inner = class_of_extension(r->p + before + 1, dot - before - 1);
	return class_of_extension(r->p + dot + 1, r->len - dot - 1);
}

int
att_mismatch(const struct att_claims *c, unsigned detected)
{
	const unsigned shown = ATT_OFFICE | ATT_PDF | ATT_IMAGE | ATT_MEDIA,
		       harmless = shown | ATT_TEXT, all = c->name | c->declared;

	/* A program that is called something else. */
	if ((detected & ATT_PROGRAM) && (all & (harmless | ATT_ARCHIVE)))
		return 1;
	if ((detected & ATT_SCRIPT) && (all & (shown | ATT_ARCHIVE)))
		return 1;
	/* What is run by its name, and called something else besides: by the declared type, by
	 * another of its names, or in front of the extension, where it is what many see. */
	if ((c->name & ATT_PROGRAM) &&
	    ((all & (harmless | ATT_ARCHIVE)) || (c->inner & (harmless | ATT_ARCHIVE))))
		return 1;
	if ((c->name & ATT_SCRIPT) &&
	    ((all & (shown | ATT_ARCHIVE)) || (c->inner & (harmless | ATT_ARCHIVE))))
		return 1;
	/* An archive that a filter by name or declared type would not open. */
	return (detected & ATT_ARCHIVE) &&
	       ((c->name != 0 ? c->name : c->declared) & (harmless & ~(unsigned)ATT_OFFICE)) &&
	       ((c->name | c->inner) & (ATT_ARCHIVE | ATT_OFFICE)) == 0;
}
