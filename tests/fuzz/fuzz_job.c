// Whatever a job.conf says, it is refused with words, or what was read survives batch.json.
#include "base/text.h"
#include "spool/batch.h"

static void require(bool good)
{
    if (!good)
        abort();
}

static void check_sound(const struct job *job)
{
    int width, height;
    int64_t rate;
    require(job_resolution(job->output.resolution, &width, &height) == 0);
    require(job->output.bitrate == NULL || job_bitrate(job->output.bitrate, &rate) == 0);
    require(job->min_segment <= job->max_segment);
    require(job->source_count <= BATCH_MAX_SOURCES);
    for (size_t i = 0; i < job->source_count; i++)
        require(job->sources[i].file != NULL && job->sources[i].profile <= PROFILE_CONSERVATIVE);
}

static void check_survives(const struct job *job)
{
    struct job back = { .title = NULL };
    cleanup(json_free) json_t *json = job_to_json(job);
    require(job_from_json(json, &back, NULL) == 0);
    cleanup(json_free) json_t *again = job_to_json(&back);
    require(json_equal(json, again));
    job_release(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > JOB_MAX_BYTES)
        return 0;
    cleanup(free_ptr) char *text = xstrndup((const char *)data, size);
    struct job job = { .title = NULL };
    struct config_report report = CONFIG_REPORT_INIT;
    if (job_parse("job.conf", text, &job, &report) == 0) {
        check_sound(&job);
        check_survives(&job);
    } else {
        require(report.count > 0 && report.text != NULL);
        require(text_is_utf8(report.text, strlen(report.text)));
    }
    job_release(&job);
    config_report_release(&report);
    return 0;
}
