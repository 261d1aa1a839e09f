// A table of needs, and the places they stand for.

#include "stages/confine.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "stages/sandbox.h"

enum need {
    NEED_SOURCE = 1 << 0,  // the video, which in a private spool may lie anywhere
    NEED_DROPPED = 1 << 1, // what was dropped, likewise
    NEED_PROXIES = 1 << 2, // made before
    NEED_OUTBOX = 1 << 3,  // to put something there
    NEED_NETWORK = 1 << 4, // and so keys, gates, and buckets that are folders
    NEED_MODEL = 1 << 5, // network, kept answers, prompts and the day's account, where one is asked
    NEED_BUCKET = 1 << 6, // network, if the batch has a bucket
};

static const unsigned needs[STAGE_COUNT] = {
    [STAGE_FETCH] = NEED_DROPPED | NEED_NETWORK,
    [STAGE_PROBE] = NEED_SOURCE,
    [STAGE_COMPRESS] = NEED_SOURCE | NEED_PROXIES,
    [STAGE_UPLOAD] = NEED_NETWORK,
    [STAGE_TRANSCRIBE] = NEED_MODEL,
    [STAGE_ANALYZE] = NEED_MODEL,
    [STAGE_PLAN] = NEED_MODEL,
    [STAGE_PREVIEW] = NEED_OUTBOX,
    [STAGE_RENDER] = NEED_SOURCE,
    [STAGE_PUBLISH] = NEED_OUTBOX | NEED_BUCKET,
};

// ---- places

// A growing list; paths and descriptors that were made for it are its own.
struct places {
    struct reach_place *items;
    char **made;
    int fds[BATCH_MAX_SOURCES];
    size_t count, made_count, fd_count;
};

static void places_release(struct places *places)
{
    for (size_t i = 0; i < places->made_count; i++)
        free(places->made[i]);
    for (size_t i = 0; i < places->fd_count; i++)
        close_fd(&places->fds[i]);
    free(places->made);
    free(places->items);
}

static void add(struct places *places, struct reach_place place)
{
    places->items = xrealloc(places->items, places->count + 1, sizeof *places->items);
    places->items[places->count++] = place;
}

static void add_path(struct places *places, const char *path, enum reach reach)
{
    if (path != NULL && path[0] == '/')
        add(places, (struct reach_place){ .path = path, .reach = reach });
}

// Takes the path.
static void add_made(struct places *places, char *path, enum reach reach)
{
    places->made = xrealloc(places->made, places->made_count + 1, sizeof *places->made);
    places->made[places->made_count++] = path;
    add_path(places, path, reach);
}

// A folder of the spool, which may be missing in one that was never asked for it.
static void add_folder(struct places *places, const struct settings *settings, const char *name)
{
    cleanup(close_fd) int root = open(settings->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root >= 0)
        (void)fs_mkdir(root, name, 0700, NULL); // who needs it says so if this fails
    add(places, (struct reach_place){ .path = settings->root, .reach = REACH_LIST });
    add_made(places, xasprintf("%s/%s", settings->root, name), REACH_WRITE);
}

// The video that a source stands for, wherever it lies.
static void add_source(struct places *places, const struct stage_context *context, int index)
{
    cleanup(free_ptr) char *path = xasprintf("%d/" SOURCE_FILE, index);
    int fd = openat(context->batchdir, path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return;
    places->fds[places->fd_count++] = fd;
    add(places, (struct reach_place){ .fd = fd, .reach = REACH_READ });
}

static void add_sources(struct places *places, const struct stage_context *context)
{
    int first = context->index == STEP_BATCH ? 0 : context->index;
    int end = context->index == STEP_BATCH ? (int)context->batch.source_count : first + 1;
    for (int i = first; i < end; i++)
        add_source(places, context, i);
}

static void add_keys(struct places *places, const struct settings *settings)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    add_path(places, folder, REACH_READ);
    add_path(places, settings->ca_file, REACH_READ);
    add_path(places, settings->webhook_credential, REACH_READ);
    add_path(places, settings->models.dashscope.credential, REACH_READ);
    add_path(places, settings->models.openai.credential, REACH_READ);
    for (size_t i = 0; i < settings->buckets.count; i++)
        add_path(places, settings->buckets.items[i].credential, REACH_READ);
}

static void add_network(struct places *places, const struct settings *settings)
{
    add_keys(places, settings);
    add_folder(places, settings, "services");
    for (size_t i = 0; i < settings->buckets.count; i++)
        add_path(places, settings->buckets.items[i].path, REACH_WRITE);
}

static void add_model(struct places *places, const struct settings *settings)
{
    add_network(places, settings);
    add_folder(places, settings, "ledger");
    if (settings->models.cache != NULL && settings->models.cache_bytes > 0)
        (void)mkdir(settings->models.cache, 0700); // from inside it could not be made
    add_path(places, settings->models.cache, REACH_WRITE);
    char *prompts = NULL;
    if (settings_prompts(settings, &prompts, NULL) == 0)
        add_made(places, prompts, REACH_READ);
}

// ---- stages

static bool asks_a_model(const struct batch *batch, enum stage stage)
{
    static const enum model_role roles[STAGE_COUNT] = {
        [STAGE_TRANSCRIBE] = MODEL_SPEECH, [STAGE_ANALYZE] = MODEL_VISION, [STAGE_PLAN] = MODEL_TEXT
    };
    int service = batch->roles[roles[stage]];
    return service == MODEL_DASHSCOPE || service == MODEL_OPENAI;
}

static unsigned needs_of(const struct stage_context *context, enum stage stage)
{
    unsigned need = needs[stage];
    if ((need & NEED_MODEL) != 0)
        need = asks_a_model(&context->batch, stage) ? need | NEED_NETWORK : need & ~NEED_MODEL;
    if ((need & NEED_BUCKET) != 0 && context->batch.bucket != NULL)
        need |= NEED_NETWORK;
    if (!context->settings.accept_links)
        need &= ~(unsigned)(NEED_SOURCE | NEED_DROPPED); // they lie in the batch
    return need;
}

int confine_stage(const struct stage_context *context, enum stage stage, struct err *err)
{
    const struct settings *settings = &context->settings;
    unsigned need = needs_of(context, stage);
    cleanup(places_release) struct places places = { .items = NULL };
    add(&places, (struct reach_place){ .fd = context->batchdir, .reach = REACH_WRITE });
    if ((need & NEED_SOURCE) != 0)
        add_sources(&places, context);
    if ((need & NEED_DROPPED) != 0)
        add_path(&places, "/", REACH_READ);
    if ((need & NEED_PROXIES) != 0 && settings->proxy_bytes > 0)
        add_folder(&places, settings, "cache");
    if (stage == STAGE_TRANSCRIBE)
        add_path(&places, settings->models.recogniser, REACH_READ);
    if ((need & NEED_OUTBOX) != 0)
        add_made(&places, settings_outbox(settings), REACH_WRITE);
    if ((need & NEED_MODEL) != 0)
        add_model(&places, settings);
    else if ((need & NEED_NETWORK) != 0)
        add_network(&places, settings);
    const struct sandbox_rules rules = { places.items, places.count, (need & NEED_NETWORK) != 0 };
    return sandbox_enter(&rules, err);
}

int confine_errand(const struct settings *settings, struct err *err)
{
    cleanup(places_release) struct places places = { .items = NULL };
    add_network(&places, settings);
    add_folder(&places, settings, "errands");
    add_made(&places, settings_outbox(settings), REACH_READ);
    const struct sandbox_rules rules = { places.items, places.count, true };
    return sandbox_enter(&rules, err);
}
