#include "driver/thread.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

static void *write_to_nobody(void *data)
{
    int *fds = data;
    char byte = 0;
    /* Would end the process by SIGPIPE on an ordinary thread. */
    ssize_t n = write(fds[0], &byte, 1);
    fds[1] = n == -1;
    return NULL;
}

static void a_closed_peer_is_an_error_and_no_signal(void **state)
{
    (void)state;
    int fds[2];
    pthread_t thread;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    close(fds[1]);
    fds[1] = 0;
    assert_int_equal(dbr_thread_start(&thread, "writer", write_to_nobody, fds), 0);
    pthread_join(thread, NULL);
    assert_int_equal(fds[1], 1);
    close(fds[0]);
}

static void the_callers_signals_stay_as_they_were(void **state)
{
    (void)state;
    sigset_t before, after;
    pthread_t thread;
    int fds[2] = {-1, 0};
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_int_equal(dbr_thread_start(&thread, "writer", write_to_nobody, fds), 0);
    pthread_join(thread, NULL);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_int_equal(sigismember(&before, SIGPIPE), sigismember(&after, SIGPIPE));
    assert_int_equal(sigismember(&before, SIGINT), sigismember(&after, SIGINT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_closed_peer_is_an_error_and_no_signal),
        cmocka_unit_test(the_callers_signals_stay_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
