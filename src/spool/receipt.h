// What a batch cost: its ledger (spool/ledger.h) as people are told it, in status.json and
// receipt.json.
//
// Only what is true is said.  What was used is what services billed.  What was estimated is an
// upper bound, of what was sent and of the originals asked about in the same way: at the same rate,
// with as many pixels a picture and the same questions; so re-encoding alone shows no saving.  Of a
// model without a price no cost is told, instead of none.
#ifndef CLIPSPOOL_RECEIPT_H
#define CLIPSPOOL_RECEIPT_H

#include "spool/ledger.h"

enum { RECEIPT_MAX_CALLS = 1000 }; // listed; the sums are of all

// The receipt, money in units of the currency, which may be NULL:
//   tokens_estimated_original  of all questions that were answered, from the services or from what
//   tokens_estimated_proxy     was kept: at most, had the originals been shown, and as they were
//                              asked
//   tokens_used                billed
//   savings                    0 to 1, of tokens_estimated_original; null: nothing was estimated
//   cost, cost_at_most         billed, and with what is held for calls whose answer never came;
//                              null: no model that was asked has a price
//   currency
//   calls                      { what, index, service, model, kept, tokens, cost }, in order; index
//                              null: of the batch; tokens and cost null: not known
// Gives a reference: null if no model was asked.
json_t *receipt_to_json(const struct ledger *ledger, const char *currency);

// That of an open batch directory.  Gives a reference in *ret.  Returns 0 or what ledger_load has.
int receipt_read(int batchdir, const char *currency, json_t **ret, struct err *err);

#endif
