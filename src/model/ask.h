// Asks models questions: what was answered before is not asked again, what would pass a limit is
// not asked at all.
//
// The order that makes both true wherever the process is killed: question, its key, the kept answer
// of that key (spool/answers.h); only if there is none: money is held (model/purse.h), the gate
// is entered, the request is sent, the answer is kept as it came, the bill is settled.  A call
// whose answer never came stays held, for it may have been billed.
//
// What goes wrong is judged by model/fault.h and tried again by its table, within the settings'
// patience_seconds; a form of answer that the service refuses is asked for less strictly.
#ifndef CLIPSPOOL_ASK_H
#define CLIPSPOOL_ASK_H

#include "model/fault.h"
#include "model/purse.h"
#include "model/wire.h"
#include "net/gate.h"
#include "net/http.h"
#include "spool/answers.h"

// What is asked of whom; all borrowed and kept until asker_close, but for what *http points at
// itself, which is copied (its strings are kept).
struct asker_order {
    const struct model_settings *settings;
    int service; // MODEL_DASHSCOPE or MODEL_OPENAI
    enum model_role role;
    const char *key;        // the secret, or NULL
    const char *credential; // its name, for errors; or NULL
    const char *root;       // of the spool: the ledger of the day
    int batchdir;           // its ledger, and without a cache its answers
    struct gate *gate;      // that all who ask this service go through; NULL: none
    const struct http_rules *http;
};

// One service in one role, for one batch and process.  No connection is made.  Returns 0 or a
// negative: ERR_CONFIG "no_model" if the service has no address or no model for the role, or what
// answers_open and purse_open have.
struct asker;
int asker_open(const struct asker_order *order, struct asker **ret, struct err *err);
// Wipes the key.
void asker_close(struct asker **asker);

// The model's name.  Borrowed.
const char *asker_model(const struct asker *asker);
enum fault_service asker_service(const struct asker *asker);

// What is left for this batch now: of what a batch may spend, and of what all may spend in a day.
// budget_share and budget_choose work with it.  Returns 0 or what purse_room has.
int asker_room(struct asker *asker, struct budget_sum *ret, struct err *err);
void asker_price(const struct asker *asker, struct budget_price *ret);

// For who asks in other ways than by a question (speech): the same accounts, the same answers.
// Borrowed.
const struct purse *asker_purse(const struct asker *asker);
const struct answers *asker_answers(const struct asker *asker);

// One question.  All borrowed.
struct ask {
    const struct wire_question *question; // its model is the asker's, whatever it says
    const char *what;                     // "look", "theme", "clips", "repair": for receipts
    int index;                            // of the source, negative for the batch
    // Hex SHA-256 of the bytes that links in the question stand for (the proxy, the frames); "" if
    // there are none.  The key of an answer is made of service, address, model, texts, parameters
    // and this, never of links, which change.
    const char *content;
    const char *prompt_version;
    struct budget_sum most, original; // of budget_choose: what is held; for the receipt
    // Called only if it must really be sent, and again when the service says that what was prepared
    // has expired: gives the video's link (an upload on demand) instead of question->video.  NULL:
    // the question is sent as it is.  Returns 0 or a negative, which is passed up.
    int (*give_link)(void *context, char **ret_link, struct err *err);
    void *context;
};

// Asks, and fills *reply, which is INIT or released.  Returns 0; 1 if the answer had been kept, so
// that nothing was paid; or a negative:
//   ERR_INPUT  over_budget      nothing was sent
//              what fault_error has for a request that never works, and http_do
//   ERR_RETRY, ERR_SERVICE      what fault_error, http_do and gate_enter have
//   ERR_DENIED, ERR_CONFIG      the key is refused, the model is not there: see fault_error
//   -ECANCELED                  asked to stop
int asker_ask(struct asker *asker, const struct ask *ask, struct wire_reply *reply,
              struct err *err);

#endif
