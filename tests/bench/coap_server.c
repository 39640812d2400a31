/*
 * A fast CoAP server (RFC 7252) for benchmarks: it answers GET only, keeps no state, and takes datagrams in batches.
 *
 *   coap_server PORT SIZE [FILE]    PORT 0 takes a free one; SIZE is the length of the resource /fw in bytes
 *
 * GET /fw       2.05 with Block2 (RFC 7959) in the size that is asked for, 1024 bytes at most; Size2 with block 0
 * GET elsewhere 2.05 with the two bytes "ok"
 * a ping        a Reset
 *
 * Byte i of /fw is byte i of FILE, or (7 i + i / 1024) mod 256 without one. The port is printed as JSON when the server is ready, the number of answers and
 * the CPU time when standard input ends. Loopback only.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum { BATCH = 64, DATAGRAM = 1536, RECEIVE_BUFFER = 4 << 20 };
enum { CON = 0, NON = 1, ACK = 2, RST = 3, GET = 0x01, CONTENT = 0x45, BAD_REQUEST = 0x80, NOT_ALLOWED = 0x85 };
enum { URI_PATH = 11, BLOCK2 = 23, SIZE2 = 28 };

static uint8_t *body;
static size_t body_size;

struct request {
    uint8_t type, code, token_length, szx;
    int is_fw, malformed;
    uint32_t block;
};

/* One nibble of an option header with its extension (RFC 7252 §3.1), or -1 where it is reserved or runs past the end. */
static long extended(const uint8_t **at, const uint8_t *end, unsigned nibble)
{
    size_t more = nibble < 13 ? 0 : nibble - 12;
    if (nibble == 15 || (size_t)(end - *at) < more)
        return -1;
    const uint8_t *p = *at;
    *at += more;
    return more == 0 ? (long)nibble : more == 1 ? p[0] + 13 : (p[0] << 8 | p[1]) + 269;
}

static void parse(const uint8_t *data, size_t size, struct request *r)
{
    *r = (struct request){.type = data[0] >> 4 & 3, .code = data[1], .token_length = data[0] & 15, .szx = 6};
    const uint8_t *at = data + 4 + r->token_length, *end = data + size;
    long number = 0;
    int segments = 0;
    r->malformed = r->token_length > 8 || at > end;
    while (!r->malformed && at < end && *at != 0xFF) {
        unsigned head = *at++;
        long delta = extended(&at, end, head >> 4);
        long length = delta < 0 ? -1 : extended(&at, end, head & 15);
        if (length < 0 || length > end - at) {
            r->malformed = 1;
            return;
        }
        number += delta;
        if (number == URI_PATH)
            r->is_fw = segments++ == 0 && length == 2 && memcmp(at, "fw", 2) == 0;
        if (number == BLOCK2 && length <= 3) {
            uint32_t value = 0;
            for (long i = 0; i < length; i++)
                value = value << 8 | at[i];
            r->block = value >> 4;
            r->szx = value & 7;
        }
        at += length;
    }
}

static uint8_t *put_option(uint8_t *out, unsigned delta, uint32_t value)
{
    unsigned length = value > 0xFFFFFF ? 4 : value > 0xFFFF ? 3 : value > 0xFF ? 2 : value > 0 ? 1 : 0;
    *out++ = (uint8_t)((delta < 13 ? delta : 13) << 4 | length);
    if (delta >= 13)
        *out++ = (uint8_t)(delta - 13);
    while (length-- > 0)
        *out++ = (uint8_t)(value >> 8 * length);
    return out;
}

/* Writes the payload of /fw for the block that is asked for; gives NULL where it lies past the end. */
static uint8_t *put_block(uint8_t *out, const struct request *r)
{
    unsigned szx = r->szx > 6 ? 6 : r->szx;
    size_t block_size = (size_t)16 << szx, offset = (size_t)r->block * block_size;
    if (offset >= body_size && r->block > 0)
        return NULL;
    size_t length = body_size - offset < block_size ? body_size - offset : block_size;
    int more = offset + length < body_size;
    out = put_option(out, BLOCK2, r->block << 4 | (unsigned)more << 3 | szx);
    if (r->block == 0)
        out = put_option(out, SIZE2 - BLOCK2, (uint32_t)body_size);
    if (length > 0)
        *out++ = 0xFF;
    memcpy(out, body + offset, length);
    return out + length;
}

/* The answer to a datagram; 0 bytes where none is due. */
static size_t answer(const uint8_t *in, size_t size, uint8_t *out)
{
    struct request r;
    if (size < 4 || in[0] >> 6 != 1)
        return 0;
    parse(in, size, &r);
    if (r.type == ACK || r.type == RST || (r.type == NON && (r.malformed || r.code == 0)))
        return 0;
    memcpy(out, in, 4);
    if (r.malformed || r.code == 0) {
        out[0] = 0x40 | RST << 4;
        out[1] = 0;
        return 4;
    }
    out[0] = (uint8_t)(0x40 | (r.type == CON ? ACK : NON) << 4 | r.token_length);
    memcpy(out + 4, in + 4, r.token_length);
    uint8_t *head = out + 4 + r.token_length, *end = NULL;
    out[1] = r.code == GET ? CONTENT : NOT_ALLOWED;
    if (r.code != GET)
        return (size_t)(head - out);
    if (!r.is_fw)
        end = (uint8_t *)memcpy(head, "\xFFok", 3) + 3;
    else if ((end = put_block(head, &r)) == NULL) {
        out[1] = BAD_REQUEST;
        end = head;
    }
    return (size_t)(end - out);
}

static int open_socket(int port)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof local;
    int wanted = RECEIVE_BUFFER, sock = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (sock < 0 || bind(sock, (struct sockaddr *)&local, sizeof local) < 0) {
        perror("coap_server: bind");
        exit(3);
    }
    if (setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof wanted) < 0)
        setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof wanted);
    getsockname(sock, (struct sockaddr *)&local, &length);
    printf("{\"port\": %d}\n", ntohs(local.sin_port));
    fflush(stdout);
    return sock;
}

/* Answers what has arrived, one batch; gives how many answers went out. */
static unsigned long serve_batch(int sock)
{
    static uint8_t in[BATCH][DATAGRAM], out[BATCH][DATAGRAM];
    static struct sockaddr_in peers[BATCH];
    static struct iovec in_iov[BATCH], out_iov[BATCH];
    struct mmsghdr received[BATCH], answers[BATCH];
    memset(received, 0, sizeof received);
    for (int i = 0; i < BATCH; i++) {
        in_iov[i] = (struct iovec){in[i], DATAGRAM};
        received[i].msg_hdr = (struct msghdr){
            .msg_name = &peers[i], .msg_namelen = sizeof peers[i], .msg_iov = &in_iov[i], .msg_iovlen = 1};
    }
    int count = recvmmsg(sock, received, BATCH, 0, NULL), due = 0, sent = 0;
    for (int i = 0; i < count; i++) {
        size_t size = answer(in[i], received[i].msg_len, out[due]);
        if (size == 0)
            continue;
        out_iov[due] = (struct iovec){out[due], size};
        answers[due] = (struct mmsghdr){.msg_hdr = {
            .msg_name = &peers[i], .msg_namelen = sizeof peers[i], .msg_iov = &out_iov[due], .msg_iovlen = 1}};
        due++;
    }
    while (sent < due) {
        int n = sendmmsg(sock, answers + sent, (unsigned)(due - sent), 0);
        sent += n > 0 ? n : 1; /* one that cannot be sent is lost, as on any network */
    }
    return (unsigned long)due;
}

/* Fills /fw; gives 0 where the file does not have that many bytes. */
static int fill_body(const char *path)
{
    if (path == NULL) {
        for (size_t i = 0; i < body_size; i++)
            body[i] = (uint8_t)(i * 7 + (i >> 10));
        return 1;
    }
    FILE *file = fopen(path, "rb");
    size_t got = file == NULL ? 0 : fread(body, 1, body_size, file);
    if (file != NULL)
        fclose(file);
    return file != NULL && got == body_size;
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 4) {
        fprintf(stderr, "usage: coap_server PORT SIZE [FILE]\n");
        return 2;
    }
    body_size = strtoul(argv[2], NULL, 10);
    body = malloc(body_size + 1);
    if (body == NULL || body_size > 0xFFFFFFFFul) {
        fprintf(stderr, "coap_server: SIZE is too large\n");
        return 2;
    }
    if (!fill_body(argc == 4 ? argv[3] : NULL)) {
        fprintf(stderr, "coap_server: FILE cannot be read, or is shorter than SIZE\n");
        return 2;
    }
    struct pollfd ready[2] = {{.fd = open_socket(atoi(argv[1])), .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    unsigned long answers = 0;
    while (!(ready[1].revents & (POLLIN | POLLHUP | POLLERR))) {
        if (poll(ready, 2, -1) < 0 && errno != EINTR)
            return 1;
        if (ready[0].revents & POLLIN)
            answers += serve_batch(ready[0].fd);
    }
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("{\"answers\": %lu, \"cpu_s\": %.6f}\n", answers,
           (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec));
    return 0;
}
