// Spectral peaks that last: what stands out of its surroundings in spectra from which strokes and noise have been taken.
#include "kernel.hpp"
#include "mathfn.hpp"

namespace {

INLINE v8 middle_of(v8 a, v8 b, v8 c) { return highest(lowest(a, b), lowest(highest(a, b), c)); }

INLINE float sum_of(v8 lanes) {
    const v4f fours = {lanes[0] + lanes[4], lanes[1] + lanes[5], lanes[2] + lanes[6], lanes[3] + lanes[7]};
    return (fours[0] + fours[2]) + (fours[1] + fours[3]);
}

// A bit for each lane that holds.
INLINE std::uint32_t bits_of(v8i mask) {
    const v4i64 bits = bit_cast<v4i64>(mask & v8i{1, 2, 4, 8, 16, 32, 64, 128});
    const std::uint64_t all = static_cast<std::uint64_t>((bits[0] | bits[1]) | (bits[2] | bits[3]));
    return static_cast<std::uint32_t>(all | (all >> 32));
}

// Magnitudes of one frame: the roots of the middle ones of three powers. Returns the highest.
INLINE float steady(const float* before, const float* now, const float* after, std::int64_t lines, float* magnitudes) {
    v8 most = {};
    for (std::int64_t line = 0; line < lines; line += 8) {
        // The last eight may overlap those before them.
        const std::int64_t at = lowest(line, lines - 8);
        v8 here = middle_of(load<v8>(before + at), load<v8>(after + at), load<v8>(now + at));
        for (int lane = 0; lane < 8; lane++) here[lane] = __builtin_sqrtf(here[lane]);
        most = highest(most, here);
        store(magnitudes + at, here);
    }
    float top = 0;
    for (int lane = 0; lane < 8; lane++) top = highest(top, most[lane]);
    return top;
}

// Sum of ``reach`` lines to either side and the one between.
INLINE float sum_around(const float* line, std::int64_t reach) {
    const float *at = line - reach, *end = line + reach + 1;
    v8 lanes = {};
    for (; at + 8 <= end; at += 8) lanes += load<v8>(at);
    float sum = sum_of(lanes);
    for (; at < end; at++) sum += *at;
    return sum;
}

// Lines become places between lines, where a parabola through the logarithms is highest (at most half a line away), and
// the weights of what is there.
INLINE void refine(const float* magnitudes, float nothing, std::int64_t count, double* places, double* weights) {
    for (std::int64_t first = 0; first < count; first += 8) {
        const std::int64_t some = lowest<std::int64_t>(8, count - first);
        v8 below = {}, here = {}, above = {};
        for (std::int64_t i = 0; i < some; i++) {
            const float* at = magnitudes + static_cast<std::int64_t>(places[first + i]);
            below[i] = at[-1];
            here[i] = at[0];
            above[i] = at[1];
        }
        const v8 low = log2_of(below + nothing), middle = log2_of(here + nothing), high = log2_of(above + nothing);
        const v8 bend = lowest(low - 2.0f * middle + high, v8{} - 1e-9f);
        const v8 beside = highest(lowest(0.5f * (low - high) / bend, v8{} + 0.5f), v8{} - 0.5f);
        for (std::int64_t i = 0; i < some; i++) {
            places[first + i] += beside[i];
            weights[first + i] = __builtin_sqrtf(here[i]);
        }
    }
}

}  // namespace

// Peaks of frames [1, 1 + frames) of powers (frames + 2, row), of which the first ``lines`` + 1 (8 or more) of each row are
// looked at. A frame's magnitudes are the middle ones of itself and its two neighbours. A line from ``first``
// on and below ``lines`` is a peak where it is higher than the one before it and no lower than the next, ``above`` times
// the mean of ``reach`` lines to either side, where the outermost count on, and ``share`` of the frame's highest. work:
// (lines + 9 + 2 * reach). counts: (frames), how many peaks each frame has; places: their lines with fraction; weights:
// the roots of their magnitudes; room in both for frames * (lines / 2 + 1).
KERNEL(tone_peaks)(const float* powers, std::int64_t frames, std::int64_t row, std::int64_t first, std::int64_t lines,
                   std::int64_t reach, double above, double share, double nothing, float* work, std::int64_t* counts,
                   double* places, double* weights) {
    float* const magnitudes = work + reach;
    const float over = static_cast<float>(above / static_cast<double>(2 * reach + 1)), least = static_cast<float>(share);
    for (std::int64_t frame = 0; frame < frames; frame++, powers += row) {
        const float most = steady(powers, powers + row, powers + 2 * row, lines + 1, magnitudes);
        for (std::int64_t i = 1; i <= reach; i++) magnitudes[-i] = magnitudes[0];
        for (std::int64_t i = 1; i <= reach + 7; i++) magnitudes[lines + i] = magnitudes[lines];
        const float floor = highest(least * most, static_cast<float>(nothing));
        std::int64_t found = 0;
        for (std::int64_t eight = first; eight < lines; eight += 8) {
            const v8 here = load<v8>(magnitudes + eight);
            const v8i tops = (here > load<v8>(magnitudes + eight - 1)) & (here >= load<v8>(magnitudes + eight + 1));
            for (std::uint32_t bits = bits_of(tops & (here > floor)); bits != 0; bits &= bits - 1) {
                const std::int64_t line = eight + __builtin_ctz(bits);
                places[found] = static_cast<double>(line);
                found += line < lines && magnitudes[line] > over * sum_around(magnitudes + line, reach);
            }
        }
        refine(magnitudes, static_cast<float>(nothing), found, places, weights);
        counts[frame] = found;
        places += found;
        weights += found;
    }
    return FINE;
}

// Sums of the weights of ``count`` peaks times the cosine and the sine of their pitch, a turn being a semitone, and of the
// weights: sums (3). Only pitches from ``low`` to ``high``.
KERNEL(tone_tuning)(const double* pitches, const double* weights, std::int64_t count, double low, double high, double* sums) {
    v4d real = {}, imaginary = {}, total = {};
    for (std::int64_t first = 0; first < count; first += 4) {
        v4d pitch = {}, weight = {};
        for (std::int64_t i = 0; i < lowest<std::int64_t>(4, count - first); i++) {
            pitch[i] = pitches[first + i];
            weight[i] = weights[first + i];
        }
        weight = (pitch >= low) & (pitch <= high) ? weight : v4d{};
        real += weight * cos_turns(pitch);
        imaginary += weight * sin_turns(pitch);
        total += weight;
    }
    const v4d all[3] = {real, imaginary, total};
    for (int i = 0; i < 3; i++) sums[i] = (all[i][0] + all[i][2]) + (all[i][1] + all[i][3]);
    return FINE;
}

// Peaks added to the twelve pitch classes of their frames: treble and bass (frames, 12). frames: (count), their frames;
// offset: what their semitones are beside the piano's. A peak between two semitones counts for little (the squared cosine
// of half a turn), and for each side as far as its pitch lies from ``none`` to ``full`` of it.
KERNEL(tone_chroma)(const std::int64_t* frames, const double* pitches, const double* weights, std::int64_t count,
                    double offset, double treble_none, double treble_full, double bass_none, double bass_full,
                    double* treble, double* bass) {
    for (std::int64_t first = 0; first < count; first += 4) {
        const std::int64_t some = lowest<std::int64_t>(4, count - first);
        v4d pitch = {}, weight = {};
        for (std::int64_t i = 0; i < some; i++) {
            pitch[i] = pitches[first + i];
            weight[i] = weights[first + i];
        }
        const v4d tuned = pitch - offset, nearest = round_nearest(tuned), none = {}, all = none + 1.0;
        const v4d centred = weight * (0.5 + 0.5 * cos_turns(tuned - nearest));
        const v4d high = centred * highest(lowest((pitch - treble_none) / (treble_full - treble_none), all), none);
        const v4d low = centred * highest(lowest((pitch - bass_none) / (bass_full - bass_none), all), none);
        for (std::int64_t i = 0; i < some; i++) {
            const std::int64_t semitone = static_cast<std::int64_t>(nearest[i]) % 12;
            const std::int64_t place = 12 * frames[first + i] + (semitone < 0 ? semitone + 12 : semitone);
            treble[place] += high[i];
            bass[place] += low[i];
        }
    }
    return FINE;
}
