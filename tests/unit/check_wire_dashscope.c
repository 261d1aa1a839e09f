// DashScope's bodies against those of its manual and of recorded answers.
#include "model/wire_dashscope.h"

#include <check.h>
#include <math.h>

static const char *const frames[] = { "https://h/f001.jpg", "https://h/f002.jpg",
                                      "https://h/f003.jpg", "https://h/f004.jpg" };

static const struct {
    const char *name;
    struct wire_question question;
    bool text;
    const char *body;
} bodies[] = {
    { "a file by its address",
      { .model = "qwen-vl-max",
        .system = "Answer in English.",
        .prompt = "List what happens, one line per event.",
        .video = "https://b.oss-cn-hangzhou.aliyuncs.com/a.mp4?x-oss-signature=s",
        .fps = 1,
        .max_pixels = 230400,
        .max_tokens = 600,
        .temperature = 0.1 },
      false,
      "{\"model\":\"qwen-vl-max\",\"input\":{\"messages\":["
      "{\"role\":\"system\",\"content\":[{\"text\":\"Answer in English.\"}]},"
      "{\"role\":\"user\",\"content\":["
      "{\"video\":\"https://b.oss-cn-hangzhou.aliyuncs.com/a.mp4?x-oss-signature=s\",\"fps\":1.0,"
      "\"max_pixels\":230400},{\"text\":\"List what happens, one line per event.\"}]}]},"
      "\"parameters\":{\"max_tokens\":600,\"temperature\":0.1}}" },
    { "a file of the temporary store, nothing optional",
      { .model = "m", .prompt = "p", .video = "oss://d/a.mp4", .temperature = NAN },
      false,
      "{\"model\":\"m\",\"input\":{\"messages\":[{\"role\":\"user\",\"content\":["
      "{\"video\":\"oss://d/a.mp4\"},{\"text\":\"p\"}]}]},\"parameters\":{}}" },
    { "a file in the body",
      { .model = "m",
        .prompt = "p",
        .video = "data:video/mp4;base64,AAAA",
        .fps = 2,
        .temperature = NAN },
      false,
      "{\"model\":\"m\",\"input\":{\"messages\":[{\"role\":\"user\",\"content\":["
      "{\"video\":\"data:video/mp4;base64,AAAA\",\"fps\":2.0},{\"text\":\"p\"}]}]},"
      "\"parameters\":{}}" },
    { "frames",
      { .model = "m",
        .prompt = "p",
        .frames = frames,
        .frame_count = 4,
        .fps = 0.5,
        .temperature = NAN },
      false,
      "{\"model\":\"m\",\"input\":{\"messages\":[{\"role\":\"user\",\"content\":["
      "{\"video\":[\"https://h/f001.jpg\",\"https://h/f002.jpg\",\"https://h/f003.jpg\","
      "\"https://h/f004.jpg\"],\"fps\":0.5},{\"text\":\"p\"}]}]},\"parameters\":{}}" },
    { "too few frames for a video",
      { .model = "m",
        .prompt = "p",
        .frames = frames,
        .frame_count = 2,
        .fps = 0.5,
        .temperature = NAN },
      false,
      "{\"model\":\"m\",\"input\":{\"messages\":[{\"role\":\"user\",\"content\":["
      "{\"image\":\"https://h/f001.jpg\"},{\"image\":\"https://h/f002.jpg\"},{\"text\":\"p\"}]}]},"
      "\"parameters\":{}}" },
    { "words",
      { .model = "qwen-plus",
        .system = "Reply as JSON.",
        .prompt = "Chapters for: x",
        .max_tokens = 800,
        .temperature = NAN,
        .form = WIRE_JSON },
      true,
      "{\"model\":\"qwen-plus\",\"input\":{\"messages\":["
      "{\"role\":\"system\",\"content\":\"Reply as JSON.\"},"
      "{\"role\":\"user\",\"content\":\"Chapters for: x\"}]},"
      "\"parameters\":{\"result_format\":\"message\",\"response_format\":{\"type\":\"json_object\"}"
      ","
      "\"max_tokens\":800,\"enable_thinking\":false}}" },
    { "words that are no UTF-8",
      { .model = "m", .prompt = "\xff", .temperature = NAN },
      true,
      "{\"model\":\"m\",\"input\":{\"messages\":[{\"role\":\"user\",\"content\":\"\\\\xFF\"}]},"
      "\"parameters\":{\"result_format\":\"message\"}}" },
};

START_TEST(a_question_becomes_the_body_that_the_manual_has)
{
    const struct wire_question *question = &bodies[_i].question;
    json_t *body = bodies[_i].text ? wire_dashscope_text(question) : wire_dashscope_look(question);
    json_t *expected = json_loads(bodies[_i].body, 0, NULL);
    char *shown = json_dumps(body, JSON_COMPACT);
    ck_assert_ptr_nonnull(expected);
    ck_assert_msg(json_equal(body, expected), "%s: %s", bodies[_i].name, shown);
    free(shown);
    json_decref(expected);
    json_decref(body);
}
END_TEST

static const struct {
    const char *json, *text; // text NULL: none
    const char *id;
    bool cut;
    uint64_t total;
} answers[] = {
    { "{\"output\":{\"choices\":[{\"finish_reason\":\"stop\",\"message\":{\"role\":\"assistant\","
      "\"content\":[{\"text\":\"00:03 a van arrives\"}]}}]},\"usage\":{\"input_tokens\":3604,"
      "\"output_tokens\":283,\"total_tokens\":3887,\"video_tokens\":3586},\"request_id\":\"8019\"}",
      "00:03 a van arrives", "8019", false, 3887 },
    { "{\"output\":{\"choices\":[{\"message\":{\"content\":\"{}\"},\"finish_reason\":\"length\"}]},"
      "\"usage\":{\"total_tokens\":34,\"output_tokens\":9,\"input_tokens\":25}}",
      "{}", NULL, true, 34 },
    { "{\"output\":{\"text\":\"classic\",\"finish_reason\":\"length\"}}", "classic", NULL, true,
      0 },
    { "{\"output\":{\"choices\":[{\"finish_reason\":\"null\",\"message\":{\"content\":[]}}]}}", "",
      NULL, false, 0 },
    { "{\"output\":{\"choices\":[]}}", NULL, NULL, false, 0 },
    { "{\"output\":{\"choices\":[{\"message\":\"x\"}]}}", NULL, NULL, false, 0 },
    { "{\"output\":5}", NULL, NULL, false, 0 },
    { "[]", NULL, NULL, false, 0 },
};

START_TEST(an_answer_is_read)
{
    struct wire_reply reply = WIRE_REPLY_INIT;
    struct err err = ERR_INIT;
    json_t *json = json_loads(answers[_i].json, 0, NULL);
    int r = wire_dashscope_read(json, &reply, &err);
    ck_assert_int_eq(r == 0, answers[_i].text != NULL);
    if (r == 0) {
        ck_assert_str_eq(reply.text, answers[_i].text);
        ck_assert_int_eq(reply.cut, answers[_i].cut);
        ck_assert_uint_eq(reply.usage.total, answers[_i].total);
        ck_assert_pstr_eq(reply.id, answers[_i].id);
    } else {
        ck_assert_str_eq(err.id, "garbled_answer");
    }
    wire_reply_release(&reply);
    json_decref(json);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire_dashscope");
    TCase *tcase = tcase_create("wire_dashscope");
    tcase_add_loop_test(tcase, a_question_becomes_the_body_that_the_manual_has, 0,
                        (int)ARRAY_LEN(bodies));
    tcase_add_loop_test(tcase, an_answer_is_read, 0, (int)ARRAY_LEN(answers));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
