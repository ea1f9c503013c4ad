#include "test.h"

#include "base/alloc.h"
#include "dht/notes.h"
#include "fault.h"
#include "peers.h"

static void gone_rows_are_told_before_dirty_ones_each_once(void **state)
{
    (void)state;
    struct dbr_dht_notes notes;
    struct dbr_dht_note a;
    struct dbr_dht_note b;
    struct dbr_dht_row row;
    struct dbr_peer_id peer = peer_of(1);
    dbr_dht_notes_init(&notes, 10);
    dbr_dht_note_init(&a);
    dbr_dht_note_init(&b);
    dbr_dht_note_dirty(&notes, &a);
    dbr_dht_note_dirty(&notes, &b);
    dbr_dht_note_dirty(&notes, &a);
    dbr_dht_note_gone(&notes, &b, dbr_bytes_str("b"), &peer);
    assert_true(dbr_dht_notes_poll_gone(&notes, &row));
    assert_int_equal(row.type, DBR_DHT_ROW_DELETE);
    assert_true(dbr_bytes_equal(row.key, dbr_bytes_str("b")));
    assert_true(dbr_peer_id_equal(&row.peer, &peer));
    assert_false(dbr_dht_notes_poll_gone(&notes, &row));
    assert_ptr_equal(dbr_dht_notes_poll_dirty(&notes), &a);
    assert_null(dbr_dht_notes_poll_dirty(&notes));
    dbr_dht_notes_finish(&notes);
}

static void too_many_gone_rows_clear_the_table(void **state)
{
    (void)state;
    struct dbr_dht_notes notes;
    struct dbr_dht_note note;
    struct dbr_dht_row row;
    dbr_dht_notes_init(&notes, 2);
    dbr_dht_note_init(&note);
    for (int i = 0; i < 4; i++) {
        dbr_dht_note_gone(&notes, &note, dbr_bytes_str("x"), NULL);
    }
    assert_int_equal(notes.n_gone, 0);
    assert_true(dbr_dht_notes_poll_gone(&notes, &row));
    assert_int_equal(row.type, DBR_DHT_ROW_CLEAR);
    assert_false(dbr_dht_notes_poll_gone(&notes, &row));
    fault_after(0); /* or no memory to remember one */
    dbr_dht_note_gone(&notes, &note, dbr_bytes_str("x"), NULL);
    fault_off();
    assert_true(dbr_dht_notes_poll_gone(&notes, &row));
    assert_int_equal(row.type, DBR_DHT_ROW_CLEAR);
    dbr_dht_note_gone(&notes, &note, dbr_bytes_str("x"), NULL);
    dbr_dht_notes_finish(&notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gone_rows_are_told_before_dirty_ones_each_once),
        cmocka_unit_test(too_many_gone_rows_clear_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
