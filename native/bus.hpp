// Adding a track to a float64 bus under gains that may move.
//
// Every contribution is rounded to a whole number of GRID = 2^-40 of full scale (-241 dBFS, far below the last bit of
// any sample that is heard) before it is added. A float64 holds such numbers exactly up to 2^13, +78 dBFS, so below that
// no addition ever rounds: the order of the tracks, their grouping into part sums and the threads that make these
// cannot change a bit, and a track that is added again with negated gains is gone without a trace. A contribution above
// 2^11, +66 dBFS, is still added, rounded as float64 rounds it.
#pragma once
#include "kernel.hpp"

namespace {

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

// Adding and taking away 1.5 * 2^12 leaves no room for bits below 2^-40; halves go to the even neighbour, so that -x is
// rounded to the negative of what x is. (The compiler may not cancel the two: it keeps to IEEE arithmetic.)
INLINE double on_grid(double contribution) {
    constexpr double ROUNDER = 6144.0;
    return (contribution + ROUNDER) - ROUNDER;
}

void add_ramp(const float* __restrict track, double* __restrict bus, std::int64_t count, Ramp ramp,
              std::int64_t since_origin) {
    if (ramp.slope == 0.0) {
        for (std::int64_t i = 0; i < count; i++) bus[i] += on_grid(ramp.first * static_cast<double>(track[i]));
        return;
    }
    for (std::int64_t i = 0; i < count; i++) {
        const double gain = ramp.first + ramp.slope * static_cast<double>(since_origin + i);
        bus[i] += on_grid(gain * static_cast<double>(track[i]));
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
