// The strip's compressor: feed-forward, in the log domain, smoothed after the gain computer (Giannoulis, Massberg & Reiss,
// JAES 60(6), 2012). Levels are log2 of power, so one unit is 3.01 dB.
#pragma once
#include "levels.hpp"
#include "strip_lanes.hpp"

namespace {

using v2d = double __attribute__((vector_size(16)));

// Rows of the settings, four doubles each.
enum Row { POWER_SHARE, PEAK, THRESHOLD, KNEE, HALF_SLOPE, DIRECTION, ATTACK, RELEASE, MAKE_UP, KEYED };

// One double a track, and how it comes from floats and goes back to them.
template <int TRACKS> struct PerTrack;
template <> struct PerTrack<1> {
    using Doubles = double;
    INLINE double widened(const float* from) { return static_cast<double>(*from); }
    INLINE void narrowed(double from, float* to) { *to = static_cast<float>(from); }
};
template <> struct PerTrack<2> {
    using Doubles = v2d;
    INLINE v2d widened(const float* from) { return v2d{static_cast<double>(from[0]), static_cast<double>(from[1])}; }
    INLINE void narrowed(v2d from, float* to) { to[0] = static_cast<float>(from[0]), to[1] = static_cast<float>(from[1]); }
};
template <> struct PerTrack<4> {
    using Doubles = v4d;
    INLINE v4d widened(const float* from) { return widen(load<v4f>(from)); }
    INLINE void narrowed(v4d from, float* to) { store(to, narrow(from)); }
};

// What follows levels in place, a frame a step. Every step waits for the one before, so steps are done beside other work.
// Copies are made member by member: what g++ copies as a block of bytes it will not keep in registers afterwards.

// The power that is heard, averaged. In float64, like the smoothing.
template <int TRACKS>
struct Averaging {
    using Doubles = typename PerTrack<TRACKS>::Doubles;
    Doubles share, rest, power;
    float* levels;

    Averaging() = default;
    Averaging(const Averaging& from) : share(from.share), rest(from.rest), power(from.power), levels(from.levels) {}
    void operator=(const Averaging& from) { power = from.power, levels = from.levels; }

    // Where the detector is a peak's, the share is 1 and nothing changes.
    INLINE void step(Averaging& a) {
        a.power = a.power * a.rest + a.share * PerTrack<TRACKS>::widened(a.levels);
        PerTrack<TRACKS>::narrowed(a.power, a.levels);
        a.levels += TRACKS;
    }
};

// The gains that are wanted, smoothed.
template <int TRACKS>
struct Smoothing {
    using Doubles = typename PerTrack<TRACKS>::Doubles;
    Doubles attack, attack_rest, release, release_rest, reduction;
    float* levels;

    Smoothing() = default;
    Smoothing(const Smoothing& from)
        : attack(from.attack), attack_rest(from.attack_rest), release(from.release), release_rest(from.release_rest),
          reduction(from.reduction), levels(from.levels) {}
    void operator=(const Smoothing& from) { reduction = from.reduction, levels = from.levels; }

    // With attack faster than release the right branch is always the lower of the two candidates: no comparison in the
    // feedback path. Where attack is the slower one, DIRECTION = -1 turns the axis round. In float64, because a long
    // release takes steps too small for float32.
    INLINE void step(Smoothing& s) {
        const Doubles wanted = PerTrack<TRACKS>::widened(s.levels);
        s.reduction = lowest(s.reduction * s.attack_rest + wanted * s.attack, s.reduction * s.release_rest + wanted * s.release);
        PerTrack<TRACKS>::narrowed(s.reduction, s.levels);
        s.levels += TRACKS;
    }
};

template <int TRACKS>
struct AveragingAndSmoothing {
    Averaging<TRACKS> averaging;
    Smoothing<TRACKS> smoothing;

    INLINE void step(AveragingAndSmoothing& both) {
        Averaging<TRACKS>::step(both.averaging);
        Smoothing<TRACKS>::step(both.smoothing);
    }
};

// The steps of a block that have not been done beside something.
template <class Following>
void follow_rest(Following& shared, const float* end) {
    Following following(shared);
    while (following.levels < end) Following::step(following);
    shared = following;
}

template <int TRACKS>
class Compressor {
    using Doubles = typename PerTrack<TRACKS>::Doubles;
    static constexpr std::int64_t FRAMES = 8 / TRACKS;  // a vector of levels

    v8i is_peak_;
    v8 knee_start_, knee_, knee_scale_, slope_, direction_, make_up_;

  public:
    Averaging<TRACKS> averaging;
    Smoothing<TRACKS> smoothing;
    bool only_peaks;

    // state: the smoothed power and the smoothed gain of each track, four doubles each.
    Compressor(const double* settings, const double* state) {
        const auto row = [settings](Row r) { return settings + 4 * r; };
        averaging.share = load<Doubles>(row(POWER_SHARE));
        averaging.rest = 1.0 - averaging.share;
        is_peak_ = tracks_of<TRACKS>(row(PEAK)) != 0.0f;
        only_peaks = is_peak_[0] & is_peak_[1] & is_peak_[2] & is_peak_[3];
        knee_ = tracks_of<TRACKS>(row(KNEE));
        knee_start_ = tracks_of<TRACKS>(row(THRESHOLD)) - 0.5f * knee_;
        knee_scale_ = 0.5f / knee_;
        direction_ = tracks_of<TRACKS>(row(DIRECTION));
        slope_ = tracks_of<TRACKS>(row(HALF_SLOPE)) * direction_;
        make_up_ = tracks_of<TRACKS>(row(MAKE_UP));
        averaging.power = load<Doubles>(state);
        smoothing.attack = load<Doubles>(row(ATTACK));
        smoothing.attack_rest = 1.0 - smoothing.attack;
        smoothing.release = load<Doubles>(row(RELEASE));
        smoothing.release_rest = 1.0 - smoothing.release;
        smoothing.reduction = load<Doubles>(state + 4);
    }

    void keep(double* state) const {
        store(state, averaging.power);
        store(state + 4, smoothing.reduction);
    }

    // The power of the frames: one level a frame and track.
    void listen(const float* frames, std::int64_t length, float* levels) const {
        for (std::int64_t i = 0; i < length; i += FRAMES)
            store(levels + TRACKS * i, power_of(load<v8>(frames + 2 * TRACKS * i), load<v8>(frames + 2 * TRACKS * i + 8)));
    }

    // Averaged power becomes the gain that it asks for, in log2 of amplitude and times the direction.
    void turn_into_targets(float* levels, std::int64_t length) const {
        for_all(levels, length, [this](Levels& x) { to_targets(x); });
    }

    // Smoothed levels become gains.
    void turn_into_gains(float* levels, std::int64_t length) const {
        const Exp2Range range;
        const v8 direction = direction_, make_up = make_up_;
        for_all(levels, length, [&](Levels& x) {
            each([&](int k) { x[k] = x[k] * direction + make_up; });
            gain_exp2(x, range);
        });
    }

  private:
    // The levels of a block, and of what lies behind it up to the next whole number of vectors.
    template <class Change>
    INLINE void for_all(float* levels, std::int64_t length, Change change) {
        for (std::int64_t i = 0; i < TRACKS * length; i += 8 * TOGETHER) {
            Levels x;
            each([&](int k) { x[k] = load<v8>(levels + i + 8 * k); });
            change(x);
            each([&](int k) { store(levels + i + 8 * k, x[k]); });
        }
    }

    __attribute__((always_inline)) v8 power_of(v8 first, v8 second) const {
        v8 left, right;
        part_sides<TRACKS>(first * first, second * second, left, right);
        return is_peak_ ? highest(left, right) : 0.5f * (left + right);
    }

    __attribute__((always_inline)) void to_targets(Levels& x) const {
        constexpr float FLOOR = 1e-30f;
        const v8 knee_start = knee_start_, knee = knee_, knee_scale = knee_scale_, slope = slope_;
        each([&](int k) { x[k] += FLOOR; });
        level_log2(x);
        each([&](int k) { x[k] = highest(x[k] - knee_start, v8{}); });
        each([&](int k) {
            const v8 inside = lowest(x[k], knee);
            x[k] = slope * (inside * inside * knee_scale + (x[k] - inside));
        });
    }
};

}  // namespace
