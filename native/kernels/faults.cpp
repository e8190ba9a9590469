// What the search for faults needs of every sample: a coarse picture to look for suspects in, and a slow copy for hum.
#include "kernel.hpp"

namespace {

INLINE v8 size_of(v8 x) { return x < 0 ? -x : x; }

INLINE float most_of(v8 x) {
    float most = 0;
    for (int lane = 0; lane < 8; lane++) most = highest(most, x[lane]);
    return most;
}

}  // namespace

// Per ``hop`` (a multiple of 8) samples of one channel: the highest size, and the highest size of the second difference.
// ``in`` starts two samples before the first hop.
KERNEL(fault_screen)(const float* in, std::int64_t hops, std::int64_t hop, float* peaks, float* jumps) {
    const float* at = in + 2;
    for (std::int64_t made = 0; made < hops; made++) {
        v8 peak = {}, jump = {};
        for (std::int64_t i = 0; i < hop; i += 8, at += 8) {
            const v8 now = load<v8>(at), before = load<v8>(at - 1), earlier = load<v8>(at - 2);
            peak = highest(peak, size_of(now));
            jump = highest(jump, size_of((now - before) - (before - earlier)));
        }
        peaks[made] = most_of(peak);
        jumps[made] = most_of(jump);
    }
    return FINE;
}

// Every ``factor``-th value of ``in`` through a filter of ``taps`` (a multiple of 8) weights, in eight fixed lanes.
KERNEL(fault_decimate)(const float* in, const float* weights, std::int64_t taps, std::int64_t factor, std::int64_t count,
                       float* out) {
    for (std::int64_t made = 0; made < count; made++, in += factor) {
        v8 sums = {};
        for (std::int64_t tap = 0; tap < taps; tap += 8) sums += load<v8>(in + tap) * load<v8>(weights + tap);
        const v4f halves = {sums[0] + sums[4], sums[1] + sums[5], sums[2] + sums[6], sums[3] + sums[7]};
        out[made] = (halves[0] + halves[2]) + (halves[1] + halves[3]);
    }
    return FINE;
}

// Squares of both channels and their product over each ``hop`` (a multiple of 8) samples: (hops, 3).
KERNEL(fault_products)(const float* left, const float* right, std::int64_t hops, std::int64_t hop, double* products) {
    for (std::int64_t made = 0; made < hops; made++, products += 3) {
        v8 lefts = {}, rights = {}, both = {};
        for (std::int64_t i = 0; i < hop; i += 8, left += 8, right += 8) {
            const v8 a = load<v8>(left), b = load<v8>(right);
            lefts += a * a;
            rights += b * b;
            both += a * b;
        }
        for (int lane = 0; lane < 8; lane++) {
            products[0] += lefts[lane];
            products[1] += rights[lane];
            products[2] += both[lane];
        }
    }
    return FINE;
}

// The mean of each value and ``width`` to either side, at the ends of those that there are; none is below 0. ``sums``:
// ``count + 1`` to work in.
KERNEL(fault_means)(const double* values, std::int64_t count, std::int64_t width, double* sums, double* means) {
    sums[0] = 0.0;
    for (std::int64_t i = 0; i < count; i++) sums[i + 1] = sums[i] + values[i];
    for (std::int64_t i = 0; i < count; i++) {
        const std::int64_t first = highest<std::int64_t>(0, i - width), end = lowest(count, i + width + 1);
        means[i] = highest(sums[end] - sums[first], 0.0) / static_cast<double>(end - first);
    }
    return FINE;
}
