// A path and a text, kept while expat reads.

#include "store/xml.h"

#include <expat.h>
#include <stdio.h>

struct reading {
    XML_Parser parser;
    xml_element *element;
    void *context;
    struct err *err;
    char path[XML_MAX_PATH_BYTES];
    size_t path_length;
    unsigned depth;
    char *text;
    size_t text_length;
    int failed; // what ended it, or 0
};

static void stop(struct reading *reading, int r)
{
    reading->failed = r;
    (void)XML_StopParser(reading->parser, XML_FALSE);
}

static void refuse(struct reading *reading, const char *reason)
{
    stop(reading, err_set(reading->err, ERR_INPUT, "bad_xml", "the XML %s", reason));
}

static void begin_element(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct reading *reading = context;
    size_t length = strlen(name);
    (void)attributes;
    if (++reading->depth > XML_MAX_DEPTH ||
        reading->path_length + length + 2 > sizeof reading->path) {
        refuse(reading, "is nested too deeply");
        return;
    }
    if (reading->path_length > 0)
        reading->path[reading->path_length++] = '/';
    memcpy(reading->path + reading->path_length, name, length + 1);
    reading->path_length += length;
    reading->text_length = 0;
}

static void end_element(void *context, const XML_Char *name)
{
    struct reading *reading = context;
    if (reading->failed != 0)
        return;
    reading->text[reading->text_length] = '\0';
    int r = reading->element(reading->context, reading->path, reading->text, reading->err);
    size_t length = strlen(name) + 1; // and the / in front of it
    reading->path_length -= length < reading->path_length ? length : reading->path_length;
    reading->path[reading->path_length] = '\0';
    reading->depth--;
    reading->text_length = 0;
    if (r != 0)
        stop(reading, r);
}

static void take_text(void *context, const XML_Char *text, int length)
{
    struct reading *reading = context;
    size_t size = (size_t)length;
    if (reading->failed != 0)
        return;
    if (size > XML_MAX_TEXT_BYTES - reading->text_length) {
        refuse(reading, "has too long a text in it");
        return;
    }
    memcpy(reading->text + reading->text_length, text, size);
    reading->text_length += size;
}

static void refuse_type(void *context, const XML_Char *name, const XML_Char *system_id,
                        const XML_Char *public_id, int has_subset)
{
    (void)name, (void)system_id, (void)public_id, (void)has_subset;
    refuse(context, "declares a document type, which no service does");
}

int xml_read(const char *data, size_t size, xml_element *element, void *context, struct err *err)
{
    struct err own = ERR_INIT;
    // UTF-8 whatever the document says of itself.
    XML_Parser parser = XML_ParserCreate("UTF-8");
    cleanup(free_ptr) char *text = xcalloc(1, XML_MAX_TEXT_BYTES + 1);
    if (parser == NULL)
        base_out_of_memory();
    struct reading reading = { .parser = parser,
                               .element = element,
                               .context = context,
                               .err = err ? err : &own,
                               .text = text };
    XML_SetUserData(parser, &reading);
    XML_SetElementHandler(parser, begin_element, end_element);
    XML_SetCharacterDataHandler(parser, take_text);
    XML_SetStartDoctypeDeclHandler(parser, refuse_type);
    enum XML_Status status = size > INT32_MAX
                                 ? XML_STATUS_ERROR
                                 : XML_Parse(parser, data ? data : "", (int)size, XML_TRUE);
    enum XML_Error error = XML_GetErrorCode(parser);
    XML_ParserFree(parser);
    if (reading.failed != 0)
        return reading.failed;
    if (error == XML_ERROR_NO_MEMORY)
        base_out_of_memory();
    if (status != XML_STATUS_OK)
        return err_set(err, ERR_INPUT, "bad_xml", "the XML is broken: %s", XML_ErrorString(error));
    return 0;
}

void xml_keep(char **to, const char *text)
{
    free(*to);
    *to = xstrdup(text);
}

void xml_escape(const char *text, char **out, size_t *length)
{
    static const char *const entities[256] = {
        ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;"
    };
    *out = xrealloc(*out, *length + 6 * strlen(text) + 1, 1);
    char *at = *out + *length;
    for (; *text != '\0'; text++) {
        const char *entity = entities[(unsigned char)*text];
        size_t size = entity ? strlen(entity) : 1;
        memcpy(at, entity ? entity : text, size);
        at += size;
    }
    *at = '\0';
    *length = (size_t)(at - *out);
}
