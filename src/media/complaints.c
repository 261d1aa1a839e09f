#include "media/complaints.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char made_up_pictures[] = "concealing "; // how error_resilience.c of libavcodec begins

static pthread_once_t installed = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool listening;
static char first[200];

static bool is_decoder(const void *object)
{
    if (object == NULL || *(const AVClass *const *)object != avcodec_get_class())
        return false;
    return av_codec_is_decoder(((const AVCodecContext *)object)->codec);
}

__attribute__((format(printf, 3, 0))) static void hear(void *object, int level, const char *format,
                                                       va_list arguments)
{
    if (strncmp(format, made_up_pictures, strlen(made_up_pictures)) == 0 && is_decoder(object)) {
        // Frame threads work with copies of the decoder; opaque is the same in all of them.
        atomic_uint *made_up = ((AVCodecContext *)object)->opaque;
        if (made_up != NULL)
            atomic_fetch_add(made_up, 1);
    }
    if (level > AV_LOG_WARNING || !atomic_load(&listening))
        return;
    pthread_mutex_lock(&lock);
    if (!first[0]) {
        (void)vsnprintf(first, sizeof first, format, arguments);
        first[strcspn(first, "\n")] = '\0';
    }
    pthread_mutex_unlock(&lock);
}

static void install(void)
{
    av_log_set_callback(hear);
}

void complaints_count(AVCodecContext *decoder, atomic_uint *made_up)
{
    decoder->opaque = made_up;
    (void)pthread_once(&installed, install);
}

void complaints_listen(void)
{
    (void)pthread_once(&installed, install);
    pthread_mutex_lock(&lock);
    first[0] = '\0';
    pthread_mutex_unlock(&lock);
    atomic_store(&listening, true);
}

void complaints_first(char *said, size_t size)
{
    atomic_store(&listening, false);
    pthread_mutex_lock(&lock);
    (void)snprintf(said, size, "%s", first);
    pthread_mutex_unlock(&lock);
}
