// A soft clipper that touches only peaks: where the oversampled signal passes the knee, the difference between the
// curve and the straight line is made, band-limited on its way down, and added. Everything else stays bit for bit.
#include "interpolate.hpp"

namespace {

constexpr std::int64_t BLOCK = 512, MOST_PHASES = 16, ROOM = MOST_TAPS + BLOCK + 8;

// The largest size among so many eights of samples.
INLINE float largest(const float* samples, std::int64_t eights) {
    v8 most = {};
    for (std::int64_t i = 0; i < eights; i++) most = highest(most, absolute(load<v8>(samples + 8 * i)));
    float size = most[0];
    for (int lane = 1; lane < 8; lane++) size = highest(size, most[lane]);
    return size;
}

// Curve minus straight line. Linear to ``knee``, then a parabola that meets ``top`` with slope 0.
INLINE float bend(float x, float knee, float top) {
    const float size = x < 0 ? -x : x;
    if (size <= knee) return 0.0f;
    const float u = (size - knee) / (top - knee);
    const float shaped = u < 2.0f ? knee + (top - knee) * (u - u * u * 0.25f) : top;
    return x < 0 ? size - shaped : shaped - size;
}

// taps is a multiple of 8.
INLINE float weighed(const float* samples, const float* row, std::int64_t taps) {
    v8 sums = {};
    for (std::int64_t k = 0; k < taps; k += 8) sums += load<v8>(samples + k) * load<v8>(row + k);
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

// The largest sum of a row's sizes: between the samples, nothing is larger than the samples around it times this.
float overshoot(const Bank& bank) {
    float most = 0;
    for (std::int64_t row = 0; row < bank.phases; row++) {
        float sum = 0;
        const float* line = bank.weights + row * bank.taps;
        for (std::int64_t k = 0; k < bank.taps; k++) sum += highest(line[k], -line[k]);
        most = highest(most, sum);
    }
    return most;
}

// Adds to ``made`` what bending changes between two samples; both arrays begin taps/2 - 1 samples before the first.
void bend_between(const float* near, const Bank& bank, float knee, float top, float* made) {
    for (std::int64_t row = 0; row < bank.phases; row++) {
        const float* line = bank.weights + row * bank.taps;
        const float change = bend(weighed(near, line, bank.taps), knee, top) / float(bank.phases);
        if (change == 0.0f) continue;
        for (std::int64_t k = 0; k < bank.taps; k++) made[k] += change * line[k];
    }
}

}  // namespace

// One channel, times ``drive``, then clipped, taps - 1 samples late. knee < top. heard, pending: the last taps - 1 samples
// that were driven, and what they have become so far; 0 at the start.
KERNEL(softclip)(const float* in, float* out, std::int64_t length, const float* weights, std::int64_t phases,
                 std::int64_t taps, double drive, double knee, double top, float* heard, float* pending) {
    const std::int64_t bad = first_not_finite(in, length);
    if (bad != FINE) return bad;
    if (phases > MOST_PHASES || taps > MOST_TAPS || taps % 8) return 0;
    FlushDenormals guard;
    const Bank bank = {weights, phases, taps};
    const float from = float(knee), to = float(top), gain = float(drive);
    const float quiet = from / (1.001f * overshoot(bank));
    const std::int64_t past = taps - 1;
    const std::size_t past_bytes = static_cast<std::size_t>(past) * sizeof(float);
    float near[ROOM] = {}, made[ROOM] = {};
    std::memcpy(near, heard, past_bytes);
    std::memcpy(made, pending, past_bytes);
    for (std::int64_t at = 0; at < length; at += BLOCK) {
        const std::int64_t count = lowest(BLOCK, length - at);
        for (std::int64_t i = 0; i < count; i++) near[past + i] = made[past + i] = in[at + i] * gain;
        for (std::int64_t start = 0; start < count; start += 8) {
            if (largest(near + start, taps / 8 + 1) < quiet) continue;
            const v8 peaks = peaks_of_eight(near + start, bank);
            for (std::int64_t i = start; i < lowest(start + 8, count); i++)
                if (peaks[i - start] > from) bend_between(near + i, bank, from, to, made + i);
        }
        std::memcpy(out + at, made, static_cast<std::size_t>(count) * sizeof(float));
        std::memmove(near, near + count, past_bytes);
        std::memmove(made, made + count, past_bytes);
    }
    std::memcpy(heard, near, past_bytes);
    std::memcpy(pending, made, past_bytes);
    return first_not_finite(out, length);
}
