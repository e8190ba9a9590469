// A soft clipper that touches only peaks: where the oversampled signal passes the knee, the difference between the
// curve and the straight line is made, band-limited on its way down, and added. Everything else stays bit for bit.
#include "interpolate.hpp"

namespace {

constexpr std::int64_t MOST_PHASES = 16;

// Curve minus straight line. Linear to ``knee``, then a parabola that meets ``top`` with slope 0.
INLINE float bend(float x, float knee, float top) {
    const float size = x < 0 ? -x : x;
    if (size <= knee) return 0.0f;
    const float u = (size - knee) / (top - knee);
    const float shaped = u < 2.0f ? knee + (top - knee) * (u - u * u * 0.25f) : top;
    return x < 0 ? size - shaped : shaped - size;
}

INLINE float sample(const float* channel, std::int64_t length, std::int64_t i) {
    return i < 0 || i >= length ? 0.0f : channel[i];
}

INLINE float between(const float* channel, std::int64_t length, std::int64_t i, const float* row, std::int64_t taps) {
    float sum = 0;
    for (std::int64_t k = 0; k < taps; k++) sum += sample(channel, length, i - taps / 2 + 1 + k) * row[k];
    return sum;
}

}  // namespace

// One channel. out holds a copy of in and is changed where the clipper works. knee < top.
KERNEL(softclip)(const float* in, std::int64_t length, const float* weights, std::int64_t phases, std::int64_t taps,
                 double knee, double top, float* out) {
    const std::int64_t bad = first_not_finite(in, length);
    if (bad != FINE) return bad;
    if (phases > MOST_PHASES || taps > MOST_TAPS) return 0;
    const Bank bank = {weights, phases, taps};
    const float from = float(knee), to = float(top), share = 1.0f / float(phases);
    for (std::int64_t start = 0; start < length; start += 8) {
        const v8 peaks = peaks_at(in, length, start, bank);
        for (std::int64_t i = start; i < lowest(start + 8, length); i++) {
            if (!(peaks[i - start] > from)) continue;
            for (std::int64_t row = 0; row < phases; row++) {
                const float* line = weights + row * taps;
                const float change = bend(between(in, length, i, line, taps), from, to) * share;
                if (change == 0.0f) continue;
                const std::int64_t first = i - taps / 2 + 1;
                for (std::int64_t k = 0; k < taps; k++)
                    if (first + k >= 0 && first + k < length) out[first + k] += change * line[k];
            }
        }
    }
    return FINE;
}
