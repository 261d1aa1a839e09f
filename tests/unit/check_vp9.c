// What a packet of VP9 shows, from its bytes.
#include "media/vp9.h"
#include <check.h>
#include <errno.h>

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })
// Profile 0: marker, key, shown; sync code; colours unknown; 320x180 in 16 bits each, behind the
// four bits of colours.
#define KEY 0x82, 0x49, 0x83, 0x42, 0x00, 0x13, 0xf0, 0x0b, 0x30
#define REFERS 0x86, 0x00
#define HIDDEN 0x84, 0x00
#define EXISTING 0x88

static const struct packet {
    const char *name;
    const uint8_t *data;
    size_t size;
    int result, shown;
    bool is_key;
    int width, height;
} packets[] = {
    { "a key frame", BYTES(KEY), 0, 1, true, 320, 180 },
    // One bit for the depth more.
    { "a key frame of ten bits", BYTES(0x92, 0x49, 0x83, 0x42, 0x00, 0x09, 0xf8, 0x05, 0x98), 0, 1,
      true, 320, 180 },
    { "a picture that refers to others", BYTES(REFERS), 0, 1, false, 0, 0 },
    { "one that is shown later", BYTES(HIDDEN), 0, 0, false, 0, 0 },
    { "one that was decoded before", BYTES(EXISTING), 0, 1, false, 0, 0 },
    { "a hidden one and one that is shown", BYTES(HIDDEN, REFERS, 0xc1, 2, 2, 0xc1), 0, 1, false, 0,
      0 },
    { "a key frame and a hidden one", BYTES(KEY, HIDDEN, 0xc1, 9, 2, 0xc1), 0, 1, true, 320, 180 },
    { "a key frame behind a hidden one begins nothing", BYTES(HIDDEN, KEY, 0xc1, 2, 9, 0xc1), 0, 1,
      false, 0, 0 },
    { "two that are shown", BYTES(REFERS, REFERS, 0xc1, 2, 2, 0xc1), 0, 2, false, 0, 0 },
    { "sizes of two bytes", BYTES(HIDDEN, REFERS, 0xc9, 2, 0, 2, 0, 0xc9), 0, 1, false, 0, 0 },
    { "a frame that was dropped", BYTES(REFERS, 0xc1, 2, 0, 0xc1), 0, 1, false, 0, 0 },
    { "a last byte that only looks like an index", BYTES(0x86, 0, 0xc1), 0, 1, false, 0, 0 },
    { "a frame larger than its packet", BYTES(REFERS, 0xc0, 9, 0xc0), -EINVAL, 0, false, 0, 0 },
    { "nothing", BYTES(0), -EINVAL, 0, false, 0, 0 },
    { "no frame", BYTES(0x02, 0x49), -EINVAL, 0, false, 0, 0 },
    { "a key frame without its code", BYTES(0x82, 0x49, 0x83, 0x43, 0, 0, 0, 0, 0), -EINVAL, 0,
      false, 0, 0 },
    { "a key frame that was cut off", BYTES(0x82, 0x49, 0x83, 0x42, 0x00, 0x13), -EINVAL, 0, false,
      0, 0 },
};

START_TEST(a_packet_tells_what_it_shows)
{
    const struct packet *packet = &packets[_i];
    struct vp9_packet found;
    ck_assert_msg(vp9_read(packet->data, packet->size, &found) == packet->result, "%s",
                  packet->name);
    if (packet->result < 0)
        return;
    ck_assert_msg(found.shown == packet->shown && found.is_key == packet->is_key, "%s: %d, %d",
                  packet->name, found.shown, found.is_key);
    ck_assert_msg(found.width == packet->width && found.height == packet->height, "%s: %dx%d",
                  packet->name, found.width, found.height);
}
END_TEST

START_TEST(nothing_at_all_is_refused)
{
    struct vp9_packet found;
    ck_assert_int_eq(vp9_read((const uint8_t *)"", 0, &found), -EINVAL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vp9");
    TCase *tcase = tcase_create("packets");
    tcase_add_loop_test(tcase, a_packet_tells_what_it_shows, 0, (int)ARRAY_LEN(packets));
    tcase_add_test(tcase, nothing_at_all_is_refused);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
