// What the bodies of all services share.
#include "model/wire.h"

#include "net/digest.h"
#include <check.h>
#include <math.h>

static const struct {
    const char *json;
    struct wire_usage usage;
} usages[] = {
    { "{\"input_tokens\":3604,\"output_tokens\":283,\"total_tokens\":3887,\"video_tokens\":3586,"
      "\"input_tokens_details\":{\"video_tokens\":3586,\"text_tokens\":18},"
      "\"output_tokens_details\":{\"text_tokens\":283},"
      "\"prompt_tokens_details\":{\"cached_tokens\":7}}",
      { true, 3604, 283, 3887, 3586, 0, 0, 7, 0 } },
    // As in 2024: no total, no details.
    { "{\"input_tokens\":1468,\"output_tokens\":30,\"image_tokens\":1440}",
      { true, 1468, 30, 1498, 0, 1440, 0, 0, 0 } },
    { "{\"input_tokens\":5,\"output_tokens\":1,\"input_tokens_details\":{\"video_tokens\":4}}",
      { true, 5, 1, 6, 4, 0, 0, 0, 0 } },
    { "{\"prompt_tokens\":310,\"completion_tokens\":22,\"total_tokens\":332,"
      "\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":3}}",
      { true, 310, 22, 332, 0, 0, 3, 0, 0 } },
    { "{\"prompt_tokens\":310.0,\"completion_tokens\":\"22\"}",
      { true, 310, 22, 332, 0, 0, 0, 0, 0 } },
    // A total that is less than its parts.
    { "{\"input_tokens\":5,\"output_tokens\":3,\"total_tokens\":6}",
      { true, 5, 3, 8, 0, 0, 0, 0, 0 } },
    { "{\"seconds\":61.5}", { true, 0, 0, 0, 0, 0, 0, 0, 61.5 } },
    { "{\"duration\":61}", { true, 0, 0, 0, 0, 0, 0, 0, 61 } },
    { "{\"input_tokens\":-5,\"output_tokens\":null,\"total_tokens\":[]}", { 0 } },
    { "{\"input_tokens\":1e300}", { 0 } },
    { "{}", { 0 } },
    { "[]", { 0 } },
};

START_TEST(usage_is_read_in_whatever_form_it_is_billed)
{
    struct wire_reply reply = WIRE_REPLY_INIT;
    json_t *json = json_loads(usages[_i].json, 0, NULL);
    wire_read_usage(json, &reply);
    const struct wire_usage *usage = &reply.usage, *expected = &usages[_i].usage;
    ck_assert_int_eq(usage->known, expected->known);
    ck_assert_uint_eq(usage->input, expected->input);
    ck_assert_uint_eq(usage->output, expected->output);
    ck_assert_uint_eq(usage->total, expected->total);
    ck_assert_uint_eq(usage->video, expected->video);
    ck_assert_uint_eq(usage->image, expected->image);
    ck_assert_uint_eq(usage->audio, expected->audio);
    ck_assert_uint_eq(usage->cached, expected->cached);
    ck_assert(usage->seconds == expected->seconds);
    ck_assert(json_is_object(json) == json_equal(json, reply.raw_usage));
    wire_reply_release(&reply);
    json_decref(json);
}
END_TEST

static const struct {
    const char *json, *text;
} contents[] = {
    { "\"a\"", "a" },
    { "[{\"text\":\"a\"},{\"image\":\"x\"},{\"text\":\"b\"}]", "ab" },
    { "[{\"type\":\"text\",\"text\":\"a\"}]", "a" },
    { "[\"a\",\"b\"]", "ab" },
    { "[]", "" },
    { "[{\"text\":5}]", "" },
    { "null", "" },
    { "7", "" },
};

START_TEST(all_texts_of_a_content_are_joined)
{
    json_t *json = json_loads(contents[_i].json, JSON_DECODE_ANY, NULL);
    char *text = wire_content(json);
    ck_assert_str_eq(text, contents[_i].text);
    free(text);
    json_decref(json);
}
END_TEST

static const struct {
    const char *bytes;
    size_t size;
    const char *link;
} links[] = {
    { "", 0, "data:image/jpeg;base64," },
    { "f", 1, "data:image/jpeg;base64,Zg==" },
    { "fo", 2, "data:image/jpeg;base64,Zm8=" },
    { "foo", 3, "data:image/jpeg;base64,Zm9v" },
    { "foobar", 6, "data:image/jpeg;base64,Zm9vYmFy" },
    { "\xff\xd8\xff\xe0", 4, "data:image/jpeg;base64,/9j/4A==" },
    { "\0\0\0", 3, "data:image/jpeg;base64,AAAA" },
};

START_TEST(bytes_become_a_link)
{
    char *link = wire_data_link("image/jpeg", links[_i].bytes, links[_i].size);
    ck_assert_str_eq(link, links[_i].link);
    uint8_t *back = NULL;
    size_t size = 0;
    ck_assert_int_eq(digest_unbase64(strchr(link, ',') + 1, &back, &size), 0);
    ck_assert_uint_eq(size, links[_i].size);
    ck_assert(size == 0 || memcmp(back, links[_i].bytes, size) == 0);
    free(back);
    free(link);
}
END_TEST

static const struct {
    const char *system, *prompt;
    enum wire_form form;
    const char *sent;
} prompts[] = {
    { NULL, "Choose.", WIRE_PLAIN, "Choose." },
    { NULL, "Choose.", WIRE_JSON, "Choose.\n\nAnswer in JSON." },
    { NULL, "Choose, as Json.", WIRE_JSON, "Choose, as Json." },
    { "Reply as JSON.", "Choose.", WIRE_SCHEMA, "Choose." },
};

START_TEST(the_word_json_is_in_a_question_that_asks_for_it)
{
    struct wire_question question = { .system = prompts[_i].system,
                                      .prompt = prompts[_i].prompt,
                                      .form = prompts[_i].form };
    char *sent = wire_prompt(&question);
    ck_assert_str_eq(sent, prompts[_i].sent);
    free(sent);
}
END_TEST

START_TEST(addresses_of_the_temporary_store_are_noticed)
{
    const char *frames[] = { "https://h/1.jpg", "oss://b/2.jpg" };
    struct wire_question question = { .video = "https://h/a.mp4" };
    ck_assert(!wire_needs_resolving(&question));
    question.video = "oss://dashscope-instant/a.mp4";
    ck_assert(wire_needs_resolving(&question));
    question = (struct wire_question){ .frames = frames, .frame_count = 1 };
    ck_assert(!wire_needs_resolving(&question));
    question.frame_count = 2;
    ck_assert(wire_needs_resolving(&question));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire");
    TCase *tcase = tcase_create("wire");
    tcase_add_loop_test(tcase, usage_is_read_in_whatever_form_it_is_billed, 0,
                        (int)ARRAY_LEN(usages));
    tcase_add_loop_test(tcase, all_texts_of_a_content_are_joined, 0, (int)ARRAY_LEN(contents));
    tcase_add_loop_test(tcase, bytes_become_a_link, 0, (int)ARRAY_LEN(links));
    tcase_add_loop_test(tcase, the_word_json_is_in_a_question_that_asks_for_it, 0,
                        (int)ARRAY_LEN(prompts));
    tcase_add_test(tcase, addresses_of_the_temporary_store_are_noticed);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
