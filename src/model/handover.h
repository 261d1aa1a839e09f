// A video handed over to DashScope's temporary store, where a model of it finds it as oss://...
//
// The service says where to and signs for it, in a policy that lives for minutes and is for one
// model; the store itself is asked without our key.  One that has expired by the time the video is
// there is prepared anew, once.  What was handed over lives for two days and can be neither listed
// nor removed; the vendor calls it an aid of development, which a bucket of one's own is not.
//
// What the service says is held against rules: it names the host that the video is sent to.
#ifndef CLIPSPOOL_HANDOVER_H
#define CLIPSPOOL_HANDOVER_H

#include "net/http.h"

// All borrowed.
struct handover {
    struct http *http;
    const char *address;    // of the service, as of struct model_place
    const char *key;        // the secret
    const char *credential; // its name, for errors
    const char *model;      // that will look; nobody else may
    const char *file_name;  // at the end of the address that comes of it
    const char *type;       // "video/mp4"
    struct http_body content;
    double deadline_seconds; // of asking for the policy; 0: none
};

// Sends it and gives *ret_link, "oss://...", for requests with WIRE_RESOLVE_FIELD.  Returns 0, or a
// negative:
//   ERR_INPUT   too_large_to_hand_over: more than the service takes
//   ERR_SERVICE garbled_answer: the policy is none; upload_refused: the store wants none of it
//   what fault_error has for the service's answer, and what http_do has
int handover_send(const struct handover *handover, char **ret_link, struct err *err);

#endif
