// What is believed of the clock, and for how long the rest was doubted.
#include "spool/calendar.h"
#include "base/json.h"

#include <errno.h>

#define CALENDAR_FILE "calendar.json"

enum { MAX_BYTES = 4096 };

struct calendar {
    int64_t believed;
    double doubted; // seconds that the service ran while the clock was further
};

static struct calendar load(int dirfd, time_t wall)
{
    struct calendar calendar = { .believed = wall };
    cleanup(json_free) json_t *json = NULL;
    const char *bad = NULL;
    if (json_read(dirfd, CALENDAR_FILE, MAX_BYTES, &json, NULL) < 0)
        return calendar;
    struct calendar read = {
        .believed = json_int(json, "believed", 0, INT64_MAX, 0, &bad),
        .doubted = (double)json_int(json, "doubted", 0, CALENDAR_DOUBT_SECONDS, 0, &bad),
    };
    return bad ? calendar : read;
}

static int save(int dirfd, const struct calendar *calendar, struct err *err)
{
    cleanup(json_free) json_t *json = json_object();
    json_put_int(json, "believed", calendar->believed);
    json_put_int(json, "doubted", (int64_t)calendar->doubted);
    return json_write(dirfd, CALENDAR_FILE, json, err);
}

int calendar_look(int dirfd, time_t wall, double ran_seconds, time_t *ret_now, struct err *err)
{
    struct calendar calendar = load(dirfd, wall);
    bool is_first = ran_seconds < 0;
    double ran = is_first ? 0 : ran_seconds;
    double leap = is_first ? CALENDAR_LEAP_SECONDS : CALENDAR_SLACK_SECONDS;
    double ahead = difftime(wall, (time_t)calendar.believed);
    bool is_doubted = ahead > ran + leap;
    calendar.doubted = is_doubted ? calendar.doubted + ran : 0;
    is_doubted = is_doubted && calendar.doubted < CALENDAR_DOUBT_SECONDS;
    if (is_doubted) {
        calendar.believed += (int64_t)ran;
    } else {
        calendar.believed = wall;
        calendar.doubted = 0;
    }
    *ret_now = (time_t)calendar.believed;
    int r = save(dirfd, &calendar, err);
    return r < 0 ? r : is_doubted;
}
