// The prices of models, the rules between their options, and what the wish of a job comes to.

#include "spool/model.h"

#include "base/text.h"
#include "spool/remote.h"

#include <errno.h>

#define AT(member) .offset = offsetof(struct model_price, member)

enum { MAX_MODEL_NAME = 200 };

const char *const model_services[] = { "local", "dashscope", "openai", "none", NULL };
const char *const model_lookers[] = { "local", "dashscope", "openai", NULL };
const char *const model_inputs[] = { "auto", "video", "frames", NULL };
const char *const model_interfaces[] = { "native", "compatible", NULL };
const char *const model_dialects[] = { "openai", "own", NULL };
const char *const model_roles[MODEL_ROLES] = { "vision", "text", "speech" };

// clang-format off
const struct config_option model_price_options[MODEL_PRICE_OPTIONS] = {
    { "model", CONFIG_TEXT, AT(model), NULL, .max = MAX_MODEL_NAME,
      .help = "The model's name." },
    { "input", CONFIG_NUMBER, AT(input), "0", 0, 1e6,
      .help = "A million tokens that it reads." },
    { "output", CONFIG_NUMBER, AT(output), "0", 0, 1e6,
      .help = "A million tokens that it writes." },
    { "second", CONFIG_NUMBER, AT(second), "0", 0, 1e6,
      .help = "A second of sound." },
    { "margin", CONFIG_NUMBER, AT(margin), "1.25", 1, 100,
      .help = "How many times its estimate a bill may be." },
    { "frame_tokens", CONFIG_INT, AT(frame_tokens), "0", 0, 1000000, .unit = "tokens",
      .help = "What a picture counts where the service counts pictures; 0 for the formula." },
};
// clang-format on

const struct model_place *model_place(const struct model_settings *settings, int service)
{
    if (service == MODEL_DASHSCOPE)
        return &settings->dashscope;
    return service == MODEL_OPENAI ? &settings->openai : NULL;
}

// A server of one's own may ask for no key.
static bool needs_key(const struct model_settings *settings, int service)
{
    return service == MODEL_DASHSCOPE || settings->dialect == MODEL_DIALECT_OPENAI;
}

static bool is_set_up(const struct model_settings *settings, enum model_role role, int service)
{
    const struct model_place *place = model_place(settings, service);
    if (place == NULL)
        return true;
    return place->address != NULL && place->models[role] != NULL &&
           (place->credential != NULL || !needs_key(settings, service));
}

int model_choose(const struct model_settings *settings, enum model_role role, int wish)
{
    if (wish == MODEL_BY_SERVICE)
        return settings->role[role];
    return is_set_up(settings, role, wish) ? wish : -EINVAL;
}

struct model_price model_price_of(const struct model_settings *settings, const char *model)
{
    for (size_t i = 0; model != NULL && i < settings->price_count; i++)
        if (settings->prices[i].model != NULL && strcmp(settings->prices[i].model, model) == 0)
            return settings->prices[i];
    return (struct model_price){ .margin = 1.25 };
}

// ---- rules

static void check_address(const char *name, const char *key, const char *address,
                          struct config_report *report)
{
    cleanup(remote_release) struct remote remote = REMOTE_INIT;
    struct err why = ERR_INIT;
    if (address == NULL)
        return;
    if (remote_from_link(address, &remote, &why) < 0)
        config_report_add(report, "%s: %s: %s", name, key, why.text);
    else if (strpbrk(address, "?#") != NULL || text_ends_with(address, "/"))
        config_report_add(report, "%s: %s: must neither hold ? or # nor end with /", name, key);
}

static void check_roles(const char *name, const struct model_settings *settings,
                        struct config_report *report)
{
    for (enum model_role role = 0; role < MODEL_ROLES; role++) {
        int service = settings->role[role];
        if (is_set_up(settings, role, service))
            continue;
        const char *key = model_services[service];
        if (model_place(settings, service)->models[role] == NULL)
            config_report_add(report, "%s: models.%s: \"%s\" needs %s.%s_model, which is not set",
                              name, model_roles[role], key, key, model_roles[role]);
        else
            config_report_add(report, "%s: models.%s: \"%s\" needs %s.credential, which is not set",
                              name, model_roles[role], key, key);
    }
}

static void check_prices(const char *name, const struct model_settings *settings,
                         struct config_report *report)
{
    for (size_t i = 0; i < settings->price_count; i++) {
        const char *model = settings->prices[i].model;
        if (model == NULL || *model == 0)
            config_report_add(report, "%s: models.prices[%zu]: needs model, which is not set", name,
                              i);
        for (size_t k = 0; k < i; k++) {
            const char *other = settings->prices[k].model;
            if (model != NULL && other != NULL && strcmp(model, other) == 0)
                config_report_add(report, "%s: models.prices[%zu]: its model has a price already",
                                  name, i);
        }
    }
}

void model_check(const char *name, const struct model_settings *settings,
                 struct config_report *report)
{
    check_address(name, "dashscope.address", settings->dashscope.address, report);
    check_address(name, "openai.address", settings->openai.address, report);
    check_roles(name, settings, report);
    check_prices(name, settings, report);
}
