// Packets laid aside: what comes back is what was put, whoever puts something beside it.
#include "media/shelf.h"

#include "tests/support/folder.h"

#include <check.h>
#include <fcntl.h>
#include <libavcodec/avcodec.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

enum { THREADS = 4, PACKETS = 500 };

static int open_shelf(const struct folder *folder)
{
    int fd = openat(folder->fd, "shelf", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    return fd;
}

// A packet that says whose it is: its size, bytes and times follow from the two numbers.
static AVPacket *make_packet(unsigned owner, unsigned number)
{
    AVPacket *packet = av_packet_alloc();
    ck_assert_int_ge(av_new_packet(packet, (int)(1 + (owner * 7919 + number * 104729) % 3000)), 0);
    for (int i = 0; i < packet->size; i++)
        packet->data[i] = (uint8_t)(owner * 31 + number * 7 + (unsigned)i * (owner + 3));
    packet->pts = (int64_t)number * 1000 - 500 + (int64_t)owner;
    packet->dts = AV_NOPTS_VALUE;
    packet->duration = 1 + (int64_t)number % 2000;
    packet->flags = number % 5 == 0 ? AV_PKT_FLAG_KEY : 0;
    return packet;
}

static void assert_comes_back(const struct parcel *parcel, unsigned owner, unsigned number)
{
    struct err err = ERR_INIT;
    AVPacket *put = make_packet(owner, number), *got = av_packet_alloc();
    ck_assert_int_eq(parcel_get(parcel, number, got, &err), 0);
    ck_assert_int_eq(got->size, put->size);
    ck_assert_mem_eq(got->data, put->data, (size_t)put->size);
    ck_assert_int_eq(got->pts, put->pts);
    ck_assert_int_eq(got->duration, put->duration);
    ck_assert_int_eq(got->flags & AV_PKT_FLAG_KEY, put->flags & AV_PKT_FLAG_KEY);
    for (int i = 0; i < AV_INPUT_BUFFER_PADDING_SIZE; i++)
        ck_assert_int_eq(got->data[got->size + i], 0);
    av_packet_free(&put);
    av_packet_free(&got);
}

struct worker {
    pthread_t thread;
    pthread_barrier_t *start;
    unsigned owner;
    struct parcel parcel;
    struct err err;
};

static void *fill(void *context)
{
    struct worker *worker = context;
    int r = 0;
    pthread_barrier_wait(worker->start);
    for (unsigned i = 0; i < PACKETS && r >= 0; i++) {
        AVPacket *packet = make_packet(worker->owner, i);
        r = parcel_add(&worker->parcel, packet, &worker->err);
        av_packet_free(&packet);
    }
    return NULL;
}

START_TEST(parcels_filled_at_the_same_time_do_not_mix)
{
    struct folder folder;
    struct shelf shelf;
    struct worker workers[THREADS];
    pthread_barrier_t start;
    folder_make(&folder);
    int fd = open_shelf(&folder);
    shelf_init(&shelf, fd);
    pthread_barrier_init(&start, NULL, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ .start = &start, .owner = i };
        parcel_init(&workers[i].parcel, &shelf);
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, fill, &workers[i]), 0);
    }
    int64_t bytes = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
        ck_assert_msg(workers[i].err.class == ERR_NONE, "%s", workers[i].err.text);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        ck_assert_uint_eq(workers[i].parcel.count, PACKETS);
        for (unsigned n = 0; n < PACKETS; n++) {
            assert_comes_back(&workers[i].parcel, i, n);
            bytes += workers[i].parcel.entries[n].size;
        }
        parcel_release(&workers[i].parcel);
    }
    ck_assert_int_eq(lseek(fd, 0, SEEK_END), bytes); // nothing lies there twice
    pthread_barrier_destroy(&start);
    close_fd(&fd);
    folder_remove(&folder);
}
END_TEST

START_TEST(packets_come_back_in_any_order_and_as_often_as_wanted)
{
    struct folder folder;
    struct shelf shelf;
    struct parcel parcel;
    struct err err = ERR_INIT;
    folder_make(&folder);
    int fd = open_shelf(&folder);
    shelf_init(&shelf, fd);
    parcel_init(&parcel, &shelf);
    for (unsigned i = 0; i < 100; i++) {
        AVPacket *packet = make_packet(9, i);
        ck_assert_int_eq(parcel_add(&parcel, packet, &err), 0);
        ck_assert_int_gt(packet->size, 0); // borrowed only
        av_packet_free(&packet);
    }
    for (unsigned i = 100; i-- > 0;) {
        assert_comes_back(&parcel, 9, i);
        assert_comes_back(&parcel, 9, 99 - i);
    }
    parcel_release(&parcel);
    parcel_release(&parcel); // nothing is there any more
    close_fd(&fd);
    folder_remove(&folder);
}
END_TEST

START_TEST(a_full_disk_is_told_as_one)
{
    struct folder folder;
    struct shelf shelf;
    struct parcel parcel;
    struct err err = ERR_INIT;
    folder_make(&folder);
    int fd = open_shelf(&folder), r = 0;
    ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    struct rlimit before, limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = (struct rlimit){ 20000, before.rlim_max };
    shelf_init(&shelf, fd);
    parcel_init(&parcel, &shelf);
    unsigned put = 0;
    while (r == 0 && put < 1000) {
        AVPacket *packet = make_packet(1, put);
        (void)setrlimit(RLIMIT_FSIZE, &limit); // only now: Check writes files, too
        r = parcel_add(&parcel, packet, &err);
        (void)setrlimit(RLIMIT_FSIZE, &before);
        put += r == 0;
        av_packet_free(&packet);
    }
    ck_assert_int_lt(r, 0);
    ck_assert_int_eq(err.class, ERR_IO);
    ck_assert_uint_eq(parcel.count, put); // what was put before is still whole
    for (unsigned i = 0; i < put; i++)
        assert_comes_back(&parcel, 1, i);
    parcel_release(&parcel);
    close_fd(&fd);
    folder_remove(&folder);
}
END_TEST

START_TEST(a_shelf_that_somebody_emptied_is_an_error_of_the_disk)
{
    struct folder folder;
    struct shelf shelf;
    struct parcel parcel;
    struct err err = ERR_INIT;
    folder_make(&folder);
    int fd = open_shelf(&folder);
    shelf_init(&shelf, fd);
    parcel_init(&parcel, &shelf);
    AVPacket *packet = make_packet(1, 3), *got = av_packet_alloc();
    ck_assert_int_eq(parcel_add(&parcel, packet, &err), 0);
    ck_assert_int_eq(ftruncate(fd, packet->size - 1), 0);
    ck_assert_int_lt(parcel_get(&parcel, 0, got, &err), 0);
    ck_assert_int_eq(err.class, ERR_IO);
    av_packet_free(&packet);
    av_packet_free(&got);
    parcel_release(&parcel);
    close_fd(&fd);
    folder_remove(&folder);
}
END_TEST

static void *fill_slowly(void *context)
{
    struct parcel *parcel = context;
    struct err err = ERR_INIT;
    for (unsigned i = 0; i < PACKETS; i++) {
        AVPacket *packet = make_packet(1, i);
        ck_assert_int_eq(parcel_add(parcel, packet, &err), 0);
        av_packet_free(&packet);
        sched_yield();
    }
    parcel_end(parcel);
    return NULL;
}

START_TEST(a_parcel_is_unpacked_while_it_is_filled)
{
    struct folder folder;
    struct shelf shelf;
    struct parcel parcel;
    pthread_t thread;
    folder_make(&folder);
    int fd = open_shelf(&folder);
    shelf_init(&shelf, fd);
    parcel_init(&parcel, &shelf);
    ck_assert_int_eq(pthread_create(&thread, NULL, fill_slowly, &parcel), 0);
    unsigned count = 0;
    for (; parcel_await(&parcel, count); count++) {
        ck_assert_int_eq(parcel_time(&parcel, count), (int64_t)count * 1000 - 500 + 1);
        assert_comes_back(&parcel, 1, count);
    }
    ck_assert_uint_eq(count, PACKETS);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    parcel_release(&parcel);
    close_fd(&fd);
    folder_remove(&folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shelf");
    TCase *shelf = tcase_create("shelf");
    tcase_set_timeout(shelf, 30);
    tcase_add_test(shelf, parcels_filled_at_the_same_time_do_not_mix);
    tcase_add_test(shelf, a_parcel_is_unpacked_while_it_is_filled);
    tcase_add_test(shelf, packets_come_back_in_any_order_and_as_often_as_wanted);
    tcase_add_test(shelf, a_full_disk_is_told_as_one);
    tcase_add_test(shelf, a_shelf_that_somebody_emptied_is_an_error_of_the_disk);
    suite_add_tcase(suite, shelf);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
