/* Files of whole lines, see linefile.h. */
#include "linefile.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void
amas__linefile_init(struct amas__linefile *f)
{
	amas__linefile_begin(f, -1);
	amas__buf_init(&f->buf, 0);
}

void
amas__linefile_begin(struct amas__linefile *f, int fd)
{
	f->fd = fd;
	f->lines_end = f->written = 0;
}

void
amas__linefile_took(struct amas__linefile *f, size_t n)
{
	const char *head = amas__buf_head(&f->buf);
	const char *end = head != NULL ? memrchr(head, '\n', n) : NULL;

	if (end != NULL)
		f->lines_end = f->written + (end - head) + 1;
	f->written += (off_t)n;
	amas__buf_consume(&f->buf, n);
}

void
amas__linefile_cut(struct amas__linefile *f)
{
	struct stat st;

	if (fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    ftruncate(f->fd, f->lines_end) == -1)
		errno = 0; /* then its last line is cut */
	amas__buf_fini(&f->buf);
}
