// Adding a track to a float64 bus under gains that may move.
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

void add_ramp(const float* __restrict track, double* __restrict bus, std::int64_t count, Ramp ramp,
              std::int64_t since_origin) {
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
