/*
 * A fast HTTP client for benchmarks, which leaves as much of the machine to the server as it can.
 *
 *   http_client PORT AT_ONCE TRANSFERS SIZE
 *
 * Fetches /fw of SIZE bytes TRANSFERS times, some of them at the same time, with a connection for each as a device has it.
 * Every status, Content-Length and number of bytes is checked; bodies are dropped in the kernel (MSG_TRUNC, tcp(7)). At the
 * end it prints JSON: exchanges (transfers), cpu_s (user and system, of this process), wall_s, resent (always 0).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, HEAD = 4096, STALL_MS = 10000, AT_A_TIME = 1 << 20 };

struct transfer {
    int sock;
    long head, left; /* bytes of the header that are there; bytes of the body that are missing, -1 while nobody knows */
    char text[HEAD + 1];
};

static const char REQUEST[] = "GET /fw HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
static struct sockaddr_in server = {.sin_family = AF_INET};
static unsigned long begun, ended, wanted;
static long size;
static int epoll;

static void die(const char *what)
{
    fprintf(stderr, "http_client: %s\n", what);
    exit(1);
}

static void begin(struct transfer *t)
{
    *t = (struct transfer){.sock = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), .left = -1};
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = t};
    if (t->sock < 0 || (connect(t->sock, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS) ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, t->sock, &event) < 0)
        die(strerror(errno));
    begun++;
}

static void ask(struct transfer *t)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = t};
    if (send(t->sock, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) != sizeof REQUEST - 1 ||
        epoll_ctl(epoll, EPOLL_CTL_MOD, t->sock, &event) < 0)
        die(strerror(errno));
}

/* Looks whether the header is whole; the beginning of the body comes with it. */
static void read_head(struct transfer *t)
{
    t->text[t->head] = 0;
    char *end = strstr(t->text, "\r\n\r\n"), *length = strcasestr(t->text, "\r\nContent-Length:");
    if (end == NULL && t->head == HEAD)
        die("a header that is too long");
    if (end == NULL)
        return;
    if (strncmp(t->text, "HTTP/1.1 200", 12) != 0 || length == NULL || length > end || atol(length + 17) != size)
        die("not 200 with the length of the package");
    t->left = size - (t->head - (end + 4 - t->text));
}

/* Takes what has come; gives whether the transfer is over. */
static int take(struct transfer *t)
{
    for (;;) {
        int known = t->left >= 0;
        ssize_t got = known ? recv(t->sock, NULL, AT_A_TIME, MSG_TRUNC)
                            : recv(t->sock, t->text + t->head, (size_t)(HEAD - t->head), 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (got < 0)
            die(strerror(errno));
        if (got == 0 && t->left != 0)
            die("the connection ended before the package");
        if (got == 0)
            return 1;
        if (known) {
            t->left -= got;
        } else {
            t->head += got;
            read_head(t);
        }
        if (t->left < -1 || (known && t->left < 0))
            die("more than the package");
    }
}

static void run(struct transfer *transfers, unsigned long at_once)
{
    struct epoll_event events[EVENTS];
    for (unsigned long i = 0; i < at_once && begun < wanted; i++)
        begin(&transfers[i]);
    while (ended < wanted) {
        int ready = epoll_wait(epoll, events, EVENTS, STALL_MS);
        if (ready == 0)
            die("the server does not answer");
        for (int i = 0; i < ready; i++) {
            struct transfer *t = events[i].data.ptr;
            if (events[i].events & EPOLLOUT) {
                ask(t);
            } else if (take(t)) {
                close(t->sock);
                ended++;
                if (begun < wanted)
                    begin(t);
            }
        }
    }
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: http_client PORT AT_ONCE TRANSFERS SIZE\n");
        return 2;
    }
    unsigned long at_once = strtoul(argv[2], NULL, 10);
    struct transfer *transfers = calloc(at_once, sizeof *transfers);
    epoll = epoll_create1(0);
    if (at_once == 0 || transfers == NULL || epoll < 0)
        die("no room for so many");
    server.sin_port = htons((uint16_t)atoi(argv[1]));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    wanted = strtoul(argv[3], NULL, 10);
    size = atol(argv[4]);
    double started = seconds(CLOCK_MONOTONIC);
    run(transfers, at_once);
    printf("{\"exchanges\": %lu, \"cpu_s\": %.6f, \"wall_s\": %.6f, \"resent\": 0}\n", ended,
           seconds(CLOCK_PROCESS_CPUTIME_ID), seconds(CLOCK_MONOTONIC) - started);
    return 0;
}
