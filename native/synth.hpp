// Shared by the synth kernels: counter-based noise, the envelope, the state-variable filter.
#pragma once
#include "mathfn.hpp"

namespace {

constexpr std::int64_t CONTROL = 16;  // samples between two values of what moves slowly; straight lines join them

// A number for every (seed, position): no state, so any stretch of noise can be made alone and gives the same bits
// everywhere. Mixing function: SplitMix64 (Steele, Lea, Flood 2014).
INLINE std::uint64_t scrambled(std::uint64_t seed, std::uint64_t position) {
    std::uint64_t z = seed + (position + 1) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

// Evenly spread in [0, 1).
INLINE double uniform_at(std::uint64_t seed, std::uint64_t position) {
    return double(std::int64_t(scrambled(seed, position) >> 11)) * 0x1p-53;
}

// White, evenly spread in [-1, 1).
INLINE double noise_at(std::uint64_t seed, std::uint64_t position) { return 2.0 * uniform_at(seed, position) - 1.0; }

// Slow random movement in [-1, 1): noise at whole positions, joined by cubic ease.
INLINE double wander_at(std::uint64_t seed, double position) {
    const std::int64_t whole = std::int64_t(position);
    const double x = position - double(whole), ease = x * x * (3.0 - 2.0 * x);
    const double from = noise_at(seed, std::uint64_t(whole)), to = noise_at(seed, std::uint64_t(whole) + 1);
    return from + (to - from) * ease;
}

// Attack (parabolic), hold, exponential decay to a sustain level, exponential release from wherever it stands.
// Six numbers: attack and hold in samples, decay factor a sample, sustain 0..1, release factor a sample, gate in samples.
struct Envelope {
    static constexpr int SIZE = 6;
    double attack, hold, decay, sustain, release, gate;
    double level = 0.0, released = -1.0;
    std::int64_t position = 0;

    explicit Envelope(const double* p)
        : attack(p[0]), hold(p[1]), decay(p[2]), sustain(p[3]), release(p[4]), gate(p[5]) {}

    double next() {
        const double now = double(position++);
        if (now >= gate) {
            released = released < 0.0 ? level : released * release;
            return level = released;
        }
        if (now < attack) {
            const double left = 1.0 - now / attack;
            return level = 1.0 - left * left;
        }
        if (now < attack + hold) return level = 1.0;
        // The first sample of the decay is full, so that an attack of zero starts at 1.
        if (now < attack + hold + 1.0) return level = 1.0;
        return level = sustain + (level - sustain) * decay;
    }
};

// State-variable filter by trapezoidal integration (Zavalishin 2012, Simper 2013).
struct Coefficients {
    double damping, a1, a2, a3;
};

INLINE Coefficients tuned(double turns, double damping) {
    const double half = lowest(highest(turns, 1e-5), 0.49) * 0.5;
    const double g = sin_turns(half) / cos_turns(half);
    const double a1 = 1.0 / (1.0 + g * (g + damping));
    return {damping, a1, g * a1, g * g * a1};
}

}  // namespace
