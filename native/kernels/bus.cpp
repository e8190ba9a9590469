// Gain, pan, polarity, delay and sum of any number of tracks into one stereo bus: float64, always in the order given.
#include "bus.hpp"

namespace {

constexpr std::int64_t BLOCK = 1024;  // a stereo float64 block stays in the first-level cache while all tracks are added

}  // namespace

// One side of the bus: bus[i] is song position start + i. Per track: address, length, offset (song position of its
// first sample), and its points at[points[t] .. points[t + 1]), strictly rising. Returns the first guilty bus sample.
KERNEL(mix_bus)(const std::int64_t* tracks, const std::int64_t* lengths, const std::int64_t* offsets,
                const std::int64_t* points, const std::int64_t* at, const double* gains, std::int64_t count,
                std::int64_t side, std::int64_t start, double* bus, std::int64_t length) {
    FlushDenormals guard;
    for (std::int64_t block = 0; block < length; block += BLOCK) {
        const std::int64_t block_end = lowest(block + BLOCK, length);
        for (std::int64_t t = 0; t < count; t++) {
            const std::int64_t first = highest(start + block, offsets[t]);
            const std::int64_t end = lowest(start + block_end, offsets[t] + lengths[t]);
            if (first >= end) continue;
            const float* track = reinterpret_cast<const float*>(tracks[t]) + (first - offsets[t]);
            const Curve curve = {at + points[t], gains + 2 * points[t], points[t + 1] - points[t]};
            add_curve(track, bus + (first - start), first, end - first, curve, static_cast<int>(side));
        }
    }
    return first_not_finite(bus, length);
}

// The last step of a bus: to float32, refused where it holds what is not finite or does not fit.
KERNEL(narrow_bus)(const double* bus, float* samples, std::int64_t length) {
    FlushDenormals guard;
    for (std::int64_t i = 0; i < length; i++) samples[i] = static_cast<float>(bus[i]);
    return first_not_finite(samples, length);
}
