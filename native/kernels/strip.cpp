// The channel strip: any number of second-order sections, then a compressor, for four stereo tracks at once.
// Lanes 0-3 are the left and 4-7 the right channels of tracks 0-3, so the channels of a track meet without shuffles.
// Filters run in float64: float32 coefficients move a 20 Hz pole at 192 kHz audibly.
#include "lanes.hpp"
#include "mathfn.hpp"

namespace {

constexpr std::int64_t BLOCK = 128;

struct alignas(32) Frame {  // one sample of the eight lanes
    v4d left, right;
};

INLINE v4d widen(v4f samples) { return __builtin_convertvector(samples, v4d); }
INLINE v4f narrow(v4d samples) { return __builtin_convertvector(samples, v4f); }
INLINE v8 narrow(const Frame& frame) { return join(narrow(frame.left), narrow(frame.right)); }

// A section with b0 = 1 (the caller moved it into the gain), written so that the feedback path is one multiplication and
// one subtraction: y = x + s1;  s1' = s2 + c1 x - a1 s1;  s2' = c2 x - a2 s1,  with c = b - a.
struct Section {
    v4d c1, c2, a1, a2, s1, s2;

    INLINE Section at(const double* coefficients, const double* state, int half) {
        const auto lanes = [half](const double* row, int k) { return load<v4d>(row + 8 * k + 4 * half); };
        return {lanes(coefficients, 0), lanes(coefficients, 1), lanes(coefficients, 2),
                lanes(coefficients, 3), lanes(state, 0),        lanes(state, 1)};
    }

    __attribute__((always_inline)) v4d next(v4d x) {
        const v4d y = x + s1;
        const v4d p = s2 + c1 * x, q = c2 * x;
        s2 = q - a2 * s1;
        s1 = p - a1 * s1;
        return y;
    }

    void keep(double* state, int half) const {
        store(state + 4 * half, s1);
        store(state + 8 + 4 * half, s2);
    }
};

constexpr int COEFFICIENTS = 4 * 8, STATES = 2 * 8;  // doubles per section

// Several sections at a time: one waits for its own feedback (mul, sub) while the others compute.
template <int COUNT>
void run_sections(Frame* frames, std::int64_t length, const double* coefficients, double* state) {
    for (int half = 0; half < 2; half++) {
        Section sections[COUNT];
        for (int k = 0; k < COUNT; k++) sections[k] = Section::at(coefficients + k * COEFFICIENTS, state + k * STATES, half);
        for (std::int64_t i = 0; i < length; i++) {
            v4d& x = half ? frames[i].right : frames[i].left;
            v4d y = x;
            for (Section& section : sections) y = section.next(y);
            x = y;
        }
        for (int k = 0; k < COUNT; k++) sections[k].keep(state + k * STATES, half);
    }
}

void run_filters(Frame* frames, std::int64_t length, const double* coefficients, double* state, std::int64_t sections) {
    while (sections > 0) {
        const std::int64_t count = lowest<std::int64_t>(sections, 5);
        switch (count) {
            case 1: run_sections<1>(frames, length, coefficients, state); break;
            case 2: run_sections<2>(frames, length, coefficients, state); break;
            case 3: run_sections<3>(frames, length, coefficients, state); break;
            case 4: run_sections<4>(frames, length, coefficients, state); break;
            default: run_sections<5>(frames, length, coefficients, state); break;
        }
        coefficients += count * COEFFICIENTS;
        state += count * STATES;
        sections -= count;
    }
}

v8 narrow_twice(const double* four) {
    v8 both;
    for (int lane = 0; lane < 8; lane++) both[lane] = static_cast<float>(four[lane & 3]);
    return both;
}

// Feed-forward, in the log domain, smoothed after the gain computer (Giannoulis, Massberg & Reiss, JAES 60(6), 2012).
// Levels are log2 of power, so one unit is 3.01 dB. Rows of ``settings``, four doubles each:
enum Row { POWER_SHARE, PEAK, THRESHOLD, KNEE, HALF_SLOPE, DIRECTION, ATTACK, RELEASE, MAKE_UP, KEYED };

class Compressor {
    v4d power_share_, power_rest_, attack_, attack_rest_, release_, release_rest_, power_, reduction_;
    v4i64 is_peak_;
    v8 knee_start_, knee_, knee_scale_, slope_, direction_, make_up_;

  public:
    // state: the smoothed power and the smoothed gain of each track.
    Compressor(const double* settings, const double* state) {
        const auto row = [settings](Row r) { return settings + 4 * r; };
        power_share_ = load<v4d>(row(POWER_SHARE));
        power_rest_ = 1.0 - power_share_;
        attack_ = load<v4d>(row(ATTACK));
        attack_rest_ = 1.0 - attack_;
        release_ = load<v4d>(row(RELEASE));
        release_rest_ = 1.0 - release_;
        is_peak_ = load<v4d>(row(PEAK)) != 0.0;
        knee_ = narrow_twice(row(KNEE));
        knee_start_ = narrow_twice(row(THRESHOLD)) - 0.5f * knee_;
        knee_scale_ = 0.5f / knee_;
        direction_ = narrow_twice(row(DIRECTION));
        slope_ = narrow_twice(row(HALF_SLOPE)) * direction_;
        make_up_ = narrow_twice(row(MAKE_UP));
        power_ = load<v4d>(state);
        reduction_ = load<v4d>(state + 4);
    }

    void keep(double* state) const {
        store(state, power_);
        store(state + 4, reduction_);
    }

    // Gains of ``length`` samples x 4 tracks, two samples a vector. Measuring and smoothing wait for their own feedback,
    // the two steps between are wide and free of it; run with a lag of one vector, all four are under way at once.
    void follow(const Frame* heard, std::int64_t length, v8* curve) {
        const std::int64_t vectors = length / 2;
        v4d power = power_, reduction = reduction_;
        for (std::int64_t i = 0; i < vectors + 3; i++) {
            if (i < vectors) {
                const v4f first = measure(heard[2 * i], power);
                curve[i] = join(first, measure(heard[2 * i + 1], power));
            }
            if (i >= 1 && i < vectors + 1) curve[i - 1] = target(curve[i - 1]);
            if (i >= 2 && i < vectors + 2) {
                const v4f first = smooth(low_half(curve[i - 2]), reduction);
                curve[i - 2] = join(first, smooth(high_half(curve[i - 2]), reduction));
            }
            if (i >= 3) curve[i - 3] = gain(curve[i - 3]);
        }
        if (length & 1) {
            const v4f wanted = low_half(target(join(measure(heard[length - 1], power), v4f{})));
            curve[vectors] = gain(join(smooth(wanted, reduction), v4f{}));
        }
        power_ = power;
        reduction_ = reduction;
    }

  private:
    INLINE v4d power_of(const Frame& heard, v4i64 is_peak) {
        const v4d left = heard.left * heard.left, right = heard.right * heard.right;
        return is_peak ? highest(left, right) : 0.5 * (left + right);
    }

    __attribute__((always_inline)) v4f measure(const Frame& heard, v4d& power) const {
        power = power * power_rest_ + power_share_ * power_of(heard, is_peak_);
        return narrow(power);
    }

    // The wanted gain in log2 (of amplitude), times the direction.
    __attribute__((always_inline)) v8 target(v8 power) const {
        constexpr float FLOOR = 1e-30f;
        const v8 over = log2_of(power + FLOOR) - knee_start_;
        const v8 inside = lowest(highest(over, v8{}), knee_);
        return slope_ * (inside * inside * knee_scale_ + highest(over - knee_, v8{}));
    }

    // With attack faster than release the right branch is always the lower of the two candidates: no comparison in the
    // feedback path. Where attack is the slower one, DIRECTION = -1 turns the axis round.
    __attribute__((always_inline)) v4f smooth(v4f target, v4d& reduction) const {
        const v4d wanted = widen(target);
        const v4d down = wanted * attack_, up = wanted * release_;
        reduction = lowest(reduction * attack_rest_ + down, reduction * release_rest_ + up);
        return narrow(reduction);
    }

    __attribute__((always_inline)) v8 gain(v8 reduction) const { return exp2_of(reduction * direction_ + make_up_); }
};

void read_block(Pointers signals, std::int64_t at, std::int64_t length, const Frame& gain, Frame* frames) {
    for (std::int64_t i = 0; i < length; i += 8) {
        v8 samples[8];
        load_lanes(signals, at + i, length - i, samples);
        for (int k = 0; k < 8; k++) {
            frames[i + k] = {widen(low_half(samples[k])) * gain.left + 0.0, widen(high_half(samples[k])) * gain.right + 0.0};
        }
    }
}

// Zero where everything written was finite, NaN in a guilty lane otherwise. ``curve``: gains per track, or none.
v8 write_block(Pointers signals, std::int64_t at, std::int64_t length, Frame* frames, const v8* curve) {
    v8 guilt = {};
    for (std::int64_t i = 0; i < length; i += 8) {
        v8 samples[8];
        for (int k = 0; k < 8; k++) {
            Frame& frame = frames[i + k];
            if (curve) {
                const v8 gains = curve[(i + k) / 2];
                const v4d gain = widen(k & 1 ? high_half(gains) : low_half(gains));
                frame = {frame.left * gain, frame.right * gain};
            }
            samples[k] = narrow(frame);
            guilt += samples[k] * 0.0f;
        }
        store_lanes(signals, at + i, length - i, samples);
    }
    return guilt;
}

// What the compressors hear: the track itself, or its key where it has one.
void choose_heard(Frame* keys, const Frame* own, std::int64_t length, v4i64 keyed) {
    for (std::int64_t i = 0; i < length; i++)
        keys[i] = {keyed ? keys[i].left : own[i].left, keyed ? keys[i].right : own[i].right};
}

std::int64_t find_guilty(const Frame* frames, std::int64_t at, std::int64_t length) {
    for (std::int64_t i = 0; i < length; i++)
        for (int lane = 0; lane < 8; lane++)
            if (!is_finite(narrow(frames[i])[lane])) return (at + i) * 8 + lane;
    return FINE;
}

}  // namespace

// in, keys, out: eight addresses each. gains: (8). coefficients: (sections, 4, 8): c1 c2 a1 a2. compressor: (10, 4), rows
// as in Row; used where ``compress`` is not 0. state: (2 * sections + 1, 8), zero at the start; carried between blocks.
// Returns sample * 8 + lane of a value that is not finite.
KERNEL(strip8)(Pointers in, Pointers keys, Pointers out, const double* gains, const double* coefficients,
               std::int64_t sections, const double* compressor, std::int64_t compress, double* state, std::int64_t length) {
    FlushDenormals guard;
    const Frame gain = {load<v4d>(gains), load<v4d>(gains + 4)};
    const Frame unity = {v4d{} + 1.0, v4d{} + 1.0};
    double* compressor_state = state + sections * STATES;
    Compressor dynamics(compressor, compressor_state);
    const v4i64 keyed = load<v4d>(compressor + 4 * KEYED) != 0.0;
    const bool any_key = keyed[0] | keyed[1] | keyed[2] | keyed[3];
    Frame frames[BLOCK] = {}, heard[BLOCK];
    v8 curve[BLOCK / 2] = {};
    for (std::int64_t at = 0; at < length; at += BLOCK) {
        const std::int64_t count = lowest(BLOCK, length - at);
        read_block(in, at, count, gain, frames);
        run_filters(frames, count, coefficients, state, sections);
        if (compress) {
            if (any_key) {
                read_block(keys, at, count, unity, heard);
                choose_heard(heard, frames, count, keyed);
            }
            dynamics.follow(any_key ? heard : frames, count, curve);
        }
        const v8 guilt = write_block(out, at, count, frames, compress ? curve : nullptr);
        for (int lane = 0; lane < 8; lane++)
            if (guilt[lane] != 0.0f) {
                const std::int64_t found = find_guilty(frames, at, count);
                if (found != FINE) return found;
            }
    }
    dynamics.keep(compressor_state);
    return FINE;
}
