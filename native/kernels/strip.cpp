// The channel strip: any number of second-order sections, then a compressor, for one, two or four stereo tracks at once;
// into tracks again, or straight into a stereo bus. How many tracks go together changes no bit.
#include "bus.hpp"
#include "strip_compressor.hpp"
#include "strip_sections.hpp"

namespace {

struct Strip {
    const double *gains, *wide_coefficients, *coefficients, *compressor;
    std::int64_t wide_sections, sections, compress;
    double* state;
};

template <int TRACKS>
struct Block {
    alignas(32) float frames[2 * TRACKS * BLOCK<TRACKS>] = {};
    alignas(32) float levels[TRACKS * BLOCK<TRACKS>] = {};
    std::int64_t at = 0, length = 0;
};

// Where each lane of a block goes: ``length`` samples, rounded up to whole vectors.
template <int TRACKS>
using Rows = float* [2 * TRACKS];

template <int TRACKS>
using Room = float[2 * TRACKS][BLOCK<TRACKS>];

// Rows of the lanes, gains applied. The answer is a sum of all that there is: where it is finite, all is.
template <int TRACKS, bool WITH_GAINS>
v8 finish_block(const Block<TRACKS>& block, const Rows<TRACKS>& rows) {
    constexpr int VECTORS = 2 * TRACKS;
    v8 sum = {};
    for (std::int64_t i = 0; i < block.length; i += 8) {
        v8 samples[VECTORS];
        for (int k = 0; k < VECTORS; k++) samples[k] = load<v8>(block.frames + 2 * TRACKS * i + 8 * k);
        for (int k = 0; WITH_GAINS && k < VECTORS; k += 2) {
            v8 first, second;
            to_both_sides<TRACKS>(load<v8>(block.levels + TRACKS * i + 4 * k), first, second);
            samples[k] *= first;
            samples[k + 1] *= second;
        }
        for (int k = 0; k < VECTORS; k++) sum += samples[k];
        frames_to_rows<TRACKS>(samples);
        for (int lane = 0; lane < VECTORS; lane++) store(rows[lane] + i, samples[lane]);
    }
    return sum;
}

// The first value of a block that is not finite: sample * 8 + lane, counted from the start of the call.
template <int TRACKS>
std::int64_t find_guilty(const Rows<TRACKS>& rows, std::int64_t at, std::int64_t length) {
    for (std::int64_t i = 0; i < length; i++)
        for (int lane = 0; lane < 2 * TRACKS; lane++)
            if (!is_finite(rows[lane][i])) return (at + i) * 8 + table_lane<TRACKS>(lane);
    return FINE;
}

bool is_guilty(v8 sum) {
    bool guilty = false;
    for (int lane = 0; lane < 8; lane++) guilty = guilty || !is_finite(sum[lane]);
    return guilty;
}

// What the compressors hear: the track itself, or its key where it has one.
template <int TRACKS>
void choose_heard(float* keys, const float* own, std::int64_t length, v8i keyed) {
    for (std::int64_t i = 0; i < 2 * TRACKS * length; i += 8) store(keys + i, keyed ? load<v8>(keys + i) : load<v8>(own + i));
}

// The strip over a stretch of a song, block by block. While the sections of a block wait for their own feedback, the
// power of the block before is averaged, and the gains of the one before that are smoothed.
template <int TRACKS, class Take>
class Run {
    const Signals in_, keys_;
    const Strip& strip_;
    const std::int64_t from_;
    const Take take_;
    const v8 gain_;
    double *const narrow_state_, *const compressor_state_;
    v8i keyed_;
    bool any_key_;
    Compressor<TRACKS> compressor_;
    Block<TRACKS> blocks_[3];
    alignas(32) float heard_[2 * TRACKS * BLOCK<TRACKS>] = {};

  public:
    Run(const std::int64_t* in, const std::int64_t* keys, const Strip& strip, std::int64_t from, const Take& take)
        : in_(in), keys_(keys), strip_(strip), from_(from), take_(take), gain_(lanes_of<TRACKS>(strip.gains)),
          narrow_state_(strip.state + strip.wide_sections * STATES),
          compressor_state_(narrow_state_ + strip.sections * STATES), compressor_(strip.compressor, compressor_state_) {
        keyed_ = tracks_of_frames(strip.compressor + 4 * KEYED) != 0.0f;
        any_key_ = keyed_[0] | keyed_[1] | keyed_[2] | keyed_[3];
    }

    std::int64_t all(std::int64_t length) {
        const std::int64_t guilty = strip_.compress ? with_compressor(length) : without_compressor(length);
        if (strip_.compress) compressor_.keep(compressor_state_);
        return guilty;
    }

  private:
    static v8 tracks_of_frames(const double* row) {
        v8 tracks;
        for (int lane = 0; lane < 8; lane++) tracks[lane] = static_cast<float>(row[lane % TRACKS]);
        return tracks;
    }

    std::int64_t without_compressor(std::int64_t length) {
        Block<TRACKS>& block = blocks_[0];
        std::int64_t guilty = FINE;
        for (std::int64_t at = 0; at < length && guilty == FINE; at += BLOCK<TRACKS>) {
            Nothing nothing;
            read(block, at, length);
            filter(block, nothing);
            guilty = finished<false>(block);
        }
        return guilty;
    }

    std::int64_t with_compressor(std::int64_t length) {
        const std::int64_t count = (length + BLOCK<TRACKS> - 1) / BLOCK<TRACKS>;
        std::int64_t guilty = FINE;
        for (std::int64_t number = 0; number < count + 2 && guilty == FINE; number++) {
            Block<TRACKS>&now = blocks_[number % 3], &before = blocks_[(number + 2) % 3], &last = blocks_[(number + 1) % 3];
            compressor_.averaging.levels = before.levels;
            compressor_.smoothing.levels = last.levels;
            if (number < count) {
                read(now, number * BLOCK<TRACKS>, length);
                filter_beside(now, number);
            }
            if (number >= 1 && number <= count) choose_gains(before);
            if (number >= 2) guilty = compressed(last);
            if (number < count) listen(now);
        }
        return guilty;
    }

    void read(Block<TRACKS>& block, std::int64_t at, std::int64_t length) {
        block.at = at;
        block.length = lowest(BLOCK<TRACKS>, length - at);
        read_block<TRACKS>(in_, from_ + at, block.length, gain_, block.frames);
        if (strip_.wide_sections)
            WideSections<TRACKS>::run(block.frames, block.length, strip_.wide_coefficients, strip_.state, strip_.wide_sections);
    }

    template <class Beside>
    void filter(Block<TRACKS>& block, Beside& beside) {
        run_filters<TRACKS>(block.frames, block.length, strip_.coefficients, narrow_state_, strip_.sections, beside);
    }

    void filter_beside(Block<TRACKS>& now, std::int64_t number) {
        if (number < 2) {
            Nothing nothing;
            filter(now, nothing);
        } else if (compressor_.only_peaks) {
            filter(now, compressor_.smoothing);
        } else {
            AveragingAndSmoothing<TRACKS> both = {compressor_.averaging, compressor_.smoothing};
            filter(now, both);
            compressor_.averaging = both.averaging;
            compressor_.smoothing = both.smoothing;
        }
    }

    void listen(Block<TRACKS>& block) {
        if (any_key_) {
            read_block<TRACKS>(keys_, from_ + block.at, block.length, v8{} + 1.0f, heard_);
            choose_heard<TRACKS>(heard_, block.frames, block.length, keyed_);
        }
        compressor_.listen(any_key_ ? heard_ : block.frames, block.length, block.levels);
    }

    void choose_gains(Block<TRACKS>& block) {
        if (!compressor_.only_peaks) follow_rest(compressor_.averaging, block.levels + TRACKS * block.length);
        compressor_.turn_into_targets(block.levels, block.length);
    }

    std::int64_t compressed(Block<TRACKS>& block) {
        follow_rest(compressor_.smoothing, block.levels + TRACKS * block.length);
        compressor_.turn_into_gains(block.levels, block.length);
        return finished<true>(block);
    }

    template <bool WITH_GAINS>
    std::int64_t finished(const Block<TRACKS>& block) {
        alignas(32) Room<TRACKS> room;
        Rows<TRACKS> rows;
        for (int lane = 0; lane < 2 * TRACKS; lane++) rows[lane] = take_.place(block.at, block.length, lane, room[lane]);
        if (is_guilty(finish_block<TRACKS, WITH_GAINS>(block, rows))) {
            const std::int64_t found = find_guilty<TRACKS>(rows, block.at, block.length);
            if (found != FINE) return found;
        }
        take_.take(block.at, block.length, rows);
        return FINE;
    }
};

template <int TRACKS, class Take>
std::int64_t run_strip(const std::int64_t* in, const std::int64_t* keys, const Strip& strip, std::int64_t from,
                       std::int64_t length, const Take& take) {
    FlushDenormals guard;
    return Run<TRACKS, Take>(in, keys, strip, from, take).all(length);
}

// A block goes straight to where it is wanted if it is there in whole vectors.
template <int TRACKS>
struct IntoTracks {
    Pointers out;

    float* wanted_at(std::int64_t at, int lane) const {
        float* const to = reinterpret_cast<float*>(out[table_lane<TRACKS>(lane)]);
        return to ? to + at : nullptr;
    }

    float* place(std::int64_t at, std::int64_t length, int lane, float* room) const {
        float* const wanted = wanted_at(at, lane);
        return wanted && length % 8 == 0 ? wanted : room;
    }

    void take(std::int64_t at, std::int64_t length, const Rows<TRACKS>& rows) const {
        for (int lane = 0; lane < 2 * TRACKS; lane++)
            if (float* const wanted = wanted_at(at, lane); wanted && wanted != rows[lane])
                std::memcpy(wanted, rows[lane], static_cast<std::size_t>(length) * sizeof(float));
    }
};

template <int TRACKS>
struct IntoBus {
    const Signals signals;
    const std::int64_t from, tracks;
    const std::int64_t *points, *at;
    const double* gains;
    double* bus;
    const std::int64_t bus_row;

    float* place(std::int64_t, std::int64_t, int, float* room) const { return room; }

    // A track ends where its signal ends.
    void take(std::int64_t done, std::int64_t length, const Rows<TRACKS>& rows) const {
        for (std::int64_t t = 0; t < tracks; t++) {
            const std::int64_t position = from + done, left = signals.starts[t] + signals.lengths[t] - position;
            const Curve curve = {at + points[t], gains + 2 * points[t], points[t + 1] - points[t]};
            for (int side = 0; side < 2; side++)
                add_curve(rows[t + TRACKS * side], bus + side * bus_row + done, position, lowest(length, left), curve, side);
        }
    }
};

template <int TRACKS>
struct Form {
    static constexpr int tracks = TRACKS;
};

// One or two tracks have forms of their own where a register holds eight floats; elsewhere these would gain nothing.
template <class InForm>
std::int64_t in_best_form([[maybe_unused]] std::int64_t tracks, InForm run) {
#if defined(__AVX2__)
    if (tracks == 1) return run(Form<1>{});
    if (tracks == 2) return run(Form<2>{});
#endif
    return run(Form<4>{});
}

}  // namespace

// in, keys: (3, 8) addresses, song positions, lengths. out: eight addresses of ``length`` samples. ``tracks`` of the four
// are in use. gains: (8). wide_coefficients: (wide_sections, 4, 8) c1 c2 a1 a2; coefficients: (sections, 4, 8) k c g e,
// see the two sections. compressor: (10, 4), rows as in Row; used where ``compress`` is not 0. state: (2 * all sections +
// 1, 8), zero at the start; carried between calls. Returns sample * 8 + lane of a value that is not finite.
KERNEL(strip8)(const std::int64_t* in, const std::int64_t* keys, Pointers out, std::int64_t tracks, const double* gains,
               const double* wide_coefficients, std::int64_t wide_sections, const double* coefficients,
               std::int64_t sections, const double* compressor, std::int64_t compress, double* state, std::int64_t from,
               std::int64_t length) {
    const Strip strip = {gains, wide_coefficients, coefficients, compressor, wide_sections, sections, compress, state};
    return in_best_form(tracks, [&](auto form) {
        return run_strip<form.tracks>(in, keys, strip, from, length, IntoTracks<form.tracks>{out});
    });
}

// The same, added to bus (2, bus_row): bus[0] is song position ``from``. A track ends where its signal ends. points, at,
// curve_gains: as in mix_bus.
KERNEL(strip8_onto_bus)(const std::int64_t* in, const std::int64_t* keys, std::int64_t tracks, const double* gains,
                        const double* wide_coefficients, std::int64_t wide_sections, const double* coefficients,
                        std::int64_t sections, const double* compressor, std::int64_t compress, double* state,
                        const std::int64_t* points, const std::int64_t* at, const double* curve_gains, double* bus,
                        std::int64_t bus_row, std::int64_t from, std::int64_t length) {
    const Strip strip = {gains, wide_coefficients, coefficients, compressor, wide_sections, sections, compress, state};
    return in_best_form(tracks, [&](auto form) {
        const IntoBus<form.tracks> onto = {Signals(in), from, tracks, points, at, curve_gains, bus, bus_row};
        return run_strip<form.tracks>(in, keys, strip, from, length, onto);
    });
}
