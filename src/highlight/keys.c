#include "highlight/keys.h"

#include <math.h>

size_t keys_from(const struct keys *keys, double time)
{
    size_t low = 0, high = keys->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (keys->times[middle] < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

double keys_near(const struct keys *keys, double time, double within)
{
    if (keys->all)
        return time;
    double nearest = NAN, least = within;
    // The one before and the one after; a tie goes to the latter.
    size_t after = keys_from(keys, time);
    for (size_t i = after > 0 ? after - 1 : 0; i <= after && i < keys->count; i++) {
        double distance = fabs(keys->times[i] - time);
        if (distance <= least) {
            least = distance;
            nearest = keys->times[i];
        }
    }
    return nearest;
}
