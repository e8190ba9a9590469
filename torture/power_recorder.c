/* Records what a program asks the system to write, sync and name under TAPEHAND_RECORD_ROOT, in order, to the file
 * TAPEHAND_RECORD_FILE. Loaded with LD_PRELOAD; for tests only. What it records is read by torture/power_losses.py:
 *
 *   W ino offset length\n bytes   bytes were written to a file       T ino length\n   a file was cut to a length
 *   S ino\n                       a file or folder was synced        C ino path\n     a file came into being
 *   M ino path\n                  a folder came into being           U path\n         a name was taken away
 *   R old\tnew\n                  a name became another              L old\tnew\n     a file got a second name
 *   A length\n bytes              the program said something on its standard output
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static int record = -1;
static char root[PATH_MAX];

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);

__attribute__((constructor)) static void start(void) {
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    const char *file = getenv("TAPEHAND_RECORD_FILE"), *under = getenv("TAPEHAND_RECORD_ROOT");
    if (file && under && realpath(under, root))
        record = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void put(const void *bytes, size_t length) {
    const char *at = bytes;
    while (length > 0) {
        ssize_t done = real_write(record, at, length);
        if (done <= 0)
            abort();
        at += done;
        length -= (size_t)done;
    }
}

static void note(const void *bytes, size_t length, const char *format, ...) {
    char line[3 * PATH_MAX];
    va_list values;
    va_start(values, format);
    int size = vsnprintf(line, sizeof line, format, values);
    va_end(values);
    pthread_mutex_lock(&turn);
    put(line, (size_t)size);
    if (length > 0)
        put(bytes, length);
    pthread_mutex_unlock(&turn);
}

/* The inode of an open file or folder under the root, or 0. */
static unsigned long inode_of(int fd) {
    char link[64], path[PATH_MAX];
    struct stat about;
    if (record < 0 || fd == record)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0 || strncmp(path, root, strlen(root)) != 0 || fstat(fd, &about) != 0)
        return 0;
    return about.st_ino;
}

/* The full form of a path whose folder exists, if it lies under the root. */
static int is_ours(const char *path, char *full) {
    char copy[PATH_MAX], folder[PATH_MAX];
    if (record < 0 || snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
        return 0;
    char *slash = strrchr(copy, '/');
    const char *name = slash ? slash + 1 : copy;
    if (slash)
        *slash = 0;
    if (!realpath(slash ? (copy[0] ? copy : "/") : ".", folder))
        return 0;
    if (snprintf(full, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
        return 0;
    return strncmp(full, root, strlen(root)) == 0;
}

static void note_opened(const char *path, int fd, int was_there, int flags) {
    char full[PATH_MAX];
    if (fd < 0 || !is_ours(path, full))
        return;
    if (!was_there && (flags & O_CREAT))
        note(NULL, 0, "C %lu %s\n", inode_of(fd), full);
    else if (flags & O_TRUNC)
        note(NULL, 0, "T %lu 0\n", inode_of(fd));
}

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...) {                                                                       \
        static int (*real)(const char *, int, ...);                                                                    \
        if (!real)                                                                                                     \
            real = dlsym(RTLD_NEXT, #name);                                                                            \
        va_list values;                                                                                                \
        va_start(values, flags);                                                                                       \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(values, mode_t) : 0;                                    \
        va_end(values);                                                                                                \
        int was_there = faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;                                     \
        int fd = real(path, flags, mode);                                                                              \
        note_opened(path, fd, was_there, flags);                                                                       \
        return fd;                                                                                                     \
    }
OPEN(open)
OPEN(open64)

ssize_t write(int fd, const void *bytes, size_t length) {
    ssize_t done = real_write(fd, bytes, length);
    unsigned long inode = done > 0 ? inode_of(fd) : 0;
    if (inode)
        note(bytes, (size_t)done, "W %lu %lld %zd\n", inode, (long long)(lseek(fd, 0, SEEK_CUR) - done), done);
    else if (fd == 1 && done > 0 && record >= 0)
        note(bytes, (size_t)done, "A %zd\n", done);
    return done;
}

static ssize_t written_at(int fd, const void *bytes, size_t length, off_t offset) {
    ssize_t done = real_pwrite(fd, bytes, length, offset);
    unsigned long inode = done > 0 ? inode_of(fd) : 0;
    if (inode)
        note(bytes, (size_t)done, "W %lu %lld %zd\n", inode, (long long)offset, done);
    return done;
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return written_at(fd, bytes, length, offset); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) {
    return written_at(fd, bytes, length, offset);
}

#define ON_FILE(name, parameters, arguments, record_it)                                                                \
    int name parameters {                                                                                              \
        static int (*real) parameters;                                                                                 \
        if (!real)                                                                                                     \
            real = dlsym(RTLD_NEXT, #name);                                                                            \
        int answer = real arguments;                                                                                   \
        unsigned long inode = answer == 0 ? inode_of(fd) : 0;                                                          \
        if (inode)                                                                                                     \
            record_it;                                                                                                 \
        return answer;                                                                                                 \
    }
ON_FILE(fsync, (int fd), (fd), note(NULL, 0, "S %lu\n", inode))
ON_FILE(fdatasync, (int fd), (fd), note(NULL, 0, "S %lu\n", inode))
ON_FILE(ftruncate, (int fd, off_t length), (fd, length), note(NULL, 0, "T %lu %lld\n", inode, (long long)length))
ON_FILE(ftruncate64, (int fd, off_t length), (fd, length), note(NULL, 0, "T %lu %lld\n", inode, (long long)length))

#define ON_NAMES(name, letter)                                                                                         \
    int name(const char *old, const char *new) {                                                                       \
        static int (*real)(const char *, const char *);                                                                \
        if (!real)                                                                                                     \
            real = dlsym(RTLD_NEXT, #name);                                                                            \
        char from[PATH_MAX], to[PATH_MAX];                                                                             \
        int ours = is_ours(old, from) && is_ours(new, to);                                                             \
        int answer = real(old, new);                                                                                   \
        if (ours && answer == 0)                                                                                       \
            note(NULL, 0, letter " %s\t%s\n", from, to);                                                               \
        return answer;                                                                                                 \
    }
ON_NAMES(rename, "R")
ON_NAMES(link, "L")

#define ON_NAME(name)                                                                                                  \
    int name(const char *path) {                                                                                       \
        static int (*real)(const char *);                                                                              \
        if (!real)                                                                                                     \
            real = dlsym(RTLD_NEXT, #name);                                                                            \
        char full[PATH_MAX];                                                                                           \
        int ours = is_ours(path, full);                                                                                \
        int answer = real(path);                                                                                       \
        if (ours && answer == 0)                                                                                       \
            note(NULL, 0, "U %s\n", full);                                                                             \
        return answer;                                                                                                 \
    }
ON_NAME(unlink)
ON_NAME(rmdir)

int mkdir(const char *path, mode_t mode) {
    static int (*real)(const char *, mode_t);
    if (!real)
        real = dlsym(RTLD_NEXT, "mkdir");
    char full[PATH_MAX];
    struct stat about;
    int answer = real(path, mode);
    if (answer == 0 && is_ours(path, full) && stat(path, &about) == 0)
        note(NULL, 0, "M %lu %s\n", (unsigned long)about.st_ino, full);
    return answer;
}
