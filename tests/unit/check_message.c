// Lines on descriptor 3: what is written can be read back, and nothing else does harm.
#include "spool/message.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

static int ends[2];
static struct message_reader reader;

static void set_up(void)
{
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    reader = (struct message_reader)MESSAGE_READER_INIT;
}

static void tear_down(void)
{
    message_reader_release(&reader);
    close_fd(&ends[0]);
    close_fd(&ends[1]);
}

static void send_bytes(const void *bytes, size_t size)
{
    ck_assert_int_eq(write(ends[1], bytes, size), (ssize_t)size);
}

static int receive(struct message *message)
{
    (void)message_read(&reader, ends[0]);
    return message_next(&reader, message);
}

START_TEST(what_is_written_is_read_back)
{
    struct message message;
    struct err err = ERR_INIT;
    (void)err_set(&err, ERR_INPUT, "not_a_video", "clip\\x0a.mp4 is \"no\" video: \u00e9\u4e2d");
    (void)err_hint(&err, "drop another");
    err.retry_after = 120;
    message_write_progress(ends[1], 0.42);
    message_write_warning(ends[1], "it is cut off");
    message_write_error(ends[1], &err);
    ck_assert_int_eq(receive(&message), 1);
    ck_assert_int_eq(message.kind, MESSAGE_PROGRESS);
    ck_assert_double_eq_tol(message.progress, 0.42, 1e-6);
    ck_assert_int_eq(message_next(&reader, &message), 1);
    ck_assert_int_eq(message.kind, MESSAGE_WARNING);
    ck_assert_str_eq(message.error.text, "it is cut off");
    ck_assert_int_eq(message_next(&reader, &message), 1);
    ck_assert_int_eq(message.kind, MESSAGE_ERROR);
    ck_assert_int_eq(message.error.class, ERR_INPUT);
    ck_assert_int_eq(message.error.code, -EINVAL);
    ck_assert_str_eq(message.error.id, err.id);
    ck_assert_str_eq(message.error.text, err.text);
    ck_assert_str_eq(message.error.hint, err.hint);
    ck_assert_uint_eq(message.error.retry_after, 120);
    ck_assert_int_eq(message_next(&reader, &message), 0);
    ck_assert_uint_eq(reader.refused, 0);
}
END_TEST

START_TEST(an_error_full_of_control_characters_still_fits_on_a_line)
{
    struct message message;
    struct err err = { .class = ERR_BUG, .code = -EINVAL, .id = "x" };
    memset(err.text, '\001', sizeof err.text - 1);
    memset(err.hint, '\001', sizeof err.hint - 1);
    message_write_error(ends[1], &err);
    ck_assert_int_eq(receive(&message), 1);
    ck_assert_int_eq(message.kind, MESSAGE_ERROR);
    ck_assert_int_eq(strncmp(message.error.text, "\\x01\\x01", 8), 0);
}
END_TEST

START_TEST(no_reader_and_no_descriptor_are_nothing_to_worry_about)
{
    (void)signal(SIGPIPE, SIG_IGN);
    close_fd(&ends[0]);
    message_write_progress(ends[1], 0.5);
    message_write_progress(-1, 0.5);
    message_write_warning(999, "nobody");
}
END_TEST

#define E(inner) "{\"error\":{" inner "}}"
static const struct {
    const char *name, *line;
    bool good;
    enum err_class class;
    const char *id, *text;
} lines[] = {
    { "no JSON", "progress 5", false },
    { "a number", "5", false },
    { "an array", "[0.5]", false },
    { "an empty object", "{}", false },
    { "an unknown key", "{\"percent\":0.5}", false },
    { "progress over 1", "{\"progress\":1.5}", false },
    { "progress below 0", "{\"progress\":-0.1}", false },
    { "progress as text", "{\"progress\":\"0.5\"}", false },
    { "progress without bounds", "{\"progress\":1e999}", false },
    { "progress null", "{\"progress\":null}", false },
    { "a warning that is no text", "{\"warning\":7}", false },
    { "an error that is no object", "{\"error\":[]}", false },
    { "an error without a class", E("\"id\":\"a\",\"text\":\"b\""), false },
    { "an unknown class", E("\"class\":\"doom\",\"id\":\"a\",\"text\":\"b\""), false },
    { "a NUL in a text", E("\"class\":\"input\",\"id\":\"a\",\"text\":\"b\\u0000c\""), false },
    { "two keys", "{\"progress\":0.1,\"progress\":0.2}", false },
    { "an error", E("\"class\":\"io\",\"id\":\"no_space\",\"text\":\"b\""), true, ERR_IO,
      "no_space", "b" },
    { "an odd id", E("\"class\":\"input\",\"id\":\"A b\\n\",\"text\":\"b\""), true, ERR_INPUT,
      "unknown", "b" },
    { "no id", E("\"class\":\"input\",\"text\":\"b\""), true, ERR_INPUT, "unknown", "b" },
    { "a newline in a text", E("\"class\":\"input\",\"id\":\"a\",\"text\":\"x\\ny\""), true,
      ERR_INPUT, "a", "x\\x0Ay" },
    { "an escape sequence", E("\"class\":\"input\",\"id\":\"a\",\"text\":\"\\u001b[31m\""), true,
      ERR_INPUT, "a", "\\x1B[31m" },
    { "a name that was escaped before",
      E("\"class\":\"input\",\"id\":\"a\",\"text\":\"a\\\\x0ab\""), true, ERR_INPUT, "a",
      "a\\x0ab" },
};

START_TEST(every_line_is_distrusted)
{
    struct message message;
    send_bytes(lines[_i].line, strlen(lines[_i].line));
    send_bytes("\n", 1);
    int r = receive(&message);
    ck_assert_msg(r == lines[_i].good, "%s", lines[_i].name);
    ck_assert_uint_eq(reader.refused, !lines[_i].good);
    if (!lines[_i].good)
        return;
    ck_assert_int_eq(message.error.class, lines[_i].class);
    ck_assert_str_eq(message.error.id, lines[_i].id);
    ck_assert_str_eq(message.error.text, lines[_i].text);
}
END_TEST

START_TEST(a_line_that_is_too_long_is_dropped_and_the_next_one_is_read)
{
    char block[3000];
    struct message message;
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 5; i++) {
        send_bytes(block, sizeof block);
        ck_assert_int_eq(receive(&message), 0);
    }
    send_bytes("\n{\"progress\":0.5}\n", 18);
    while (message_read(&reader, ends[0]) > 0 && message_next(&reader, &message) == 0)
        ;
    ck_assert_int_eq(message.kind, MESSAGE_PROGRESS);
    ck_assert_uint_eq(reader.refused, 1);
}
END_TEST

START_TEST(a_message_may_come_byte_by_byte)
{
    static const char line[] = "{\"progress\":0.25}\n";
    struct message message;
    for (size_t i = 0; i + 1 < sizeof line; i++) {
        send_bytes(&line[i], 1);
        ck_assert_int_eq(receive(&message), i + 2 == sizeof line);
    }
    ck_assert_double_eq(message.progress, 0.25);
}
END_TEST

START_TEST(nothing_there_and_the_end_are_told_apart)
{
    ck_assert_int_eq(message_read(&reader, ends[0]), -EAGAIN);
    close_fd(&ends[1]);
    ck_assert_int_eq(message_read(&reader, ends[0]), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("message");
    TCase *tcase = tcase_create("message");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_is_written_is_read_back);
    tcase_add_test(tcase, an_error_full_of_control_characters_still_fits_on_a_line);
    tcase_add_test(tcase, no_reader_and_no_descriptor_are_nothing_to_worry_about);
    tcase_add_loop_test(tcase, every_line_is_distrusted, 0, ARRAY_LEN(lines));
    tcase_add_test(tcase, a_line_that_is_too_long_is_dropped_and_the_next_one_is_read);
    tcase_add_test(tcase, a_message_may_come_byte_by_byte);
    tcase_add_test(tcase, nothing_there_and_the_end_are_told_apart);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
