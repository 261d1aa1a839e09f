// Services of models in the configuration: what a wish comes to, what contradicts itself.
#include "spool/model.h"
#include "spool/settings.h"
#include "tests/support/folder.h"

#include <check.h>

static struct folder folder;
static struct settings settings;
static struct config_report report;

static void set_up(void)
{
    folder_make(&folder);
    settings = (struct settings){ .root = NULL };
    report = (struct config_report)CONFIG_REPORT_INIT;
}

static void tear_down(void)
{
    settings_release(&settings);
    config_report_release(&report);
    folder_remove(&folder);
}

static int load_text(const char *text)
{
    folder_put(&folder, "clipspool.conf", text);
    cleanup(free_ptr) char *path = xasprintf("%s/clipspool.conf", folder.path);
    return settings_load(path, &settings, &report);
}

#define KEY "dashscope = { credential = \"dashscope\"; }; "
#define OWN "openai = { dialect = \"own\"; address = \"http://127.0.0.1:11434/v1\"; "

static const struct {
    const char *config;
    enum model_role role;
    int wish, comes_to; // -1: refused
} wishes[] = {
    { "", MODEL_VISION, MODEL_BY_SERVICE, MODEL_LOCAL },
    { "", MODEL_SPEECH, MODEL_BY_SERVICE, MODEL_NONE },
    { "", MODEL_SPEECH, MODEL_LOCAL, MODEL_LOCAL },
    { "", MODEL_VISION, MODEL_DASHSCOPE, -1 }, // without a key
    { KEY, MODEL_VISION, MODEL_DASHSCOPE, MODEL_DASHSCOPE },
    { KEY "models = { vision = \"dashscope\"; };", MODEL_VISION, MODEL_BY_SERVICE,
      MODEL_DASHSCOPE },
    { KEY "models = { vision = \"dashscope\"; };", MODEL_VISION, MODEL_LOCAL, MODEL_LOCAL },
    { KEY, MODEL_TEXT, MODEL_OPENAI, -1 }, // the other service's key
    { OWN "vision_model = \"v\"; };", MODEL_VISION, MODEL_OPENAI, MODEL_OPENAI },
    { OWN "vision_model = \"v\"; };", MODEL_TEXT, MODEL_OPENAI, -1 }, // no model for that
    { "openai = { text_model = \"t\"; };", MODEL_TEXT, MODEL_OPENAI, -1 },
    { "openai = { text_model = \"t\"; credential = \"o\"; };", MODEL_TEXT, MODEL_OPENAI,
      MODEL_OPENAI },
};

START_TEST(a_wish_comes_to_a_service_that_is_set_up)
{
    ck_assert_int_eq(load_text(wishes[_i].config), 0);
    int service = model_choose(&settings.models, wishes[_i].role, wishes[_i].wish);
    if (wishes[_i].comes_to < 0)
        ck_assert_int_lt(service, 0);
    else
        ck_assert_int_eq(service, wishes[_i].comes_to);
}
END_TEST

START_TEST(all_that_contradicts_itself_is_told)
{
    static const char *const told[] = {
        "dashscope.address",
        "openai.address: must neither hold ? or # nor end with /",
        "models.vision: \"dashscope\" needs dashscope.credential",
        "models.text: \"openai\" needs openai.text_model",
        "models.prices[0]: needs model",
        "models.prices[2]: its model has a price already",
        "models.cache: \"cache\" is not an absolute path",
    };
    ck_assert_int_lt(load_text("models = { vision = \"dashscope\"; text = \"openai\"; "
                               "cache = \"cache\"; prices = ( { input = 1.0; }, "
                               "{ model = \"a\"; }, { model = \"a\"; } ); };\n"
                               "dashscope = { address = \"ftp://x\"; };\n"
                               "openai = { address = \"https://x.example/v1/\"; };\n"),
                     0);
    for (size_t i = 0; i < ARRAY_LEN(told); i++)
        ck_assert_msg(strstr(report.text, told[i]) != NULL, "%s in\n%s", told[i], report.text);
    ck_assert_uint_eq(report.count, ARRAY_LEN(told));
}
END_TEST

START_TEST(prices_are_found_by_the_models_name)
{
    ck_assert_int_eq(load_text("models = { prices = ( { model = \"a\"; input = 2.5; output = 10.0; "
                               "margin = 1.5; } ); };"),
                     0);
    struct model_price price = model_price_of(&settings.models, "a");
    ck_assert(price.input == 2.5 && price.output == 10 && price.margin == 1.5);
    price = model_price_of(&settings.models, "b");
    ck_assert(price.input == 0 && price.output == 0 && price.margin == 1.25);
    price = model_price_of(&settings.models, NULL);
    ck_assert(price.margin == 1.25);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model");
    TCase *tcase = tcase_create("model");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_wish_comes_to_a_service_that_is_set_up, 0, (int)ARRAY_LEN(wishes));
    tcase_add_test(tcase, all_that_contradicts_itself_is_told);
    tcase_add_test(tcase, prices_are_found_by_the_models_name);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
