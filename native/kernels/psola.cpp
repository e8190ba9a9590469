// Pitch-synchronous overlap-add: following the periods of a voice, and laying grains of it at other distances.
#include "mathfn.hpp"

namespace {

constexpr std::int64_t MOST_TAPS = 64;
constexpr std::int64_t POINTS_PER_PERIOD = 96;

// How alike two stretches of the sound are: -1..+1, by every ``stride``-th sample.
INLINE double likeness(const float* a, const float* b, std::int64_t length, std::int64_t stride) {
    double ab = 0, aa = 0, bb = 0;
    for (std::int64_t i = 0; i < length; i += stride) {
        const double x = a[i], y = b[i];
        ab += x * y, aa += x * x, bb += y * y;
    }
    // The root is avoided: ab |ab| / (aa bb) rises and falls with the correlation.
    return aa > 0 && bb > 0 ? ab * (ab < 0 ? -ab : ab) / (aa * bb) : 0;
}

// Where between three equally spaced values a parabola through them is highest: -1/2..+1/2.
INLINE double summit(double before, double at, double after) {
    const double bend = before - 2 * at + after;
    return bend < 0 ? highest(-0.5, lowest(0.5, 0.5 * (before - after) / bend)) : 0;
}

struct Sound {
    const float* samples;
    std::int64_t length;

    // The distance (+ later, - earlier) at which the period around ``from`` comes again, near ``period``; 0 at an end.
    double next_period(std::int64_t from, double period, double direction) const {
        const std::int64_t whole = static_cast<std::int64_t>(period + 0.5), half = whole / 2 + 1, reach = whole / 6 + 2;
        const std::int64_t expected = direction < 0 ? -whole : whole;
        const std::int64_t stride = highest(std::int64_t(1), whole / POINTS_PER_PERIOD), margin = half + stride + 1;
        const std::int64_t first = lowest(from, from + expected - reach) - margin;
        const std::int64_t last = highest(from, from + expected + reach) + margin;
        if (first < 0 || last >= length) return 0;
        const float* here = samples + from - half;
        auto best_of = [&](std::int64_t from_shift, std::int64_t to_shift, std::int64_t step) {
            std::int64_t best = expected;
            double most = -2;
            for (std::int64_t shift = from_shift; shift <= to_shift; shift += step)
                if (const double found = likeness(here, here + shift, 2 * half, step); found > most)
                    most = found, best = shift;
            return best;
        };
        const std::int64_t rough = best_of(expected - reach, expected + reach, stride);
        const std::int64_t best = best_of(rough - stride, rough + stride, 1);
        auto at = [&](std::int64_t shift) { return likeness(here, here + shift, 2 * half, 1); };
        return static_cast<double>(best) + summit(at(best - 1), at(best), at(best + 1));
    }
};

// One row of the bank between two of its phases: the filter that reads the sound ``share`` of the way to a sample.
INLINE void fill_filter(float* filter, const float* bank, std::int64_t phases, std::int64_t taps, double share) {
    const double place = share * static_cast<double>(phases);
    const std::int64_t row = lowest(static_cast<std::int64_t>(place), phases - 1);
    const float late = static_cast<float>(place - static_cast<double>(row)), soon = 1.0f - late;
    const float* low = bank + row * taps;
    const float* high = bank + (row + 1 == phases ? 0 : row + 1) * taps;
    const std::int64_t moved = row + 1 == phases ? 1 : 0;  // a whole sample on: the first row, one tap later
    for (std::int64_t k = 0; k < taps; k++) {
        const float next = k >= moved ? high[k - moved] : 0.0f;
        filter[k] = soon * low[k] + late * next;
    }
}

INLINE float read(const float* in, std::int64_t length, std::int64_t first, const float* filter, std::int64_t taps) {
    if (first >= 0 && first + taps <= length) {
        v8 sum = {};
        for (std::int64_t k = 0; k < taps; k += 8) sum += load<v8>(in + first + k) * load<v8>(filter + k);
        return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
    }
    float sum = 0;
    for (std::int64_t k = 0; k < taps; k++)
        if (first + k >= 0 && first + k < length) sum += in[first + k] * filter[k];
    return sum;
}

INLINE std::int64_t ceiling(double x) {
    const std::int64_t whole = static_cast<std::int64_t>(x);
    return static_cast<double>(whole) < x ? whole + 1 : whole;
}

INLINE std::int64_t floor_of(double x) {
    const std::int64_t whole = static_cast<std::int64_t>(x);
    return static_cast<double>(whole) > x ? whole - 1 : whole;
}

}  // namespace

// Marks one period apart from ``start``, later (direction +1) or earlier (-1), while they lie in [first, last] and
// there are fewer than ``most``. periods: expected period in samples, every ``hop`` samples. marks: (most,), count: (1,).
KERNEL(follow_periods)(const float* in, std::int64_t length, const double* periods, std::int64_t known, double hop,
                       double start, double direction, double first, double last, double* marks, std::int64_t most,
                       std::int64_t* count) {
    FlushDenormals guard;
    const Sound sound = {in, length};
    std::int64_t made = 0;
    double at = start;
    while (made < most) {
        const std::int64_t from = static_cast<std::int64_t>(at + 0.5);
        const std::int64_t step = lowest(highest(static_cast<std::int64_t>(at / hop + 0.5), std::int64_t(0)), known - 1);
        const double moved = sound.next_period(from, periods[step], direction);
        at += moved;
        if (moved == 0 || at < first || at > last) break;
        marks[made++] = at;
    }
    count[0] = made;
    return FINE;
}

// Adds grains to ``out``: grain g is the sound around source[g], ``left`` before and ``right`` after it, under two
// halves of a Hann window, times gain, with its middle at place[g]. taps: a multiple of 8.
KERNEL(lay_grains)(const float* in, std::int64_t length, const double* source, const double* place, const double* left,
                   const double* right, const double* gain, std::int64_t grains, const float* bank, std::int64_t phases,
                   std::int64_t taps, double* out) {
    FlushDenormals guard;
    const std::int64_t bad = first_not_finite(in, length);
    if (bad != FINE) return bad;
    if (taps > MOST_TAPS) return 0;
    float filter[MOST_TAPS];
    for (std::int64_t g = 0; g < grains; g++) {
        const double lag = source[g] - place[g];
        const std::int64_t whole = floor_of(lag);
        fill_filter(filter, bank, phases, taps, lag - static_cast<double>(whole));
        const std::int64_t from = highest(ceiling(place[g] - left[g]), std::int64_t(0));
        const std::int64_t to = lowest(floor_of(place[g] + right[g]), length - 1);
        for (std::int64_t n = from; n <= to; n++) {
            const double distance = static_cast<double>(n) - place[g];
            const double part = distance < 0 ? distance / left[g] : distance / right[g];
            const double window = gain[g] * (0.5 + 0.5 * cos_turns(0.5 * part));
            out[n] += window * static_cast<double>(read(in, length, n + whole - taps / 2 + 1, filter, taps));
        }
    }
    return FINE;
}
