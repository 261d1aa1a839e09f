// What the tests of whole batches with models share: a spool, the services on loopback, and clips.
#ifndef CLIPSPOOL_TESTS_MODEL_STORY_H
#define CLIPSPOOL_TESTS_MODEL_STORY_H

#include "tests/support/modeld.h"
#include "tests/support/spool_story.h"

// A service as a configuration names it.
struct model_story {
    const char *name;    // for people
    const char *service; // "dashscope" or "openai"
    const char *place;   // behind the host: "", "/v1", "/ollama/v1" ...
    const char *options; // further lines of its group
    const char *input;   // of the group models
    bool needs_key;
};

enum { MODEL_STORIES = 8 };
extern const struct model_story model_stories[MODEL_STORIES];

extern struct modeld modeld; // of the test that runs

// For tcase_add_checked_fixture: the spool with its real stages, and the services.
void model_story_open(void);
void model_story_close(void);

// Writes the configuration: looks and plans by that service, `models` being further options of its
// group.  Waiting is short and questions are tried for at most a few seconds.
void model_story_set(const struct model_story *story, const char *models);

// The clip of that number, of 8 s: each is another to see and to hear, and somebody speaks in it.
const char *model_story_clip(size_t number);
// Drops a batch of the first `count` clips.
void model_story_drop(const char *name, size_t count, const char *job);
// Waits until the batch has completed and nothing of it is under way; gives its status.
json_t *model_story_end(const char *name);

// The JSON file of a batch's outbox folder.  Gives a reference.
json_t *model_story_file(const char *name, const char *file);

#endif
