// The channel strip: any number of second-order sections, then a compressor, for four stereo tracks at once; into tracks
// again, or straight into a stereo bus. Lanes 0-3 are the left and 4-7 the right channels of tracks 0-3.
// Sections that forget slowly run in float64, all others in float32: the caller sorts them, track by track.
#include "bus.hpp"
#include "lanes.hpp"
#include "levels.hpp"

namespace {

constexpr std::int64_t BLOCK = 128, MOST_AT_ONCE = 5;

struct alignas(32) WideFrame {  // one sample of the eight lanes in float64
    v4d left, right;
};

// Written out, because g++ 12 converts halves one by one for __builtin_convertvector.
INLINE v4d widen(v4f samples) { return v4d{samples[0], samples[1], samples[2], samples[3]}; }
INLINE v4f narrow(v4d samples) { return __builtin_convertvector(samples, v4f); }
INLINE v8 narrow8(const double* lanes) { return join(narrow(load<v4d>(lanes)), narrow(load<v4d>(lanes + 4))); }
INLINE void store_wide(double* to, v8 lanes) {
    store(to, widen(low_half(lanes)));
    store(to + 4, widen(high_half(lanes)));
}

constexpr int COEFFICIENTS = 4 * 8, STATES = 2 * 8;  // doubles per section

// A section with b0 = 1 (the caller moved it into the gain), written so that the feedback path is one multiplication and
// one subtraction: y = x + s1;  s1' = s2 + c1 x - a1 s1;  s2' = c2 x - a2 s1,  with c = b - a.
struct WideSection {
    v4d c1, c2, a1, a2, s1, s2;

    static WideSection at(const double* coefficients, const double* state, int half) {
        const auto lanes = [half](const double* row, int k) { return load<v4d>(row + 8 * k + 4 * half); };
        return {lanes(coefficients, 0), lanes(coefficients, 1), lanes(coefficients, 2),
                lanes(coefficients, 3), lanes(state, 0),        lanes(state, 1)};
    }

    INLINE v4d next(WideSection& s, v4d x) {
        const v4d y = x + s.s1;
        const v4d p = s.s2 + s.c1 * x, q = s.c2 * x;
        s.s2 = q - s.a2 * s.s1;
        s.s1 = p - s.a1 * s.s1;
        return y;
    }
};

void run_wide_section(WideFrame* frames, std::int64_t length, const double* coefficients, double* state) {
    WideSection left = WideSection::at(coefficients, state, 0), right = WideSection::at(coefficients, state, 1);
    for (std::int64_t i = 0; i < length; i++)
        frames[i] = {WideSection::next(left, frames[i].left), WideSection::next(right, frames[i].right)};
    store(state, left.s1), store(state + 4, right.s1);
    store(state + 8, left.s2), store(state + 12, right.s2);
}

void run_wide(v8* frames, std::int64_t length, const double* coefficients, double* state, std::int64_t sections) {
    WideFrame wide[BLOCK];
    for (std::int64_t i = 0; i < length; i++) wide[i] = {widen(low_half(frames[i])), widen(high_half(frames[i]))};
    for (std::int64_t k = 0; k < sections; k++) run_wide_section(wide, length, coefficients + k * COEFFICIENTS, state + k * STATES);
    for (std::int64_t i = 0; i < length; i++) frames[i] = join(narrow(wide[i].left), narrow(wide[i].right));
}

// The same section for float32. Its states are s = s1 and t = s1 + s2, and t is small where the poles are near 1, so
// neither rounding nor the coefficients' last bits are magnified by the square of rate / cut-off, only by it:
// y = x + s;  s' = k s + t + c x;  t' = t + g x + e s,  with k = -1 - a1, c = c1, g = c1 + c2, e = -(1 + a1 + a2).
struct Section {
    v8 k, c, g, e, s, t;

    static Section at(const double* coefficients, const double* state) {
        return {narrow8(coefficients),      narrow8(coefficients + 8), narrow8(coefficients + 16),
                narrow8(coefficients + 24), narrow8(state),            narrow8(state + 8)};
    }

    INLINE v8 next(Section& f, v8 x) {
        const v8 y = x + f.s;
        const v8 moved = f.t + f.c * x, risen = f.t + f.g * x;
        f.t = risen + f.e * f.s;
        f.s = moved + f.k * f.s;
        return y;
    }
};

// Several sections at a time: one waits for its own feedback while the others compute.
template <int COUNT>
void run_sections(v8* frames, std::int64_t length, const double* coefficients, double* state) {
    Section sections[COUNT];
    for (int k = 0; k < COUNT; k++) sections[k] = Section::at(coefficients + k * COEFFICIENTS, state + k * STATES);
    for (std::int64_t i = 0; i < length; i++) {
        v8 y = frames[i];
        for (Section& section : sections) y = Section::next(section, y);
        frames[i] = y;
    }
    for (int k = 0; k < COUNT; k++) {
        store_wide(state + k * STATES, sections[k].s);
        store_wide(state + k * STATES + 8, sections[k].t);
    }
}

void run_filters(v8* frames, std::int64_t length, const double* coefficients, double* state, std::int64_t sections) {
    while (sections > 0) {
        const std::int64_t count = lowest<std::int64_t>(sections, MOST_AT_ONCE);
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
    const v4f narrowed = narrow(load<v4d>(four));
    return join(narrowed, narrowed);
}

// Feed-forward, in the log domain, smoothed after the gain computer (Giannoulis, Massberg & Reiss, JAES 60(6), 2012).
// Levels are log2 of power, so one unit is 3.01 dB. Rows of ``settings``, four doubles each:
enum Row { POWER_SHARE, PEAK, THRESHOLD, KNEE, HALF_SLOPE, DIRECTION, ATTACK, RELEASE, MAKE_UP, KEYED };

class Compressor {
    v4d power_share_, power_rest_, attack_, attack_rest_, release_, release_rest_, power_, reduction_;
    v8i is_peak_;
    bool only_peaks_;
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
        is_peak_ = narrow_twice(row(PEAK)) != 0.0f;
        only_peaks_ = is_peak_[0] & is_peak_[1] & is_peak_[2] & is_peak_[3];
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

    // Gains of ``length`` samples x 4 tracks, two samples a vector.
    void follow(const v8* heard, std::int64_t length, v8* curve) {
        if (only_peaks_) follow_as<true>(heard, length, curve);
        else follow_as<false>(heard, length, curve);
    }

  private:
    __attribute__((always_inline)) v8 power_of(v8 first, v8 second) const {
        first *= first;
        second *= second;
        const v8 left = PICK8(first, second, 0, 1, 2, 3, 8, 9, 10, 11);
        const v8 right = PICK8(first, second, 4, 5, 6, 7, 12, 13, 14, 15);
        return is_peak_ ? highest(left, right) : 0.5f * (left + right);
    }

    // Smoothing waits for its own feedback; what the vector behind wants and what the one before becomes does not, so the
    // three are computed side by side. For this, curve has room for one vector before its first and one behind its last.
    template <bool ONLY_PEAKS>
    void follow_as(const v8* heard, std::int64_t length, v8* curve) {
        v4d power = power_, reduction = reduction_;
        const auto average_one = [&](v4f now) { return narrow(power = average(power, widen(now))); };
        const auto smooth_one = [&](v4f wanted) { return narrow(reduction = smooth(reduction, widen(wanted))); };
        const std::int64_t vectors = length / 2;
        for (std::int64_t i = 0; i < vectors; i++) {
            const v8 now = power_of(heard[2 * i], heard[2 * i + 1]);
            curve[i] = ONLY_PEAKS ? now : two_steps(now, average_one);
        }
        v8 wanted = target(curve[0]), smoothed = {};
        for (std::int64_t i = 0; i < vectors; i++) {
            const v8 next = target(curve[i + 1]);
            const v8 before = smoothed;
            smoothed = two_steps(wanted, smooth_one);
            curve[i - 1] = gain(before);
            wanted = next;
        }
        curve[vectors - 1] = gain(smoothed);
        if (length & 1) {
            const v4f now = low_half(power_of(heard[length - 1], v8{}));
            const v4f wanted = low_half(target(join(ONLY_PEAKS ? now : average_one(now), v4f{})));
            curve[vectors] = gain(join(smooth_one(wanted), v4f{}));
        }
        power_ = power;
        reduction_ = reduction;
    }

    template <class One>
    INLINE v8 two_steps(v8 samples, One one) {
        const v4f first = one(low_half(samples));
        return join(first, one(high_half(samples)));
    }

    __attribute__((always_inline)) v8 gain(v8 reduction) const { return gain_exp2(reduction * direction_ + make_up_); }

    // Where the detector is a peak's, the share is 1 and nothing changes.
    __attribute__((always_inline)) v4d average(v4d power, v4d now) const { return power * power_rest_ + power_share_ * now; }

    // The wanted gain in log2 (of amplitude), times the direction.
    __attribute__((always_inline)) v8 target(v8 power) const {
        constexpr float FLOOR = 1e-30f;
        const v8 over = level_log2(power + FLOOR) - knee_start_;
        const v8 above = highest(over, v8{}), inside = lowest(above, knee_);
        return slope_ * (inside * inside * knee_scale_ + (above - inside));
    }

    // With attack faster than release the right branch is always the lower of the two candidates: no comparison in the
    // feedback path. Where attack is the slower one, DIRECTION = -1 turns the axis round. In float64, because a long
    // release takes steps too small for float32.
    __attribute__((always_inline)) v4d smooth(v4d reduction, v4d wanted) const {
        return lowest(reduction * attack_rest_ + wanted * attack_, reduction * release_rest_ + wanted * release_);
    }
};

// Eight signals that lie somewhere in a song: address (0 where there is none), song position of the first sample, length.
struct Signals {
    const std::int64_t *addresses, *starts, *lengths;

    explicit Signals(const std::int64_t* table) : addresses(table), starts(table + 8), lengths(table + 16) {}
};

// Eight samples of one lane from song position ``at`` on; silence outside of the signal.
v8 read_edge(const Signals& signals, int lane, std::int64_t at) {
    const std::int64_t first = at - signals.starts[lane], length = signals.lengths[lane];
    const float* signal = reinterpret_cast<const float*>(signals.addresses[lane]);
    float samples[8] = {};
    for (std::int64_t i = highest<std::int64_t>(0, -first); i < lowest<std::int64_t>(8, length - first); i++)
        samples[i] = signal[first + i];
    return load<v8>(samples);
}

bool all_within(const Signals& signals, std::int64_t at, std::int64_t length) {
    bool within = true;
    for (int lane = 0; lane < 8; lane++) {
        const std::int64_t first = at - signals.starts[lane];
        within = within && first >= 0 && first + length <= signals.lengths[lane];
    }
    return within;
}

template <class Read>
INLINE void read_frames(std::int64_t length, v8 gain, v8* frames, Read read) {
    for (std::int64_t i = 0; i < length; i += 8) {
        v8 samples[8];
        for (int lane = 0; lane < 8; lane++) samples[lane] = read(lane, i);
        transpose8(samples);
        for (int k = 0; k < 8; k++) frames[i + k] = samples[k] * gain + 0.0f;  // -0 becomes 0, as behind every section
    }
}

void read_block(const Signals& signals, std::int64_t at, std::int64_t length, v8 gain, v8* frames) {
    if (!all_within(signals, at, (length + 7) / 8 * 8)) {
        read_frames(length, gain, frames, [&](int lane, std::int64_t i) { return read_edge(signals, lane, at + i); });
        return;
    }
    const float* first[8];
    for (int lane = 0; lane < 8; lane++)
        first[lane] = reinterpret_cast<const float*>(signals.addresses[lane]) + (at - signals.starts[lane]);
    read_frames(length, gain, frames, [&](int lane, std::int64_t i) { return load<v8>(first[lane] + i); });
}

// Rows of eight lanes, gains applied. Zero where everything was finite, NaN in a guilty lane otherwise.
v8 finish_block(v8* frames, std::int64_t length, const v8* curve, float (&rows)[8][BLOCK]) {
    v8 guilt = {};
    for (std::int64_t i = 0; i < length; i += 8) {
        for (int k = 0; curve && k < 8; k += 2) {
            const v8 gains = curve[(i + k) / 2];
            frames[i + k] *= PICK8(gains, gains, 0, 1, 2, 3, 0, 1, 2, 3);
            frames[i + k + 1] *= PICK8(gains, gains, 4, 5, 6, 7, 4, 5, 6, 7);
        }
        v8 samples[8];
        for (int k = 0; k < 8; k++) {
            samples[k] = frames[i + k];
            guilt += samples[k] * 0.0f;
        }
        transpose8(samples);
        for (int lane = 0; lane < 8; lane++) store(rows[lane] + i, samples[lane]);
    }
    return guilt;
}

// What the compressors hear: the track itself, or its key where it has one.
void choose_heard(v8* keys, const v8* own, std::int64_t length, v8i keyed) {
    for (std::int64_t i = 0; i < length; i++) keys[i] = keyed ? keys[i] : own[i];
}

// The first value that is not finite: sample * 8 + lane, counted from the start of the call.
std::int64_t find_guilty(const v8* frames, std::int64_t at, std::int64_t length) {
    for (std::int64_t i = 0; i < length; i++)
        for (int lane = 0; lane < 8; lane++)
            if (!is_finite(frames[i][lane])) return (at + i) * 8 + lane;
    return FINE;
}

struct Strip {
    const double *gains, *wide_coefficients, *coefficients, *compressor;
    std::int64_t wide_sections, sections, compress;
    double* state;
};

// Runs the strip over ``length`` samples from song position ``from`` on; take(done, count, rows) gets every block.
template <class Take>
std::int64_t run_strip(const Signals& in, const Signals& keys, const Strip& strip, std::int64_t from, std::int64_t length,
                       Take take) {
    FlushDenormals guard;
    const v8 gain = narrow8(strip.gains), unity = v8{} + 1.0f;
    double* const narrow_state = strip.state + strip.wide_sections * STATES;
    double* const compressor_state = narrow_state + strip.sections * STATES;
    Compressor dynamics(strip.compressor, compressor_state);
    const v8i keyed = narrow_twice(strip.compressor + 4 * KEYED) != 0.0f;
    const bool any_key = keyed[0] | keyed[1] | keyed[2] | keyed[3];
    v8 frames[BLOCK] = {}, heard[BLOCK] = {}, room[BLOCK / 2 + 2] = {};
    v8* const curve = room + 1;
    alignas(32) float rows[8][BLOCK];
    for (std::int64_t done = 0; done < length; done += BLOCK) {
        const std::int64_t count = lowest(BLOCK, length - done);
        read_block(in, from + done, count, gain, frames);
        if (strip.wide_sections) run_wide(frames, count, strip.wide_coefficients, strip.state, strip.wide_sections);
        run_filters(frames, count, strip.coefficients, narrow_state, strip.sections);
        if (strip.compress) {
            if (any_key) {
                read_block(keys, from + done, count, unity, heard);
                choose_heard(heard, frames, count, keyed);
            }
            dynamics.follow(any_key ? heard : frames, count, curve);
        }
        const v8 guilt = finish_block(frames, count, strip.compress ? curve : nullptr, rows);
        for (int lane = 0; lane < 8; lane++)
            if (guilt[lane] != 0.0f) {
                const std::int64_t found = find_guilty(frames, done, count);
                if (found != FINE) return found;
            }
        take(done, count, rows);
    }
    dynamics.keep(compressor_state);
    return FINE;
}

}  // namespace

// in, keys: (3, 8) addresses, song positions, lengths. out: eight addresses of ``length`` samples. gains: (8).
// wide_coefficients: (wide_sections, 4, 8) c1 c2 a1 a2; coefficients: (sections, 4, 8) k c g e, see the two sections.
// compressor: (10, 4), rows as in Row; used where ``compress`` is not 0. state: (2 * all sections + 1, 8), zero at the
// start; carried between calls. Returns sample * 8 + lane of a value that is not finite.
KERNEL(strip8)(const std::int64_t* in, const std::int64_t* keys, Pointers out, const double* gains,
               const double* wide_coefficients, std::int64_t wide_sections, const double* coefficients,
               std::int64_t sections, const double* compressor, std::int64_t compress, double* state, std::int64_t from,
               std::int64_t length) {
    const Strip strip = {gains, wide_coefficients, coefficients, compressor, wide_sections, sections, compress, state};
    return run_strip(Signals(in), Signals(keys), strip, from, length,
                     [out](std::int64_t done, std::int64_t count, const float (&rows)[8][BLOCK]) {
                         for (int lane = 0; lane < 8; lane++)
                             if (out[lane])
                                 std::memcpy(reinterpret_cast<float*>(out[lane]) + done, rows[lane],
                                             static_cast<std::size_t>(count) * sizeof(float));
                     });
}

// The same, added to bus (2, bus_stride): bus[0] is song position ``from``. ``tracks`` of the four are in use; a track
// ends where its signal ends. points, at, curve_gains: as in mix_bus.
KERNEL(strip8_onto_bus)(const std::int64_t* in, const std::int64_t* keys, const double* gains,
                        const double* wide_coefficients, std::int64_t wide_sections, const double* coefficients,
                        std::int64_t sections, const double* compressor, std::int64_t compress, double* state,
                        std::int64_t tracks, const std::int64_t* points, const std::int64_t* at,
                        const double* curve_gains, double* bus, std::int64_t bus_stride, std::int64_t from,
                        std::int64_t length) {
    const Strip strip = {gains, wide_coefficients, coefficients, compressor, wide_sections, sections, compress, state};
    const Signals signals(in);
    const auto add = [&](std::int64_t done, std::int64_t count, const float (&rows)[8][BLOCK]) {
        for (std::int64_t t = 0; t < tracks; t++) {
            const std::int64_t position = from + done, end = signals.starts[t] + signals.lengths[t];
            const Curve curve = {at + points[t], curve_gains + 2 * points[t], points[t + 1] - points[t]};
            for (int side = 0; side < 2; side++)
                add_curve(rows[t + 4 * side], bus + side * bus_stride + done, position, lowest(count, end - position),
                          curve, side);
        }
    };
    return run_strip(signals, Signals(keys), strip, from, length, add);
}
