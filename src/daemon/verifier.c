// The program verify, and what it says.
#include "daemon/verifier.h"

#include <sys/wait.h>
#include <sysexits.h>

struct verifier {
    struct service *service;
    struct execution *execution;
    char *name;
    char *said; // its last error
    verifier_ended *ended;
    void *context;
};

static void on_said(void *context, const struct message *message)
{
    struct verifier *verifier = context;
    if (message->kind != MESSAGE_ERROR)
        return;
    free(verifier->said);
    verifier->said = xstrdup(message->error.text);
}

static void on_printed(void *context, const char *line)
{
    (void)context, (void)line; // the same, for people
}

static void on_ended(void *context, int wait_status)
{
    struct verifier *verifier = context;
    int status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : EX_SOFTWARE;
    enum verdict verdict = status == EX_OK        ? VERDICT_GOOD
                           : status == EX_DATAERR ? VERDICT_WRONG
                                                  : VERDICT_UNKNOWN;
    cleanup(free_ptr) char *why = TAKE(verifier->said);
    char words[CHILD_TEXT_SIZE];
    verifier->ended(verifier->context, verdict, why ? why : child_describe(wait_status, words));
}

int verifier_start(struct service *service, const char *name, verifier_ended *ended, void *context,
                   struct verifier **ret_verifier, struct err *err)
{
    cleanup(verifier_free) struct verifier *verifier = xcalloc(1, sizeof *verifier);
    *verifier = (struct verifier){
        .service = service, .name = xstrdup(name), .ended = ended, .context = context
    };
    const struct executor_listener listener = {
        .context = verifier, .said = on_said, .printed = on_printed, .ended = on_ended
    };
    // Not to be taken for an option.
    cleanup(free_ptr) char *path = xasprintf("./%s", name);
    int r = service_start(service, "verify", path, NULL, &listener, &verifier->execution, err);
    if (r == 0)
        *ret_verifier = TAKE(verifier);
    return r;
}

const char *verifier_name(const struct verifier *verifier)
{
    return verifier->name;
}

void verifier_free(struct verifier **verifier_pointer)
{
    struct verifier *verifier = TAKE(*verifier_pointer);
    if (!verifier)
        return;
    if (verifier->execution)
        verifier->service->executor.release(&verifier->execution);
    free(verifier->name);
    free(verifier->said);
    free(verifier);
}
