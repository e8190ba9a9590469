// Gain, pan, polarity, delay and sum of any number of tracks into one stereo bus: float64, always in the order given.
#include "kernel.hpp"

namespace {

constexpr std::int64_t BLOCK = 1024;  // a stereo float64 block stays in the first-level cache while all tracks are added

// Gains move in a straight line between points and stay outside them. Positions count from the start of the song.
struct Curve {
    const std::int64_t* at;
    const double* gains;  // (count, 2)
    std::int64_t count;
};

struct Ramp {  // gain = first + slope * (position - origin)
    double first, slope;
};

Ramp ramp_between(const Curve& curve, std::int64_t point, int side) {
    const double first = curve.gains[2 * point + side];
    if (point + 1 >= curve.count) return {first, 0.0};
    const double span = static_cast<double>(curve.at[point + 1] - curve.at[point]);
    return {first, (curve.gains[2 * (point + 1) + side] - first) / span};
}

void add_ramp(const float* track, double* bus, std::int64_t count, Ramp ramp, std::int64_t since_origin) {
    if (ramp.slope == 0.0) {
        for (std::int64_t i = 0; i < count; i++) bus[i] += ramp.first * static_cast<double>(track[i]);
        return;
    }
    for (std::int64_t i = 0; i < count; i++) {
        const double gain = ramp.first + ramp.slope * static_cast<double>(since_origin + i);
        bus[i] += gain * static_cast<double>(track[i]);
    }
}

// Adds track[0 .. count), whose first sample lies at ``position``, piece by piece between points.
void add_curve(const float* track, double* bus, std::int64_t position, std::int64_t count, const Curve& curve, int side) {
    std::int64_t point = 0;
    for (std::int64_t done = 0; done < count;) {
        const std::int64_t now = position + done;
        while (point + 1 < curve.count && curve.at[point + 1] <= now) point++;
        const bool before = now < curve.at[point], last = point + 1 >= curve.count;
        const std::int64_t end = before ? curve.at[point] : last ? position + count : curve.at[point + 1];
        const std::int64_t piece = lowest(count - done, end - now);
        const Ramp ramp = before ? Ramp{curve.gains[2 * point + side], 0.0} : ramp_between(curve, point, side);
        add_ramp(track + done, bus + done, piece, ramp, now - curve.at[point]);
        done += piece;
    }
}

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
