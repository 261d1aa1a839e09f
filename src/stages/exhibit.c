// Proxy, frames and links, from the files of a source.
#include "stages/exhibit.h"
#include "spool/upload.h"

#include "base/fs.h"
#include "base/text.h"
#include "model/handover.h"
#include "model/wire.h"
#include "net/secret.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

// A link must outlive the question; downloads begin at once.
static const double link_slack_seconds = 60;

// ---- what there is

static bool takes_video(const struct models *models, const struct model_settings *settings)
{
    return models->service == MODEL_DASHSCOPE ||
           (settings->dialect == MODEL_DIALECT_OWN && settings->own_video);
}

// As compress has found it.
static int look_at_proxy(struct exhibit *exhibit, struct err *err)
{
    struct stat found;
    const struct stage_context *context = exhibit->context;
    cleanup(step_release) struct step step = STEP_INIT;
    int r = step_load(context->batchdir, STAGE_COMPRESS, context->index, &step, err);
    if (r < 0)
        return r;
    double fps = json_number(step.numbers, "fps", 0, 1000, 0, NULL);
    exhibit->proxy = fs_open(context->sourcedir, SOURCE_PROXY, O_RDONLY);
    if (exhibit->proxy == -ENOENT)
        return 0;
    if (exhibit->proxy < 0 || fstat(exhibit->proxy, &found) < 0)
        return fs_fail(err, exhibit->proxy < 0 ? -exhibit->proxy : errno, "open", SOURCE_PROXY);
    if (found.st_size == 0)
        return 0;
    exhibit->source.proxy_bytes = (uint64_t)found.st_size;
    exhibit->source.proxy = (struct tokens_video){
        .width = (unsigned)json_int(step.numbers, "width", 0, 1 << 16, 0, NULL),
        .height = (unsigned)json_int(step.numbers, "height", 0, 1 << 16, 0, NULL),
        .frames = fps * exhibit->source.duration,
        .fps = fps,
    };
    return 0;
}

static int look_at_frames(struct exhibit *exhibit, struct err *err)
{
    struct err reason = ERR_INIT;
    int r = frames_load(exhibit->context->sourcedir, &exhibit->frames, &reason);
    if (r == 0)
        exhibit->source.frames = &exhibit->frames;
    if (r >= 0 || r == -ENOENT)
        return 0;
    if (reason.class == ERR_INPUT) {
        stage_warn(exhibit->context, "the frames cannot be used: %s", reason.text);
        return 0;
    }
    if (err != NULL)
        *err = reason;
    return r;
}

// A link to the proxy in the bucket, if upload got one and it lives for long enough.
static int look_at_link(struct exhibit *exhibit, struct err *err)
{
    char until[TEXT_TIME_SIZE];
    cleanup(upload_release) struct upload upload = UPLOAD_INIT;
    struct err reason = ERR_INIT;
    int r = upload_load(exhibit->context->sourcedir, &upload, &reason);
    // A file that says nothing of use is no link; there are other ways.
    if (r == -ENOENT || reason.class == ERR_INPUT || (r == 0 && upload.link == NULL))
        return 0;
    if (r < 0) {
        if (err != NULL)
            *err = reason;
        return r;
    }
    double needed = exhibit->context->settings.models.patience_seconds + link_slack_seconds;
    if (upload_lasts(&upload, time(NULL), needed)) {
        exhibit->source.link = exhibit->link = TAKE(upload.link);
        return 0;
    }
    stage_warn(exhibit->context,
               "the link to the proxy in the bucket ends at %s, which is too soon; it is sent in "
               "another way (storage.link_seconds says how long links live)",
               text_time(upload.link_until, until));
    return 0;
}

int exhibit_open(struct stage_context *context, const struct models *models,
                 const struct probe *probe, const struct analysis *found, struct exhibit *ret,
                 struct err *err)
{
    const struct model_settings *settings = &context->settings.models;
    asker_price(models->asker, &ret->price);
    ret->context = context;
    ret->models = models;
    ret->model = (struct vision_model){
        .service = asker_service(models->asker),
        .takes_video = takes_video(models, settings),
        .rules = tokens_rules_of(asker_model(models->asker)),
        .price = &ret->price,
        .settings = settings,
    };
    ret->source = (struct vision_source){
        .duration = probe->duration,
        .shots = found->shots,
        .shot_count = found->shot_count,
        .original = { (unsigned)probe->width, (unsigned)probe->height, (double)probe->frames,
                      probe->fps_den > 0 ? (double)probe->fps_num / probe->fps_den : 0 },
    };
    int r = look_at_proxy(ret, err);
    if (r == 0)
        r = look_at_frames(ret, err);
    return r < 0 ? r : look_at_link(ret, err);
}

void exhibit_release(struct exhibit *exhibit)
{
    frames_release(&exhibit->frames);
    secret_free(&exhibit->link);
    close_fd(&exhibit->proxy);
}

// ---- frames

void exhibit_frames_release(struct exhibit_frames *frames)
{
    for (size_t i = 0; i < frames->count; i++)
        free(frames->links[i]);
    free(frames->links);
    free(frames->picked);
    *frames = (struct exhibit_frames)EXHIBIT_FRAMES_INIT;
}

static int sum_up(const struct secret *hashes, char *content, struct err *err)
{
    struct digest digest;
    int r = digest_of(DIGEST_SHA256, hashes->text, hashes->length, &digest, err);
    if (r == 0)
        (void)digest_hex(&digest, content);
    return r;
}

// Reads those that are picked.  Returns 1 if they are too large together.
static int read_frames(const struct exhibit *exhibit, struct exhibit_frames *frames, size_t count,
                       struct err *err)
{
    size_t sum = 0;
    cleanup(secret_release) struct secret hashes = SECRET_INIT;
    for (size_t i = 0; i < count; i++) {
        cleanup(free_ptr) char *jpeg = NULL;
        struct digest digest = { .size = 0 };
        size_t size = 0;
        const struct frames_item *item = &exhibit->frames.items[frames->picked[i]];
        int r = frames_read(exhibit->context->sourcedir, item, &jpeg, &size, err);
        if (r == 0)
            r = digest_of(DIGEST_SHA256, jpeg, size, &digest, err);
        if (r < 0)
            return r;
        sum += size;
        if (sum > VISION_MAX_INLINE_BYTES && count > 1)
            return 1;
        secret_add(&hashes, digest.bytes, digest.size);
        frames->links[frames->count++] = wire_data_link("image/jpeg", jpeg, size);
    }
    return sum_up(&hashes, frames->content, err);
}

int exhibit_frames(const struct exhibit *exhibit, size_t count, struct exhibit_frames *ret,
                   struct err *err)
{
    for (;;) {
        ret->picked = xcalloc(count + 1, sizeof *ret->picked);
        ret->links = xcalloc(count + 1, sizeof *ret->links);
        size_t picked = vision_pick(&exhibit->frames, count, ret->picked);
        int r = read_frames(exhibit, ret, picked, err);
        if (r <= 0)
            return r;
        exhibit_frames_release(ret);
        count = picked - (picked + 9) / 10;
    }
}

// ---- the proxy

int exhibit_proxy(const struct exhibit *exhibit, char ret_content[DIGEST_HEX_SIZE], struct err *err)
{
    struct digest digest;
    size_t size = (size_t)exhibit->source.proxy_bytes;
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, exhibit->proxy, 0);
    if (bytes == MAP_FAILED)
        return fs_fail(err, errno, "read", SOURCE_PROXY);
    int r = digest_of(DIGEST_SHA256, bytes, size, &digest, err);
    (void)munmap(bytes, size);
    if (r == 0)
        (void)digest_hex(&digest, ret_content);
    return r;
}

static int put_inside(const struct exhibit *exhibit, char **ret_link, struct err *err)
{
    cleanup(free_ptr) char *bytes = NULL;
    size_t size = 0;
    int r = fs_read(exhibit->context->sourcedir, SOURCE_PROXY, VISION_MAX_INLINE_BYTES, &bytes,
                    &size, err);
    if (r < 0)
        return r == -ENOENT ? fs_fail(err, ENOENT, "read", SOURCE_PROXY) : r;
    *ret_link = wire_data_link("video/mp4", bytes, size);
    return 0;
}

static int hand_over(const struct exhibit *exhibit, char **ret_link, struct err *err)
{
    const struct models *models = exhibit->models;
    cleanup(free_ptr) char *name = xasprintf("%d.mp4", exhibit->context->index);
    const struct handover handover = {
        .http = models->http,
        .address = models->place->address,
        .key = models->key,
        .credential = models->place->credential,
        .model = asker_model(models->asker),
        .file_name = name,
        .type = "video/mp4",
        .content = { .fd = exhibit->proxy, .size = exhibit->source.proxy_bytes },
        .deadline_seconds = exhibit->model.settings->deadline_seconds,
    };
    return handover_send(&handover, ret_link, err);
}

int exhibit_send(const struct exhibit *exhibit, enum vision_way way, char **ret_link,
                 struct err *err)
{
    if (way == VISION_LINK)
        *ret_link = xstrdup(exhibit->link);
    if (way == VISION_LINK)
        return 0;
    return way == VISION_INLINE ? put_inside(exhibit, ret_link, err)
                                : hand_over(exhibit, ret_link, err);
}
