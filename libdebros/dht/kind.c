#include "dht/kind.h"

#include "dht/message.h"

/* What follows the writer's id in `name`; false: something else stands there. */
static bool behind_writer(debros_bytes name, const struct dbr_peer_id *writer,
                          debros_bytes *rest)
{
    char text[DBR_PEER_ID_TEXT_SIZE];
    debros_bytes id = dbr_bytes_str(dbr_peer_id_text(writer, text));
    if (name.len < id.len || memcmp(name.data, id.data, id.len) != 0) {
        return false;
    }
    *rest = dbr_bytes(name.data + id.len, name.len - id.len);
    return true;
}

static bool peer_may_write(debros_bytes name, const struct dbr_peer_id *writer)
{
    debros_bytes rest;
    return behind_writer(name, writer, &rest) && rest.len == 0;
}

static bool app_may_write(debros_bytes name, const struct dbr_peer_id *writer)
{
    debros_bytes rest;
    return behind_writer(name, writer, &rest) && rest.len > 1 && rest.data[0] == '/';
}

const struct dbr_dht_kind dbr_dht_kinds[DBR_DHT_KINDS] = {
    {"peer", peer_may_write},
    {"app", app_may_write},
};

static bool is_kind_character(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

bool dbr_dht_key_split(debros_bytes key, debros_bytes *kind, debros_bytes *name)
{
    const size_t front = sizeof(DBR_DHT_NAMESPACE) - 1;
    if (key.len <= front || key.len > DBR_DHT_RECORD_KEY_MAX ||
        memcmp(key.data, DBR_DHT_NAMESPACE, front) != 0) {
        return false;
    }
    size_t end = front;
    while (end < key.len && is_kind_character(key.data[end])) {
        end++;
    }
    if (end == front || end - front > DBR_DHT_KIND_SIZE || key.len - end < 2 ||
        key.data[end] != '/') {
        return false;
    }
    *kind = dbr_bytes(key.data + front, end - front);
    *name = dbr_bytes(key.data + end + 1, key.len - end - 1);
    return true;
}

const struct dbr_dht_kind *dbr_dht_kind_find(const struct dbr_dht_kind *kinds, size_t n,
                                             debros_bytes kind)
{
    for (size_t i = 0; i < n; i++) {
        if (dbr_bytes_equal(dbr_bytes_str(kinds[i].name), kind)) {
            return &kinds[i];
        }
    }
    return NULL;
}
