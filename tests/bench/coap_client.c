/*
 * A fast CoAP client (RFC 7252) for benchmarks: what a fleet of devices would cost if it were written in C.
 *
 *   coap_client PORT DEVICES EXCHANGES MODE
 *
 * Each device has a connected UDP socket of its own and one request in flight. MODE "block" walks through /fw by Block2 in
 * blocks of 1024 bytes (RFC 7959), from the start again at its end; "small" asks for /s. Every response is checked: type,
 * Message ID, token, code, block number, and every payload byte of every hundredth block. After EXCHANGES responses
 * it prints JSON: exchanges, cpu_s (user and system, of this process), wall_s, resent.
 *
 * There is no timer per exchange. When nothing arrives for a while, everything outstanding is sent again and counted.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, DATAGRAM = 1536, STALL_MS = 500, STALLS_MAX = 20, TOKEN = 4, SZX = 6 };

struct device {
    int sock;
    uint16_t mid;
    uint32_t token, block;
};

static struct device *devices;
static int by_block;
static unsigned long exchanges, wanted, resent;

static void die(const char *what)
{
    fprintf(stderr, "coap_client: %s\n", what);
    exit(1);
}

static void send_request(struct device *d)
{
    uint8_t out[32] = {0x40 | TOKEN, 0x01, (uint8_t)(d->mid >> 8), (uint8_t)d->mid}, *at = out + 4;
    memcpy(at, &d->token, TOKEN);
    at += TOKEN;
    if (by_block) {
        uint32_t value = d->block << 4 | SZX;
        unsigned length = value > 0xFFFF ? 3 : value > 0xFF ? 2 : 1;
        memcpy(at, "\xB2" "fw", 3); /* Uri-Path (11) */
        at[3] = (uint8_t)(12 << 4 | length); /* Block2 (23) */
        at += 4;
        while (length-- > 0)
            *at++ = (uint8_t)(value >> 8 * length);
    } else {
        memcpy(at, "\xB1s", 2);
        at += 2;
    }
    if (send(d->sock, out, (size_t)(at - out), 0) < 0 && errno != EAGAIN && errno != ENOBUFS)
        die(strerror(errno));
}

/* Checks the options and the payload of a block; gives the More bit. */
static int check_block(const struct device *d, const uint8_t *at, const uint8_t *end)
{
    unsigned number = 0;
    uint32_t value = UINT32_MAX;
    while (at < end && *at != 0xFF) {
        unsigned delta = *at >> 4, length = *at++ & 15;
        if (delta == 13 && at < end)
            delta += *at++;
        if (length > 12 || end - at < (long)length)
            die("an option that no server here sends");
        number += delta;
        for (value = number == 23 ? 0 : value; number == 23 && length > 0; length--) /* Block2 */
            value = value << 8 | *at++;
        at += length;
    }
    if (value == UINT32_MAX)
        die("a response without Block2");
    if (value >> 4 != d->block || (value & 7) != SZX)
        die("not the block that was asked for");
    if (at >= end || *at++ != 0xFF || ((value & 8) && end - at != 1024))
        die("a block of the wrong length");
    if (exchanges % 100 == 0)
        for (size_t i = (size_t)d->block * 1024; at < end; at++, i++)
            if (*at != (uint8_t)(i * 7 + (i >> 10)))
                die("a wrong byte");
    return value & 8 ? 1 : 0;
}

/* Takes one datagram; gives whether it answers what is in flight. */
static int take(struct device *d)
{
    uint8_t in[DATAGRAM];
    ssize_t size = recv(d->sock, in, sizeof in, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (size < 0)
        die(strerror(errno));
    if (size < 4 + TOKEN || in[0] != (0x60 | TOKEN) || in[1] != 0x45)
        die("not a piggy-backed 2.05");
    if (in[2] != d->mid >> 8 || in[3] != (d->mid & 0xFF) || memcmp(in + 4, &d->token, TOKEN) != 0)
        return 0; /* the answer to an earlier transmission */
    if (by_block)
        d->block = check_block(d, in + 4 + TOKEN, in + size) ? d->block + 1 : 0;
    else if (size != 4 + TOKEN + 3 || memcmp(in + 4 + TOKEN, "\xFFok", 3) != 0)
        die("not the small resource");
    exchanges++;
    d->mid++;
    d->token++;
    return 1;
}

static void open_devices(int epoll, unsigned long count, int port)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (unsigned long i = 0; i < count; i++) {
        struct device *d = &devices[i];
        *d = (struct device){.sock = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), .token = (uint32_t)(i << 16)};
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = d};
        if (d->sock < 0 || connect(d->sock, (struct sockaddr *)&server, sizeof server) < 0 ||
            epoll_ctl(epoll, EPOLL_CTL_ADD, d->sock, &event) < 0)
            die(strerror(errno));
    }
}

static void run(int epoll, unsigned long count)
{
    struct epoll_event events[EVENTS];
    int stalls = 0;
    for (unsigned long i = 0; i < count; i++)
        send_request(&devices[i]);
    while (exchanges < wanted) {
        int ready = epoll_wait(epoll, events, EVENTS, STALL_MS);
        if (ready < 0 && errno != EINTR)
            die(strerror(errno));
        if (ready == 0 && ++stalls > STALLS_MAX)
            die("the server does not answer");
        for (unsigned long i = 0; ready == 0 && i < count; i++, resent++)
            send_request(&devices[i]);
        for (int i = 0; i < ready; i++)
            if (take(events[i].data.ptr))
                send_request(events[i].data.ptr);
    }
}

static double seconds_of_cpu(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static double seconds_of_wall(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc != 5 || (strcmp(argv[4], "block") != 0 && strcmp(argv[4], "small") != 0)) {
        fprintf(stderr, "usage: coap_client PORT DEVICES EXCHANGES block|small\n");
        return 2;
    }
    unsigned long count = strtoul(argv[2], NULL, 10);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    wanted = strtoul(argv[3], NULL, 10);
    by_block = strcmp(argv[4], "block") == 0;
    devices = calloc(count ? count : 1, sizeof *devices);
    int epoll = epoll_create1(0);
    if (count == 0 || devices == NULL || epoll < 0)
        die("DEVICES must be 1 or more, and fit into memory");
    open_devices(epoll, count, atoi(argv[1]));
    double cpu = seconds_of_cpu(), wall = seconds_of_wall();
    run(epoll, count);
    printf("{\"exchanges\": %lu, \"cpu_s\": %.6f, \"wall_s\": %.6f, \"resent\": %lu}\n", exchanges,
           seconds_of_cpu() - cpu, seconds_of_wall() - wall, resent);
    return 0;
}
