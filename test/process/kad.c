/* A client of the cluster that asks one node's hash table, for tests of what it holds.
 *
 *     kad PORT KEYFILE put NAME VALUE     holds a value under /debros/app/ID/NAME, signed
 *     kad PORT KEYFILE get NAME           prints it
 *     kad PORT KEYFILE provide KEY        says that it provides the key
 *     kad PORT KEYFILE providers KEY      prints how many do
 *
 * Dials 127.0.0.1 with the identity in KEYFILE. Exit code 0; 1: no such value; 2: no
 * answer. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "api/identity.h"
#include "base/arena.h"
#include "base/reader.h"
#include "conn/stack.h"
#include "crypto/system.h"
#include "dht/dht.h"
#include "dht/envelope.h"

#define WAIT_MS 10000
#define HOUR_MS 3600000u

struct talk {
    struct dbr_keypair keys;
    struct dbr_peer_id self;
    struct dbr_rng rng;
    struct dbr_stack *stack;
    struct dbr_buf question; /* with its length in front */
    struct dbr_buf answer;
    bool has_answer; /* none is to come */
    int fd;
};

static uint64_t unix_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static dbr_time now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (dbr_time)now.tv_sec * 1000 + (dbr_time)now.tv_nsec / 1000000;
}

static void fail(const char *what)
{
    fprintf(stderr, "kad: %s\n", what);
    exit(2);
}

/* ---- One question on one connection ------------------------------------------------ */

static void handle(struct talk *talk, const struct dbr_stack_event *event)
{
    uint32_t stream;
    switch (event->type) {
    case DBR_STACK_SECURED:
        if (dbr_stack_open(talk->stack, &stream, dbr_bytes_str(DBR_DHT_PROTOCOL),
                           now_ms()) == 0) {
            dbr_stack_send(talk->stack, stream,
                           dbr_bytes(talk->question.data, talk->question.len));
            dbr_stack_finish(talk->stack, stream);
        }
        break;
    case DBR_STACK_INCOMING:
        dbr_stack_refuse(talk->stack, event->stream);
        break;
    case DBR_STACK_DATA:
        dbr_buf_add(&talk->answer, event->data.data, event->data.len);
        dbr_stack_consume(talk->stack, event->stream, event->data.len);
        break;
    case DBR_STACK_FINISHED:
    case DBR_STACK_CLOSED:
        talk->has_answer = true;
        break;
    default:
        break;
    }
}

static void flush(struct talk *talk)
{
    struct dbr_buf *out = dbr_stack_out(talk->stack);
    while (out->len > 0) {
        ssize_t put = send(talk->fd, out->data, out->len, MSG_NOSIGNAL);
        if (put <= 0) {
            fail("the node has closed the connection");
        }
        dbr_buf_consume(out, (size_t)put);
    }
}

static void converse(struct talk *talk)
{
    struct dbr_stack_event event;
    uint8_t bytes[65536];
    while (!talk->has_answer) {
        while (dbr_stack_poll(talk->stack, &event)) {
            handle(talk, &event);
        }
        flush(talk);
        struct pollfd ready = {talk->fd, POLLIN, 0};
        if (talk->has_answer) {
            break;
        }
        if (poll(&ready, 1, WAIT_MS) <= 0) {
            fail("no answer in time");
        }
        ssize_t got = recv(talk->fd, bytes, sizeof(bytes), 0);
        if (got <= 0 ||
            dbr_stack_recv(talk->stack, dbr_bytes(bytes, (size_t)got), now_ms()) != 0) {
            fail(got <= 0 ? "the node has closed the connection"
                          : dbr_stack_reason(talk->stack));
        }
    }
    dbr_stack_goaway(talk->stack);
    flush(talk);
}

/* Asks, and decodes the answer; false: there is none. */
static bool ask(struct talk *talk, const struct dbr_dht_message *question,
                struct dbr_dht_message *answer, struct dbr_arena *arena)
{
    struct dbr_stack_config config = {.dialer = true, .identity = &talk->keys};
    struct dbr_buf body = {0};
    debros_bytes frame;
    size_t used;
    if (dbr_dht_message_encode(&body, question) != 0) {
        fail("the question cannot be encoded");
    }
    dbr_buf_uvarint(&talk->question, body.len);
    dbr_buf_add(&talk->question, body.data, body.len);
    dbr_buf_finish(&body);
    dbr_stack_limits_default(&config.limits);
    if (dbr_stack_create(&talk->stack, &config, &talk->rng, now_ms()) != 0) {
        fail("out of memory");
    }
    converse(talk);
    dbr_stack_destroy(talk->stack);
    dbr_arena_init(arena, DBR_DHT_UNPACKED_MAX);
    return dbr_frame_decode(dbr_bytes(talk->answer.data, talk->answer.len),
                            DBR_DHT_MESSAGE_MAX, &frame, &used) == 1 &&
           dbr_dht_message_decode(answer, arena, frame) == 0;
}

/* ---- Questions --------------------------------------------------------------------- */

static int put(struct talk *talk, debros_bytes key, const char *value)
{
    struct dbr_dht_signer signer;
    struct dbr_dht_message answer;
    struct dbr_arena arena;
    struct dbr_buf envelope = {0};
    dbr_dht_signer_init(&signer, &talk->keys);
    uint64_t now = unix_ms();
    if (dbr_dht_envelope_seal(&envelope, &signer, key, now, now + HOUR_MS,
                              dbr_bytes_str(value)) != 0) {
        fail("the value cannot be signed");
    }
    struct dbr_dht_message question = {
        .type = DBR_DHT_PUT_VALUE,
        .key = key,
        .has_record = true,
        .record = {.key = key, .value = dbr_bytes(envelope.data, envelope.len)}};
    bool is_good = ask(talk, &question, &answer, &arena);
    dbr_arena_finish(&arena);
    dbr_buf_finish(&envelope);
    return is_good ? 0 : 2;
}

static int get(struct talk *talk, debros_bytes key)
{
    struct dbr_dht_message question = {.type = DBR_DHT_GET_VALUE, .key = key};
    struct dbr_dht_message answer;
    struct dbr_dht_envelope envelope;
    struct dbr_arena arena;
    int code = 2;
    if (ask(talk, &question, &answer, &arena)) {
        code = 1;
        if (answer.has_record &&
            dbr_dht_envelope_decode(&envelope, answer.record.value) == 0) {
            printf("%.*s\n", (int)envelope.value.len, (const char *)envelope.value.data);
            code = 0;
        }
    }
    dbr_arena_finish(&arena);
    return code;
}

static int provide(struct talk *talk, debros_bytes key)
{
    struct dbr_multiaddr addr;
    struct dbr_endpoint endpoint = {.ip = {127, 0, 0, 1}, .port = 4001};
    dbr_multiaddr_from_endpoint(&addr, &endpoint);
    struct dbr_dht_peer peer = {.id = talk->self, .addrs = &addr, .n_addrs = 1};
    struct dbr_dht_message question = {
        .type = DBR_DHT_ADD_PROVIDER, .key = key, .providers = &peer, .n_providers = 1};
    struct dbr_dht_message answer;
    struct dbr_arena arena;
    (void)ask(talk, &question, &answer, &arena); /* which has no answer */
    dbr_arena_finish(&arena);
    return 0;
}

static int providers(struct talk *talk, debros_bytes key)
{
    struct dbr_dht_message question = {.type = DBR_DHT_GET_PROVIDERS, .key = key};
    struct dbr_dht_message answer;
    struct dbr_arena arena;
    bool is_good = ask(talk, &question, &answer, &arena);
    if (is_good) {
        printf("%zu\n", answer.n_providers);
    }
    dbr_arena_finish(&arena);
    return is_good ? 0 : 2;
}

static void begin(struct talk *talk, const char *port, const char *keyfile)
{
    debros_detail detail = {.text = ""};
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)atoi(port)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (dbr_identity_load(&talk->keys, keyfile, &detail) != 0) {
        fail(detail.text);
    }
    dbr_peer_id_from_key(&talk->self, talk->keys.public_key);
    dbr_rng_system(&talk->rng);
    talk->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (talk->fd < 0 ||
        connect(talk->fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
        fail("the node does not accept the connection");
    }
}

int main(int argc, char **argv)
{
    struct talk talk = {.fd = -1};
    char key[DBR_DHT_RECORD_KEY_MAX];
    char id[DBR_PEER_ID_TEXT_SIZE];
    int code = 2;
    if (argc < 5 || dbr_crypto_init() != 0) {
        fail("usage: kad PORT KEYFILE put|get|provide|providers NAME [VALUE]");
    }
    begin(&talk, argv[1], argv[2]);
    snprintf(key, sizeof(key), "/debros/app/%s/%s", dbr_peer_id_text(&talk.self, id),
             argv[4]);
    if (strcmp(argv[3], "put") == 0 && argc == 6) {
        code = put(&talk, dbr_bytes_str(key), argv[5]);
    } else if (strcmp(argv[3], "get") == 0) {
        code = get(&talk, dbr_bytes_str(key));
    } else if (strcmp(argv[3], "provide") == 0) {
        code = provide(&talk, dbr_bytes_str(argv[4]));
    } else if (strcmp(argv[3], "providers") == 0) {
        code = providers(&talk, dbr_bytes_str(argv[4]));
    }
    dbr_buf_finish(&talk.question);
    dbr_buf_finish(&talk.answer);
    dbr_keypair_wipe(&talk.keys);
    close(talk.fd);
    return code;
}
