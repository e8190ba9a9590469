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

template <int TRACKS>
using Rows = float[2 * TRACKS][BLOCK<TRACKS>];

// Rows of the lanes, gains applied. The answer is a sum of all that there is: where it is finite, all is.
template <int TRACKS, bool WITH_GAINS>
v8 finish_block(const Block<TRACKS>& block, Rows<TRACKS>& rows) {
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

// The strip over a stretch of a song, block by block. The gains of a block are smoothed beside the sections of the next.
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
    Block<TRACKS> blocks_[2];
    alignas(32) float heard_[2 * TRACKS * BLOCK<TRACKS>] = {};

  public:
    Run(const std::int64_t* in, const std::int64_t* keys, const Strip& strip, std::int64_t from, const Take& take)
        : in_(in), keys_(keys), strip_(strip), from_(from), take_(take), gain_(lanes_of<TRACKS>(strip.gains)),
          narrow_state_(strip.state + strip.wide_sections * STATES),
          compressor_state_(narrow_state_ + strip.sections * STATES), compressor_(strip.compressor, compressor_state_) {
        v8 keyed;
        for (int lane = 0; lane < 8; lane++) keyed[lane] = static_cast<float>(strip.compressor[4 * KEYED + lane % TRACKS]);
        keyed_ = keyed != 0.0f;
        any_key_ = keyed_[0] | keyed_[1] | keyed_[2] | keyed_[3];
    }

    std::int64_t all(std::int64_t length) {
        std::int64_t number = 0, guilty = FINE;
        for (std::int64_t at = 0; at < length && guilty == FINE; at += BLOCK<TRACKS>, number++) {
            Block<TRACKS>&now = blocks_[number & 1], &before = blocks_[~number & 1];
            now.at = at;
            now.length = lowest(BLOCK<TRACKS>, length - at);
            filter(now, before);
            if (!strip_.compress) guilty = finished<false>(now);
            else if (number) guilty = finished<true>(before);
            if (strip_.compress) listen(now);
        }
        if (strip_.compress && number && guilty == FINE) {
            Block<TRACKS>& last = blocks_[~number & 1];
            smooth(last);
            guilty = finished<true>(last);
        }
        if (strip_.compress) compressor_.keep(compressor_state_);
        return guilty;
    }

  private:
    void filter(Block<TRACKS>& now, Block<TRACKS>& before) {
        read_block<TRACKS>(in_, from_ + now.at, now.length, gain_, now.frames);
        if (strip_.wide_sections)
            WideSections<TRACKS>::run(now.frames, now.length, strip_.wide_coefficients, strip_.state, strip_.wide_sections);
        if (!strip_.compress || now.at == 0) {
            Nothing nothing;
            run_filters<TRACKS>(now.frames, now.length, strip_.coefficients, narrow_state_, strip_.sections, nothing);
            return;
        }
        run_filters<TRACKS>(now.frames, now.length, strip_.coefficients, narrow_state_, strip_.sections,
                            compressor_.smoothing);
        smooth(before);
    }

    // What is left to be smoothed of a block.
    void smooth(Block<TRACKS>& block) {
        Smoothing<TRACKS> smoothing = compressor_.smoothing;
        for (const float* end = block.levels + TRACKS * block.length; smoothing.levels < end;) Smoothing<TRACKS>::step(smoothing);
        compressor_.smoothing = smoothing;
    }

    void listen(Block<TRACKS>& block) {
        if (any_key_) {
            read_block<TRACKS>(keys_, from_ + block.at, block.length, v8{} + 1.0f, heard_);
            choose_heard<TRACKS>(heard_, block.frames, block.length, keyed_);
        }
        compressor_.listen(any_key_ ? heard_ : block.frames, block.length, block.levels);
        compressor_.smoothing.levels = block.levels;
    }

    template <bool WITH_GAINS>
    std::int64_t finished(Block<TRACKS>& block) {
        alignas(32) Rows<TRACKS> rows;
        if (WITH_GAINS) compressor_.turn_into_gains(block.levels, block.length);
        if (is_guilty(finish_block<TRACKS, WITH_GAINS>(block, rows))) {
            const std::int64_t found = find_guilty<TRACKS>(rows, block.at, block.length);
            if (found != FINE) return found;
        }
        take_(block.at, block.length, rows);
        return FINE;
    }
};

template <int TRACKS, class Take>
std::int64_t run_strip(const std::int64_t* in, const std::int64_t* keys, const Strip& strip, std::int64_t from,
                       std::int64_t length, const Take& take) {
    FlushDenormals guard;
    return Run<TRACKS, Take>(in, keys, strip, from, take).all(length);
}

template <int TRACKS>
std::int64_t into_tracks(const std::int64_t* in, const std::int64_t* keys, Pointers out, const Strip& strip,
                         std::int64_t from, std::int64_t length) {
    const auto copy = [out](std::int64_t at, std::int64_t count, const Rows<TRACKS>& rows) {
        for (int lane = 0; lane < 2 * TRACKS; lane++)
            if (float* const to = reinterpret_cast<float*>(out[table_lane<TRACKS>(lane)]))
                std::memcpy(to + at, rows[lane], static_cast<std::size_t>(count) * sizeof(float));
    };
    return run_strip<TRACKS>(in, keys, strip, from, length, copy);
}

struct Bus {
    const std::int64_t *points, *at;
    const double* gains;
    double* sums;
    std::int64_t row;
};

template <int TRACKS>
std::int64_t into_bus(const std::int64_t* in, const std::int64_t* keys, std::int64_t tracks, const Bus& bus,
                      const Strip& strip, std::int64_t from, std::int64_t length) {
    const Signals signals(in);
    const auto add = [&](std::int64_t at, std::int64_t count, const Rows<TRACKS>& rows) {
        for (std::int64_t t = 0; t < tracks; t++) {
            const std::int64_t position = from + at, end = signals.starts[t] + signals.lengths[t];
            const Curve curve = {bus.at + bus.points[t], bus.gains + 2 * bus.points[t], bus.points[t + 1] - bus.points[t]};
            for (int side = 0; side < 2; side++)
                add_curve(rows[t + TRACKS * side], bus.sums + side * bus.row + at, position, lowest(count, end - position),
                          curve, side);
        }
    };
    return run_strip<TRACKS>(in, keys, strip, from, length, add);
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
    if (tracks == 1) return into_tracks<1>(in, keys, out, strip, from, length);
    if (tracks == 2) return into_tracks<2>(in, keys, out, strip, from, length);
    return into_tracks<4>(in, keys, out, strip, from, length);
}

// The same, added to bus (2, bus_row): bus[0] is song position ``from``. A track ends where its signal ends. points, at,
// curve_gains: as in mix_bus.
KERNEL(strip8_onto_bus)(const std::int64_t* in, const std::int64_t* keys, std::int64_t tracks, const double* gains,
                        const double* wide_coefficients, std::int64_t wide_sections, const double* coefficients,
                        std::int64_t sections, const double* compressor, std::int64_t compress, double* state,
                        const std::int64_t* points, const std::int64_t* at, const double* curve_gains, double* bus_sums,
                        std::int64_t bus_row, std::int64_t from, std::int64_t length) {
    const Strip strip = {gains, wide_coefficients, coefficients, compressor, wide_sections, sections, compress, state};
    const Bus bus = {points, at, curve_gains, bus_sums, bus_row};
    if (tracks == 1) return into_bus<1>(in, keys, tracks, bus, strip, from, length);
    if (tracks == 2) return into_bus<2>(in, keys, tracks, bus, strip, from, length);
    return into_bus<4>(in, keys, tracks, bus, strip, from, length);
}
