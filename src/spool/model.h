// Services of models as the configuration names them: who looks, who plans, who writes down what is
// said, where they are and what they cost.
//
// Plain data, the rows of its options and the rules between them; who asks one is in src/provider.
// Keys are never here, only the name of a credential (net/credential.h).
#ifndef CLIPSPOOL_MODEL_H
#define CLIPSPOOL_MODEL_H

#include "base/config.h"

enum model_service {
    MODEL_LOCAL,     // this machine
    MODEL_DASHSCOPE, // Alibaba Cloud Model Studio
    MODEL_OPENAI,    // OpenAI, and servers that speak like it
    MODEL_NONE,      // nobody; only of speech
    MODEL_SERVICES,
    MODEL_BY_SERVICE = MODEL_SERVICES // of a job: as the service is set
};

// What a model is asked for.
enum model_role { MODEL_VISION, MODEL_TEXT, MODEL_SPEECH, MODEL_ROLES };

// The names of services and roles in files.  Services end with NULL; model_lookers are those of
// vision and text.
extern const char *const model_services[], *const model_lookers[];
extern const char *const model_roles[MODEL_ROLES];

enum model_input { MODEL_INPUT_AUTO, MODEL_INPUT_VIDEO, MODEL_INPUT_FRAMES };
enum model_interface { MODEL_NATIVE, MODEL_COMPATIBLE };
enum model_dialect { MODEL_DIALECT_OPENAI, MODEL_DIALECT_OWN };
extern const char *const model_inputs[], *const model_interfaces[], *const model_dialects[];

struct model_place {
    char *address;             // without the last /; of openai it ends in /v1
    char *credential;          // a name of systemd's, or an absolute path; NULL: none
    char *models[MODEL_ROLES]; // by name; NULL: it is not asked for that
};

// What a model costs, in whatever currency the configuration counts in.
struct model_price {
    char *model;
    double input, output; // a million tokens
    double second;        // a second of sound
    double margin;        // a bill may be that many times its estimate; at least 1
    int64_t frame_tokens; // of a picture, where a service counts pictures; 0: by the formula
};

enum { MODEL_MAX_PRICES = 100 };

// Where the service keeps answers, if nothing else is said.
#define MODEL_CACHE "/var/cache/clipspool"

struct model_settings {
    int role[MODEL_ROLES]; // enum model_service
    int input;             // enum model_input
    char *recogniser;      // folder of the language that this machine hears
    char *prompts;         // folder of the prompts, or NULL: the installed ones
    char *cache;           // folder of the answers
    int64_t cache_bytes;
    double cache_days;
    double fps;         // pictures a second that are sampled from a video
    int64_t max_pixels; // of each picture
    int64_t max_frames; // in a frame set
    int64_t answer_tokens;
    double temperature;
    double deadline_seconds;        // of a request
    double patience_seconds;        // of a question, all its tries together
    int64_t job_tokens, day_tokens; // 0: no limit
    double job_cost, day_cost;      // 0: no limit
    char *currency;
    struct model_price *prices;
    size_t price_count;
    struct model_place dashscope, openai;
    int interface;  // of dashscope; enum model_interface
    int dialect;    // of openai; enum model_dialect
    bool own_video; // the openai server takes video_url
};

enum { MODEL_PRICE_OPTIONS = 6 };
extern const struct config_option model_price_options[MODEL_PRICE_OPTIONS];

// The place of a service that is asked, or NULL for the others.  Borrowed.
const struct model_place *model_place(const struct model_settings *settings, int service);

// What the wish of a job for that role comes to; -EINVAL if it wants a service that is not set up:
// it has no model for that, or needs a key and none is named.
int model_choose(const struct model_settings *settings, enum model_role role, int wish);

// The price of a model by its name; one that is not listed costs nothing and has the margin 1.25.
struct model_price model_price_of(const struct model_settings *settings, const char *model);

// Adds all that is wrong with the models of a configuration, each line beginning with `name`, that
// of the file.
void model_check(const char *name, const struct model_settings *settings,
                 struct config_report *report);

#endif
