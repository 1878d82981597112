/* Image files as block devices, see loop.h. */
#include "apply/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/text.h"
#include "kernel/k.h"

enum { TRIES = 64 };

/* Somebody else may take the free device first: then EBUSY, and another try. */
static int bind_free(int control, int file)
{
	struct loop_info64_ info = {.lo_flags = LO_FLAGS_READ_ONLY_ | LO_FLAGS_AUTOCLEAR_};
	char path[32];
	int n = k_ioctl(control, LOOP_CTL_GET_FREE_, NULL), loop, error;

	if (n < 0)
		return -1;
	text_format(path, sizeof path, "/dev/loop%d", n);
	loop = k_open(AT_FDCWD, path, O_RDONLY, 0);
	if (loop < 0)
		return -1;
	if (k_ioctl(loop, LOOP_SET_FD_, (void *)(intptr_t)file))
		goto fail;
	if (!k_ioctl(loop, LOOP_SET_STATUS64_, &info))
		return loop;
	error = errno;
	k_ioctl(loop, LOOP_CLR_FD_, NULL);
	errno = error;
fail:
	k_close(loop);
	return -1;
}

int loop_open(const char *path, const char **what)
{
	int file = k_open(AT_FDCWD, *what = path, O_RDONLY, 0), control, loop = -1;

	if (file < 0)
		return -1;
	control = k_open(AT_FDCWD, "/dev/loop-control", O_RDWR, 0);
	if (control < 0)
		*what = "/dev/loop-control";
	for (int i = 0; control >= 0 && i < TRIES && loop < 0; i++) {
		loop = bind_free(control, file);
		if (loop < 0 && errno != EBUSY)
			break;
	}
	k_close(control);
	k_close(file);
	return loop;
}

int loop_attach(struct walk *w, const char *path)
{
	const char *what;
	int loop = loop_open(path, &what);

	if (loop < 0 && what == path)
		step_error(w);
	else if (loop < 0)
		step_failed(w, what);
	return loop;
}

const char *image_type(int fd)
{
	static const struct {
		const char *type;
		off_t at;
		uint8_t length, magic[5];
	} table[] = {
		{"squashfs", 0, 4, {'h', 's', 'q', 's'}},
		{"erofs", 1024, 4, {0xe2, 0xe1, 0xf5, 0xe0}},
		{"ext4", 1024 + 56, 2, {0x53, 0xef}},
		{"iso9660", 32769, 5, {'C', 'D', '0', '0', '1'}},
	};
	uint8_t found[5];

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (k_pread(fd, found, table[i].length, table[i].at) == table[i].length &&
		    !memcmp(found, table[i].magic, table[i].length))
			return table[i].type;
	return NULL;
}
