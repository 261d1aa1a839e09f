// What the picture in a packet is to others, whatever its codec.
#include "media/packets.h"
#include <check.h>

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })
#define SEQUENCE 0x0a, 11, 0x00, 0x00, 0x00, 0x04, 0x3c, 0xfe, 0xcc, 0xda, 0xf9, 0x00, 0x40

static const struct packet {
    const char *name;
    enum nal_codec codec;
    const uint8_t *data;
    size_t size;
    enum nal_picture kind;
} packets[] = {
    { "H.264: IDR", NAL_H264, BYTES(0, 0, 1, 0x65, 8), NAL_SYNC },
    { "HEVC: CRA", NAL_HEVC, BYTES(0, 0, 1, 21 << 1, 1, 8), NAL_SYNC_OPEN },
    { "VP9: a key frame", NAL_VP9, BYTES(0x82, 0x49, 0x83, 0x42, 0x00, 0x13, 0xf0, 0x0b, 0x30),
      NAL_SYNC },
    { "VP9: refers", NAL_VP9, BYTES(0x86, 0), NAL_REFERENCE },
    { "VP9: nothing is shown", NAL_VP9, BYTES(0x84, 0), NAL_NO_PICTURE },
    { "VP9: damaged", NAL_VP9, BYTES(0x02, 0), NAL_NO_PICTURE },
    { "AV1: a key frame", NAL_AV1, BYTES(SEQUENCE, 0x32, 2, 0x10, 0), NAL_SYNC },
    { "AV1: refers", NAL_AV1, BYTES(0x32, 2, 0x30, 0), NAL_REFERENCE },
    { "AV1: two are shown", NAL_AV1, BYTES(0x32, 2, 0x30, 0, 0x32, 2, 0x30, 0), NAL_NO_PICTURE },
    { "AV1: damaged", NAL_AV1, BYTES(0x32, 9, 0x30), NAL_NO_PICTURE },
};

START_TEST(a_picture_is_told_from_its_bytes)
{
    const struct packet *packet = &packets[_i];
    const struct nal_stream stream = { .codec = packet->codec };
    enum nal_picture kind = packets_classify(&stream, packet->data, packet->size);
    ck_assert_msg(kind == packet->kind, "%s: %d", packet->name, kind);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("packets");
    TCase *tcase = tcase_create("packets");
    tcase_add_loop_test(tcase, a_picture_is_told_from_its_bytes, 0, (int)ARRAY_LEN(packets));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
