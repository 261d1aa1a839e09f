// Which words and addresses belong to whom.
#include "model/endpoint.h"

#include <check.h>
#include <math.h>

static char dashscope[] = "https://dashscope.example", openai[] = "https://openai.example/v1";
static char looker[] = "looker", thinker[] = "thinker", listener[] = "listener";

static struct model_settings settings;
static struct endpoint endpoint;

static void set_up(void)
{
    settings = (struct model_settings){
        .dashscope = { .address = dashscope, .models = { looker, thinker, listener } },
        .openai = { .address = openai, .models = { looker, thinker, listener } },
    };
    endpoint = (struct endpoint)ENDPOINT_INIT;
}

static void tear_down(void)
{
    endpoint_release(&endpoint);
    endpoint_release(&endpoint); // nothing there any more
}

// ---- whom

#define NATIVE_TEXT "https://dashscope.example/api/v1/services/aigc/text-generation/generation"
#define NATIVE_LOOK \
    "https://dashscope.example/api/v1/services/aigc/multimodal-generation/generation"
#define COMPATIBLE "https://dashscope.example/compatible-mode/v1/chat/completions"
#define CHAT "https://openai.example/v1/chat/completions"

static const struct {
    const char *name;
    int service, interface, dialect;
    const char *text_link, *look_link;
    const char *word, *who;
    enum fault_service faults;
    const char *limit; // of the answer, as it is called there
} services[] = {
    { "DashScope", MODEL_DASHSCOPE, MODEL_NATIVE, 0, NATIVE_TEXT, NATIVE_LOOK, "dashscope",
      "dashscope thinker", FAULT_DASHSCOPE, "max_tokens" },
    { "its compatible mode", MODEL_DASHSCOPE, MODEL_COMPATIBLE, 0, COMPATIBLE, COMPATIBLE,
      "dashscope compatible", "dashscope thinker", FAULT_COMPATIBLE, "max_tokens" },
    { "it does not mind the dialect of another", MODEL_DASHSCOPE, MODEL_COMPATIBLE,
      MODEL_DIALECT_OWN, COMPATIBLE, COMPATIBLE, "dashscope compatible", "dashscope thinker",
      FAULT_COMPATIBLE, "max_tokens" },
    { "OpenAI", MODEL_OPENAI, MODEL_NATIVE, MODEL_DIALECT_OPENAI, CHAT, CHAT, "openai",
      "openai thinker", FAULT_OPENAI, "max_completion_tokens" },
    { "a server of one's own", MODEL_OPENAI, MODEL_COMPATIBLE, MODEL_DIALECT_OWN, CHAT, CHAT,
      "openai", "openai thinker", FAULT_OPENAI, "max_tokens" },
};

static void set(int row, enum model_role role)
{
    struct err err = ERR_INIT;
    settings.interface = services[row].interface;
    settings.dialect = services[row].dialect;
    int r = endpoint_set(&settings, services[row].service, role, &endpoint, &err);
    ck_assert_msg(r == 0, "%s", err.text);
}

START_TEST(every_service_has_its_address_and_its_word)
{
    static const char *const frames[] = { "data:image/jpeg;base64,AA==" };
    const struct wire_question text = { .prompt = "JSON?" };
    const struct wire_question video = { .prompt = "JSON?", .video = "https://v.example/a.mp4" };
    const struct wire_question list = { .prompt = "JSON?", .frames = frames, .frame_count = 1 };
    set(_i, MODEL_TEXT);
    cleanup(free_ptr) char *to_text = endpoint_link(&endpoint, &text);
    cleanup(free_ptr) char *to_video = endpoint_link(&endpoint, &video);
    cleanup(free_ptr) char *to_list = endpoint_link(&endpoint, &list);
    ck_assert_str_eq(to_text, services[_i].text_link);
    ck_assert_str_eq(to_video, services[_i].look_link);
    ck_assert_str_eq(to_list, services[_i].look_link);
    ck_assert_str_eq(endpoint_word(&endpoint), services[_i].word);
    ck_assert_str_eq(endpoint.who, services[_i].who);
    ck_assert_int_eq((int)endpoint.service, (int)services[_i].faults);
}
END_TEST

START_TEST(the_model_is_that_of_the_role_whatever_the_question_says)
{
    static const char *const models[MODEL_ROLES] = { looker, thinker, listener };
    for (int role = 0; role < MODEL_ROLES; role++) {
        const struct wire_question question = { .model = "another",
                                                .prompt = "JSON?",
                                                .video =
                                                    role == 0 ? "https://v.example/a.mp4" : NULL,
                                                .max_tokens = 7,
                                                .temperature = NAN };
        set(_i, (enum model_role)role);
        cleanup(json_free) json_t *body = endpoint_body(&endpoint, &question);
        ck_assert_str_eq(json_text(body, "model", "", NULL), models[role]);
        ck_assert_str_eq(question.model, "another");
        const json_t *limits = json_object_get(body, "parameters");
        limits = limits != NULL ? limits : body;
        ck_assert_int_eq(json_int(limits, services[_i].limit, 0, 100, 0, NULL), 7);
        endpoint_release(&endpoint);
    }
}
END_TEST

// ---- answers

static const char native[] = "{\"output\":{\"choices\":[{\"message\":{\"content\":\"a beach\"}}]},"
                             "\"usage\":{\"input_tokens\":7,\"output_tokens\":2}}";
static const char chat[] = "{\"choices\":[{\"message\":{\"content\":\"a beach\"}}],"
                           "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}";

START_TEST(answers_are_read_as_the_service_writes_them)
{
    struct err err = ERR_INIT;
    set(_i, MODEL_TEXT);
    bool is_native = endpoint.service == FAULT_DASHSCOPE;
    cleanup(json_free) json_t *good = json_loads(is_native ? native : chat, 0, NULL);
    cleanup(json_free) json_t *foreign = json_loads(is_native ? chat : native, 0, NULL);
    cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
    ck_assert_msg(endpoint_read(&endpoint, good, &reply, &err) == 0, "%s", err.text);
    ck_assert_str_eq(reply.text, "a beach");
    ck_assert_uint_eq(reply.usage.input, 7);
    wire_reply_release(&reply);
    ck_assert_int_lt(endpoint_read(&endpoint, foreign, &reply, NULL), 0);
    wire_reply_release(&reply);
    ck_assert_int_lt(endpoint_read(&endpoint, NULL, &reply, NULL), 0);
}
END_TEST

// ---- what is not configured

static void lack_address(void)
{
    settings.dashscope.address = settings.openai.address = NULL;
}

static void lack_model(void)
{
    settings.dashscope.models[MODEL_TEXT] = settings.openai.models[MODEL_TEXT] = NULL;
}

static void lack_nothing(void)
{
}

static const struct {
    int service;
    void (*spoil)(void);
    const char *text, *hint; // parts of what is said
} missing[] = {
    { MODEL_DASHSCOPE, lack_address, "dashscope has no model for text", "dashscope.address" },
    { MODEL_OPENAI, lack_address, "openai has no model for text", "openai.address" },
    { MODEL_DASHSCOPE, lack_model, "dashscope has no model for text", "dashscope.text_model" },
    { MODEL_OPENAI, lack_model, "openai has no model for text", "openai.text_model" },
    { MODEL_LOCAL, lack_nothing, "local has no model for text", "" },
    { MODEL_NONE, lack_nothing, "none has no model for text", "" },
};

START_TEST(what_is_not_configured_is_said_with_the_options_to_set)
{
    struct err err = ERR_INIT;
    missing[_i].spoil();
    ck_assert_int_lt(endpoint_set(&settings, missing[_i].service, MODEL_TEXT, &endpoint, &err), 0);
    ck_assert_int_eq((int)err.class, ERR_CONFIG);
    ck_assert_str_eq(err.id, "no_model");
    ck_assert_msg(strstr(err.text, missing[_i].text) != NULL, "%s", err.text);
    ck_assert_msg(strstr(err.hint, missing[_i].hint) != NULL, "%s", err.hint);
    ck_assert_ptr_null(endpoint.who);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("endpoint");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, every_service_has_its_address_and_its_word, 0,
                        (int)ARRAY_LEN(services));
    tcase_add_loop_test(tcase, the_model_is_that_of_the_role_whatever_the_question_says, 0,
                        (int)ARRAY_LEN(services));
    tcase_add_loop_test(tcase, answers_are_read_as_the_service_writes_them, 0,
                        (int)ARRAY_LEN(services));
    tcase_add_loop_test(tcase, what_is_not_configured_is_said_with_the_options_to_set, 0,
                        (int)ARRAY_LEN(missing));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
