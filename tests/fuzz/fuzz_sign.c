// Whatever names are signed, the address stays on its host, one request is not two, and the key is
// nowhere in what comes out.
#include "base/percent.h"
#include "base/text.h"
#include "net/sign.h"

static const char secret_text[] = "SESAMEsesameSESAMEsesame";

static void require(bool good)
{
    if (!good)
        abort();
}

// The next piece of the input up to a line end, as a string.
static char *piece(const uint8_t **data, size_t *size)
{
    const uint8_t *end = *size > 0 ? memchr(*data, '\n', *size) : NULL;
    size_t length = end != NULL ? (size_t)(end - *data) : *size;
    char *text = xstrndup((const char *)*data, length);
    *data += length + (end != NULL);
    *size -= length + (end != NULL);
    return text;
}

static void check_result(const struct sign_request *request, const struct sign_result *result)
{
    for (const char *s = result->url; *s != 0; s++)
        require(*s > 0x20 && *s < 0x7F && strchr("#\\\"<>", *s) == NULL);
    const char *host = strstr(result->url, "://") + 3;
    require(memchr(host, '@', strcspn(host, "/?")) == NULL);
    require(strstr(result->url, secret_text) == NULL);
    require(strstr(result->canonical, secret_text) == NULL);
    require(fields_check_headers(&result->headers, NULL) == 0);

    // The key comes back out of the path.
    const char *path = host + strcspn(host, "/?");
    cleanup(free_ptr) char *decoded = percent_decode_n(path, strcspn(path, "?"));
    const char *key = request->key;
    require(decoded != NULL && text_is_utf8(decoded, strlen(decoded)));
    require(strlen(decoded) >= strlen(key) &&
            strcmp(decoded + strlen(decoded) - strlen(key), key) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    // The fuzzer learns the secret from comparisons and says it itself.
    if (size < 2 || memmem(data, size, secret_text, sizeof secret_text - 1) != NULL)
        return 0;
    unsigned choice = data[0], style = data[1];
    data += 2;
    size -= 2;
    char *pieces[8];
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
        pieces[i] = piece(&data, &size);
    struct sign_place place = { .scheme = (enum sign_scheme)(choice % 3),
                                .style = (enum sign_style)(style % 3),
                                .endpoint = pieces[0],
                                .region = pieces[1],
                                .bucket = pieces[2] };
    struct sign_request request = { .place = &place, .method = "PUT", .key = pieces[3] };
    fields_add(&request.query, pieces[4], pieces[5]);
    fields_add(&request.headers, pieces[6], pieces[7]);
    cleanup(credential_release) struct credential credential = {
        xstrdup("id"), xstrdup(secret_text), choice & 64 ? xstrdup("token+/==") : NULL
    };
    struct sign_result result = SIGN_RESULT_INIT;
    int r = choice & 128 ? sign_link(&request, &credential, 1763195400, 60, &result, NULL)
                         : sign_headers(&request, &credential, 1763195400, &result, NULL);
    if (r == 0)
        check_result(&request, &result);
    sign_release(&result);
    fields_release(&request.query);
    fields_release(&request.headers);
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
        free(pieces[i]);
    return 0;
}
