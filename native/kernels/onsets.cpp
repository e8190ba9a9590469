// What begins in a sound: compressed levels of bands, and how far each rises over what was there before.
#include "kernel.hpp"
#include "mathfn.hpp"

namespace {

constexpr float LN_2 = 0.6931472f;

INLINE float sum_of(v8 lanes) {
    const v4f fours = {lanes[0] + lanes[4], lanes[1] + lanes[5], lanes[2] + lanes[6], lanes[3] + lanes[7]};
    return (fours[0] + fours[2]) + (fours[1] + fours[3]);
}

// Sum in eight fixed lanes, the rest one by one.
INLINE float sum_of(const float* values, std::int64_t count) {
    v8 lanes = {};
    std::int64_t i = 0;
    for (; i + 8 <= count; i += 8) lanes += load<v8>(values + i);
    float sum = i ? sum_of(lanes) : 0.0f;
    for (; i < count; i++) sum += values[i];
    return sum;
}

}  // namespace

// ln(1 + gain * the sum of the magnitudes) of each band of lines [edges[b], edges[b + 1]): levels (frames, bands).
// powers: (frames, lines); gains: (bands); magnitudes: (lines) to work in.
KERNEL(onset_levels)(const float* powers, std::int64_t frames, std::int64_t lines, const std::int64_t* edges,
                     const float* gains, std::int64_t bands, float* magnitudes, float* levels) {
    const std::int64_t first = edges[0], last = edges[bands];
    for (std::int64_t frame = 0; frame < frames; frame++, powers += lines, levels += bands) {
        for (std::int64_t line = first; line < last; line++) magnitudes[line] = __builtin_sqrtf(powers[line]);
        for (std::int64_t band = 0; band < bands; band++)
            levels[band] = 1.0f + gains[band] * sum_of(magnitudes + edges[band], edges[band + 1] - edges[band]);
        std::int64_t band = 0;
        for (; band + 8 <= bands; band += 8) store(levels + band, LN_2 * log2_of(load<v8>(levels + band)));
        for (; band < bands; band++) levels[band] = LN_2 * log2_of(levels[band]);
    }
    return FINE;
}

// What the bands of each register gain together over the loudest of themselves and their neighbours ``back`` frames
// before: rises (frames, registers). levels: (frames, bands); edges: (registers + 1), first bands. The first ``back``
// frames gain nothing.
KERNEL(onset_rises)(const float* levels, std::int64_t frames, std::int64_t bands, std::int64_t back,
                    const std::int64_t* edges, std::int64_t registers, double* rises) {
    for (std::int64_t frame = 0; frame < frames; frame++, levels += bands, rises += registers)
        for (std::int64_t reg = 0; reg < registers; reg++) {
            rises[reg] = 0;
            if (frame < back) continue;
            const float* before = levels - back * bands;
            for (std::int64_t band = edges[reg]; band < edges[reg + 1]; band++) {
                const float loudest = highest(highest(before[highest<std::int64_t>(band - 1, 0)], before[band]),
                                              before[lowest(band + 1, bands - 1)]);
                rises[reg] += highest(levels[band] - loudest, 0.0f);
            }
        }
    return FINE;
}
