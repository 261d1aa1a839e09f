// How much a service outside may be asked: what is known of each, in a small file of services/.
//
// Whoever asks a service, in whatever process, reads and changes that file (net/gate.h has the
// locks); people see it in doctor.  Here is the arithmetic, pure, and the form of the file:
//
//   a bucket of tokens    one number, the moment to which all that was asked for is paid; asking
//   moves
//                         it on by the price of a request, and nobody asks more than a burst ahead
//   a breaker             failures in a row open it; then nobody asks until it has rested, and
//   after
//                         that one does, whose success closes it
//
// Times are microseconds of CLOCK_BOOTTIME, which all processes share and nobody sets.  It begins
// again with the machine, so what lies further ahead than it could have been put is nothing.
//
// None of it is synced: after a crash of the machine services are simply asked again.
#ifndef CLIPSPOOL_THROTTLE_H
#define CLIPSPOOL_THROTTLE_H

#include "base/err.h"

struct throttle_rules {
    double per_second;   // requests, in the long run; 0: no limit
    unsigned burst;      // that many at once, at least 1
    unsigned concurrent; // at a time, in all processes; 0: no limit
    unsigned failures;   // in a row, that open the breaker; 0: it never opens
    double rest_seconds; // how long it stays open
};

enum { THROTTLE_WHY_SIZE = 48, THROTTLE_MAX_CONCURRENT = 1000 };

struct throttle {                // zeroed: nothing is known
    int64_t arrival_us;          // all that was asked for is paid for then
    int64_t rest_us;             // the breaker is open until then
    int64_t probe_us;            // somebody asks whether it is back; until then nobody else does
    unsigned failures;           // in a row
    char why[THROTTLE_WHY_SIZE]; // the word of the last failure
};

enum throttle_answer {
    THROTTLE_GO,   // and a token is taken
    THROTTLE_WAIT, // so long, then ask again
    THROTTLE_AWAY, // the breaker is open, for so long
};
// May it be asked now?  Sets *ret_wait_us for the others.
enum throttle_answer throttle_ask(struct throttle *throttle, const struct throttle_rules *rules,
                                  int64_t now_us, int64_t *ret_wait_us);
// Would it be AWAY?  Changes nothing.
bool throttle_is_away(const struct throttle *throttle, const struct throttle_rules *rules,
                      int64_t now_us, int64_t *ret_wait_us);

// What became of it.  Class ERR_NONE, or one that shows that the service answered (ERR_INPUT,
// ERR_DENIED, ERR_CONFIG): it is well.  ERR_SERVICE and ERR_RETRY: it failed, and if it said how
// long to wait, nobody asks before.  Others, and "stopped", "changed" and "damaged", say nothing.
void throttle_tell(struct throttle *throttle, const struct throttle_rules *rules, int64_t now_us,
                   const struct err *outcome);

// Microseconds of CLOCK_BOOTTIME.
int64_t throttle_now(void);

// ---- in words

// Sets err (ERR_SERVICE "service_away", with retry_after) for the service of that name, as in
// "storage oss-main".  Returns a negative.
int throttle_away(const struct throttle *throttle, const char *name, int64_t wait_us,
                  struct err *err);
// True if it says that one had no turn at a service, for it rests or is asked by others ("no_turn"
// of net/gate.h): whoever counts tries counts none.
bool throttle_had_no_turn(const struct err *err);
// The name again, from such an error, whatever was put before its text; NULL from another.  Gives a
// string.
char *throttle_away_name(const struct err *err);

// ---- on disk

// Opens the folder of services in the root of a spool; with `create` it is made if it is missing,
// mode 0700.  Returns the descriptor or -errno.
int throttle_open(const char *root, bool create);
// The name of a service's file.  Gives a string.
char *throttle_file(const char *name);

// The file is THROTTLE_BYTES long; locks lie behind it: of the state, and of each of the places.
enum { THROTTLE_BYTES = 1024, THROTTLE_LOCK = 4096, THROTTLE_PLACES = 8192 };

// Reads it; a file that is empty or damaged is a service of which nothing is known.  *ret_name, if
// it is not NULL, gets the name of the service (a string), or NULL if the file does not say.
void throttle_read(int fd, struct throttle *ret_throttle, char **ret_name);
// Writes it with one call.
void throttle_write(int fd, const struct throttle *throttle, const char *name);
// How many ask now.
unsigned throttle_busy(int fd);

// Removes the files of services that nobody asked for a day.  Who asks one at that moment asks it
// by a file of his own, for once.
void throttle_expire(const char *root);

#endif
