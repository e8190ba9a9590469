// Gain, pan, polarity, delay and sum of any number of tracks into one stereo bus of float64, on the grid of bus.hpp.
#include "bus.hpp"

namespace {

constexpr std::int64_t BLOCK = 1024;  // a float64 block stays in the first-level cache while all tracks are added

}  // namespace

// Onto bus (2, bus_row), columns ``bus_at`` on, which is song position ``start``. Per track: addresses of its left and
// right side, length, offset (song position of its first sample), and its points at[points[t] .. points[t + 1]),
// strictly rising. Returns the first guilty sample of the stretch.
KERNEL(mix_bus)(const std::int64_t* tracks, const std::int64_t* lengths, const std::int64_t* offsets,
                const std::int64_t* points, const std::int64_t* at, const double* gains, std::int64_t count, double* bus,
                std::int64_t bus_row, std::int64_t bus_at, std::int64_t start, std::int64_t length) {
    FlushDenormals guard;
    for (std::int64_t done = 0; done < length; done += BLOCK) {
        const std::int64_t block = start + done, block_length = lowest(BLOCK, length - done);
        for (int side = 0; side < 2; side++) {
            double* const sum = bus + side * bus_row + bus_at + done;
            for (std::int64_t t = 0; t < count; t++) {
                const std::int64_t first = highest(block, offsets[t]);
                const std::int64_t end = lowest(block + block_length, offsets[t] + lengths[t]);
                if (first >= end) continue;
                const float* track = reinterpret_cast<const float*>(tracks[2 * t + side]) + (first - offsets[t]);
                const Curve curve = {at + points[t], gains + 2 * points[t], points[t + 1] - points[t]};
                add_curve(track, sum + (first - block), first, end - first, curve, side);
            }
            const std::int64_t guilty = first_not_finite(sum, block_length);
            if (guilty != FINE) return done + guilty;
        }
    }
    return FINE;
}

// The last step of a bus: to float32, refused where it holds what is not finite or does not fit. Rows of ``samples`` are
// ``row`` apart.
KERNEL(narrow_bus)(const double* bus, std::int64_t bus_row, float* samples, std::int64_t row, std::int64_t sides,
                   std::int64_t bus_at, std::int64_t at, std::int64_t length) {
    FlushDenormals guard;
    for (std::int64_t side = 0; side < sides; side++) {
        const double* const from = bus + side * bus_row + bus_at;
        float* const to = samples + side * row + at;
        for (std::int64_t done = 0; done < length; done += BLOCK) {
            const std::int64_t count = lowest(BLOCK, length - done);
            for (std::int64_t i = 0; i < count; i++) to[done + i] = static_cast<float>(from[done + i]);
            const std::int64_t guilty = first_not_finite(to + done, count);
            if (guilty != FINE) return done + guilty;
        }
    }
    return FINE;
}
