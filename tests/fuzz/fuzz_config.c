// Any bytes as a configuration: no crash, no leak, no hang; what is accepted keeps its bounds; what
// is refused is refused with words.
#include "base/config.h"
#include "base/text.h"

#include <math.h>

struct element {
    char *name;
    int level;
    double weight;
};

struct object {
    char *text, *bounded;
    int64_t whole;
    double number;
    bool flag;
    int level;
    struct element *list;
    size_t count;
};

static const char *const levels[] = { "low", "normal", "high", NULL };

#define AT(member) offsetof(struct object, member)
static const struct config_option element_options[] = {
    { "name", CONFIG_TEXT, offsetof(struct element, name), NULL, 1, 8 },
    { "level", CONFIG_CHOICE, offsetof(struct element, level), "normal", .choices = levels },
    { "g.w", CONFIG_NUMBER, offsetof(struct element, weight), "1", 0, 10 },
};
static const struct config_option options[] = {
    { "text", CONFIG_TEXT, AT(text), "x" },
    { "bounded", CONFIG_TEXT, AT(bounded), NULL, 0, 8 },
    { "a.whole", CONFIG_INT, AT(whole), "5", 1, 1e10, .unit = "bytes" },
    { "a.b.number", CONFIG_NUMBER, AT(number), "0.5", 0, (double)INFINITY },
    { "flag", CONFIG_BOOL, AT(flag), "true" },
    { "a.level", CONFIG_CHOICE, AT(level), NULL, .choices = levels },
    { "list", CONFIG_LIST, AT(list), NULL, 0, 4, .elements = element_options,
      .element_count = ARRAY_LEN(element_options), .element_size = sizeof(struct element),
      .count_offset = AT(count) },
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void require_bounds(const struct object *object)
{
    require(!object->bounded || strlen(object->bounded) <= 8);
    require(object->whole >= 1 && object->whole <= 10000000000);
    require(isfinite(object->number) && object->number >= 0);
    require(object->level >= 0 && object->level < 3 && object->count <= 4);
    for (size_t i = 0; i < object->count; i++) {
        const struct element *element = &object->list[i];
        require(!element->name || (*element->name && strlen(element->name) <= 8));
        require(element->level >= 0 && element->level < 3);
        require(element->weight >= 0 && element->weight <= 10);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct object object = { 0 };
    struct config_report report = CONFIG_REPORT_INIT;
    char *text = xcalloc(size + 1, 1);
    if (size > 0)
        memcpy(text, data, size);
    int r = config_parse("job.conf", text, options, ARRAY_LEN(options), &object, &report);
    // Also what was refused holds nothing but defaults and good values.
    require_bounds(&object);
    require((r < 0) == (report.count > 0) && (r < 0) == (report.text != NULL));
    require(!report.text || strlen(report.text) < 51 * 1000);
    config_release(options, ARRAY_LEN(options), &object);
    config_report_release(&report);
    free(text);
    return 0;
}
