#include "tests/support/asking.h"

#include "base/fs.h"
#include "spool/ledger.h"

#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

static char native_model[] = "qwen3-vl-plus", model[] = "gpt-4o-mini", currency[] = "USD";

static void set_settings(struct asking_place *place)
{
    place->settings = (struct model_settings){
        .cache = xasprintf("%s/cache", place->folder.path),
        .cache_bytes = 1 << 30,
        .answer_tokens = 300,
        .deadline_seconds = 20,
        .patience_seconds = 60,
        .currency = currency,
        .openai = { .address = place->address, .models = { model, model, model } },
        .dashscope = { .address = place->address,
                       .models = { native_model, native_model, native_model } },
    };
}

void asking_make(struct asking_place *place)
{
    *place = (struct asking_place){ .service = MODEL_OPENAI,
                                    .key = "secret-key",
                                    .credential = "the-key" };
    folder_make(&place->folder);
    httpd_start(&place->server, NULL);
    ck_assert_int_eq(mkdirat(place->folder.fd, "batch", 0700), 0);
    place->batchdir = openat(place->folder.fd, "batch", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(place->batchdir, 0);
    // The script lies in the folder; its path is a part of the address.
    place->address = xasprintf("http://127.0.0.1:%u/script/%%2Ftmp%%2F%s%%2Fscript/v1",
                               place->server.port, strrchr(place->folder.path, '/') + 1);
    ck_assert_int_eq(strncmp(place->folder.path, "/tmp/", 5), 0);
    set_settings(place);
}

void asking_remove(struct asking_place *place)
{
    free(place->settings.cache);
    free(place->address);
    close_fd(&place->batchdir);
    httpd_stop(&place->server);
    folder_remove(&place->folder);
}

void asking_script(struct asking_place *place, const char *json)
{
    folder_put(&place->folder, "script", json);
}

char *asking_answer(const struct asking_place *place, const char *text)
{
    bool native = place->service == MODEL_DASHSCOPE && place->settings.interface == MODEL_NATIVE;
    return native ? xasprintf("{\"request_id\":\"r-1\",\"output\":{\"choices\":[{"
                              "\"finish_reason\":\"stop\",\"message\":{\"role\":\"assistant\","
                              "\"content\":\"%s\"}}]},\"usage\":{\"input_tokens\":%d,"
                              "\"output_tokens\":%d}}",
                              text, ASKING_INPUT, ASKING_OUTPUT)
                  : xasprintf("{\"id\":\"r-1\",\"choices\":[{\"finish_reason\":\"stop\","
                              "\"message\":{\"role\":\"assistant\",\"content\":\"%s\"}}],"
                              "\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%d}}",
                              text, ASKING_INPUT, ASKING_OUTPUT);
}

struct wire_question asking_question(void)
{
    return (struct wire_question){ .system = "Answer in JSON.",
                                   .prompt = "What happens?",
                                   .max_tokens = 300,
                                   .temperature = NAN,
                                   .form = WIRE_JSON };
}

int asking_ask_so(struct asking_place *place, const struct ask *ask, struct wire_reply *reply,
                  struct err *err)
{
    struct asker *asker = NULL;
    const struct http_rules rules = { .allow_hosts = "127.0.0.1" };
    const struct asker_order order = { .settings = &place->settings,
                                       .service = place->service,
                                       .role = MODEL_TEXT,
                                       .key = place->key,
                                       .credential = place->credential,
                                       .root = place->folder.path,
                                       .batchdir = place->batchdir,
                                       .http = &rules };
    int r = asker_open(&order, &asker, err);
    if (r == 0)
        r = asker_ask(asker, ask, reply, err);
    asker_close(&asker);
    return r;
}

int asking_ask(struct asking_place *place, const char *content, struct wire_reply *reply,
               struct err *err)
{
    const struct wire_question question = asking_question();
    const struct ask ask = { .question = &question,
                             .what = "theme",
                             .index = -1,
                             .content = content,
                             .prompt_version = "1",
                             .most = { ASKING_MOST, ASKING_MOST } };
    return asking_ask_so(place, &ask, reply, err);
}

unsigned asking_requests(struct asking_place *place)
{
    (void)httpd_accepted(&place->server);
    unsigned count = 0;
    for (char name[32]; snprintf(name, sizeof name, "script.%u", count + 1) > 0; count++)
        if (faccessat(place->folder.fd, name, F_OK, 0) < 0)
            break;
    return count;
}

char *asking_request(struct asking_place *place, unsigned n)
{
    cleanup(free_ptr) char *name = xasprintf("script.%u", n);
    char *text = folder_get(&place->folder, name);
    ck_assert_msg(text != NULL, "there was no request %u", n);
    return text;
}

void asking_sums(struct asking_place *place, struct asking_sums *ret)
{
    struct err err = ERR_INIT;
    cleanup(ledger_release) struct ledger ledger = LEDGER_INIT;
    struct ledger_day day;
    *ret = (struct asking_sums){ 0 };
    ck_assert_msg(ledger_load(place->batchdir, &ledger, &err) == 0, "%s", err.text);
    for (size_t i = 0; i < ledger.count; i++) {
        const struct ledger_call *call = &ledger.calls[i];
        ret->batch_billed += call->billed ? call->billed_tokens : 0;
        ret->batch_held += call->billed || call->kept ? 0 : call->held_tokens;
    }
    cleanup(close_fd) int folder = ledger_open_folder(place->folder.path, &err);
    ck_assert_msg(ledger_load_day(folder, &day, &err) == 0, "%s", err.text);
    ret->day_billed = day.used_tokens;
    for (size_t i = 0; i < day.open_count; i++)
        ret->day_held += day.open[i].tokens;
}
