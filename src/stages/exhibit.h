// What of a source can be shown to a model, and how its bytes get there.
#ifndef CLIPSPOOL_EXHIBIT_H
#define CLIPSPOOL_EXHIBIT_H

#include "model/vision.h"
#include "net/digest.h"
#include "spool/probe.h"
#include "stages/models.h"

struct exhibit {
    struct stage_context *context;
    const struct models *models;
    struct budget_price price;
    struct vision_model model;   // refers to the price and the settings
    struct vision_source source; // refers to what follows, and to the shots
    struct frames frames;
    char *link; // a permission; or NULL
    int proxy;  // descriptor, or -1
};
#define EXHIBIT_INIT \
    {                \
        .proxy = -1  \
    }

// Looks what there is: proxy, frames, a link to the proxy.  What is damaged is not there, with a
// warning.  Keeps all; *ret is INIT and stays where it is until exhibit_release.
int exhibit_open(struct stage_context *context, const struct models *models,
                 const struct probe *probe, const struct analysis *found, struct exhibit *ret,
                 struct err *err);
void exhibit_release(struct exhibit *exhibit);

// Pictures of the set, ready to be sent.
struct exhibit_frames {
    size_t *picked; // places in the set
    char **links;   // data: each
    size_t count;
    char content[DIGEST_HEX_SIZE]; // of their bytes
};
#define EXHIBIT_FRAMES_INIT \
    {                       \
        .count = 0          \
    }

// Picks at most so many of the frames, fewer where they are too large for a request together.
// *ret is INIT.
int exhibit_frames(const struct exhibit *exhibit, size_t count, struct exhibit_frames *ret,
                   struct err *err);
void exhibit_frames_release(struct exhibit_frames *frames);

// The hash of the proxy's bytes.
int exhibit_proxy(const struct exhibit *exhibit, char ret_content[DIGEST_HEX_SIZE],
                  struct err *err);

// By that way: gives what the service is told instead of the video.  Returns 0, or a negative as
// handover_send has them.
int exhibit_send(const struct exhibit *exhibit, enum vision_way way, char **ret_link,
                 struct err *err);

#endif
