// Bodies of chat/completions in their dialects.
#include "model/wire_openai.h"

#include <check.h>
#include <math.h>

static const char *const frames[] = { "data:image/jpeg;base64,AA==", "data:image/jpeg;base64,AQ==",
                                      "data:image/jpeg;base64,Ag==",
                                      "data:image/jpeg;base64,Aw==" };

static const struct {
    const char *name;
    enum wire_dialect dialect;
    struct wire_question question;
    bool schema;
    const char *body;
} bodies[] = {
    { "frames and a schema, as OpenAI has it",
      WIRE_OPENAI,
      { .model = "gpt-4o-mini",
        .prompt = "Describe these frames.",
        .frames = frames,
        .frame_count = 1,
        .coarse = true,
        .fps = 1,
        .max_pixels = 1000,
        .max_tokens = 600,
        .temperature = NAN,
        .form = WIRE_SCHEMA,
        .schema_name = "scene" },
      true,
      "{\"model\":\"gpt-4o-mini\",\"max_completion_tokens\":600,"
      "\"messages\":[{\"role\":\"user\",\"content\":["
      "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/jpeg;base64,AA==\","
      "\"detail\":\"low\"}},"
      "{\"type\":\"text\",\"text\":\"Describe these frames.\\n\\nAnswer in JSON.\"}]}],"
      "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"scene\","
      "\"strict\":true,\"schema\":{\"type\":\"object\"}}}}" },
    { "a video, as DashScope's compatible mode has it",
      WIRE_COMPATIBLE,
      { .model = "qwen3-vl-plus",
        .prompt = "Summarise. Reply in JSON.",
        .video = "https://h/a.mp4",
        .fps = 1,
        .max_pixels = 230400,
        .max_tokens = 600,
        .temperature = NAN,
        .form = WIRE_JSON },
      false,
      "{\"model\":\"qwen3-vl-plus\",\"messages\":[{\"role\":\"user\",\"content\":["
      "{\"type\":\"video_url\",\"video_url\":{\"url\":\"https://h/a.mp4\"},\"fps\":1.0,"
      "\"max_pixels\":230400},{\"type\":\"text\",\"text\":\"Summarise. Reply in JSON.\"}]}],"
      "\"response_format\":{\"type\":\"json_object\"},\"max_tokens\":600,"
      "\"enable_thinking\":false}" },
    { "a list of frames there",
      WIRE_COMPATIBLE,
      { .model = "m",
        .prompt = "p",
        .frames = frames,
        .frame_count = 4,
        .fps = 2,
        .temperature = NAN },
      false,
      "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":["
      "{\"type\":\"video\",\"video\":[\"data:image/jpeg;base64,AA==\","
      "\"data:image/jpeg;base64,AQ==\",\"data:image/jpeg;base64,Ag==\","
      "\"data:image/jpeg;base64,Aw==\"],\"fps\":2.0},{\"type\":\"text\",\"text\":\"p\"}]}]}" },
    { "too few of them",
      WIRE_COMPATIBLE,
      { .model = "m",
        .prompt = "p",
        .frames = frames,
        .frame_count = 1,
        .fps = 2,
        .max_pixels = 99,
        .temperature = NAN },
      false,
      "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":["
      "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/jpeg;base64,AA==\"},"
      "\"max_pixels\":99},{\"type\":\"text\",\"text\":\"p\"}]}]}" },
    { "a server of one's own",
      WIRE_OWN,
      { .model = "llava",
        .system = "s",
        .prompt = "p",
        .frames = frames,
        .frame_count = 1,
        .fps = 2,
        .max_pixels = 99,
        .max_tokens = 5,
        .temperature = 0 },
      false,
      "{\"model\":\"llava\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},"
      "{\"role\":\"user\",\"content\":["
      "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/jpeg;base64,AA==\"}},"
      "{\"type\":\"text\",\"text\":\"p\"}]}],\"max_tokens\":5,\"temperature\":0.0}" },
    { "one that takes videos",
      WIRE_OWN,
      { .model = "m", .prompt = "p", .video = "data:video/mp4;base64,AA==", .temperature = NAN },
      false,
      "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":["
      "{\"type\":\"video_url\",\"video_url\":{\"url\":\"data:video/mp4;base64,AA==\"}},"
      "{\"type\":\"text\",\"text\":\"p\"}]}]}" },
    { "words alone",
      WIRE_OWN,
      { .model = "m", .prompt = "p \xff", .temperature = NAN },
      false,
      "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"p \\\\xFF\"}]}" },
    { "a schema that nobody has",
      WIRE_OPENAI,
      { .model = "m", .prompt = "json", .temperature = NAN, .form = WIRE_SCHEMA },
      false,
      "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"json\"}],"
      "\"response_format\":{\"type\":\"json_object\"}}" },
};

START_TEST(a_question_becomes_the_body_of_its_dialect)
{
    struct wire_question question = bodies[_i].question;
    json_t *schema = json_pack("{s:s}", "type", "object");
    question.schema = bodies[_i].schema ? schema : NULL;
    json_t *body = wire_openai_chat(&question, bodies[_i].dialect);
    json_t *expected = json_loads(bodies[_i].body, 0, NULL);
    char *shown = json_dumps(body, JSON_COMPACT);
    ck_assert_ptr_nonnull(expected);
    ck_assert_msg(json_equal(body, expected), "%s: %s", bodies[_i].name, shown);
    free(shown);
    json_decref(expected);
    json_decref(body);
    json_decref(schema);
}
END_TEST

static const struct {
    const char *json, *text, *refusal;
    bool cut, filtered;
    uint64_t total;
} answers[] = {
    { "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,"
      "\"finish_reason\":\"stop\",\"message\":{\"role\":\"assistant\","
      "\"content\":\"{\\\"summary\\\":\\\"x\\\"}\",\"refusal\":null}}],"
      "\"usage\":{\"prompt_tokens\":310,\"completion_tokens\":22,\"total_tokens\":332}}",
      "{\"summary\":\"x\"}", NULL, false, false, 332 },
    { "{\"choices\":[{\"finish_reason\":\"length\",\"message\":{\"content\":\"{\"}}]}", "{", NULL,
      true, false, 0 },
    { "{\"choices\":[{\"finish_reason\":\"stop\",\"message\":{\"content\":null,"
      "\"refusal\":\"I cannot.\"}}]}",
      "", "I cannot.", false, false, 0 },
    { "{\"choices\":[{\"finish_reason\":\"content_filter\",\"message\":{\"content\":\"\"}}]}", "",
      NULL, false, true, 0 },
    { "{\"choices\":[{\"message\":{\"reasoning_content\":\"hm\",\"content\":\"x\"}}]}", "x", NULL,
      false, false, 0 },
    { "{\"choices\":[{\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}}]}", "x", NULL,
      false, false, 0 },
    { "{\"choices\":[]}", NULL, NULL, false, false, 0 },
    { "{}", NULL, NULL, false, false, 0 },
};

START_TEST(an_answer_is_read)
{
    struct wire_reply reply = WIRE_REPLY_INIT;
    struct err err = ERR_INIT;
    json_t *json = json_loads(answers[_i].json, 0, NULL);
    int r = wire_openai_read(json, &reply, &err);
    ck_assert_int_eq(r == 0, answers[_i].text != NULL);
    if (r == 0) {
        ck_assert_str_eq(reply.text, answers[_i].text);
        ck_assert_pstr_eq(reply.refusal, answers[_i].refusal);
        ck_assert_int_eq(reply.cut, answers[_i].cut);
        ck_assert_int_eq(reply.filtered, answers[_i].filtered);
        ck_assert_uint_eq(reply.usage.total, answers[_i].total);
    } else {
        ck_assert_str_eq(err.id, "garbled_answer");
    }
    wire_reply_release(&reply);
    json_decref(json);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire_openai");
    TCase *tcase = tcase_create("wire_openai");
    tcase_add_loop_test(tcase, a_question_becomes_the_body_of_its_dialect, 0,
                        (int)ARRAY_LEN(bodies));
    tcase_add_loop_test(tcase, an_answer_is_read, 0, (int)ARRAY_LEN(answers));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
