// How the strip lays out what it works on: frames of 2 x TRACKS lanes, the left channels of all its tracks, then the right
// ones; four, two or one track. In tables that come from outside, lanes are always eight: track t is lane t and t + 4.
#pragma once
#include "lanes.hpp"

namespace {

// Frames a block: whatever the number of tracks, a block of frames has the same bytes and stays in the first-level cache.
template <int TRACKS>
constexpr std::int64_t BLOCK = 512 / TRACKS;

// The lane of the tables that lane ``lane`` of a frame stands for.
template <int TRACKS>
constexpr int table_lane(int lane) {
    return lane % TRACKS + (lane < TRACKS ? 0 : 4);
}

// Written out, because g++ 12 converts halves one by one for __builtin_convertvector.
INLINE v4d widen(v4f samples) { return v4d{samples[0], samples[1], samples[2], samples[3]}; }
INLINE v4f narrow(v4d samples) { return __builtin_convertvector(samples, v4f); }

// A row of the tables, eight doubles, as the lanes of one frame and again until the vector is full.
template <int TRACKS>
INLINE v8 lanes_of(const double* row) {
    v8 lanes;
    for (int lane = 0; lane < 8; lane++) lanes[lane] = static_cast<float>(row[table_lane<TRACKS>(lane % (2 * TRACKS))]);
    return lanes;
}

// A row of four doubles, one for each track, as a vector of levels holds them: track after track, frame after frame.
template <int TRACKS>
INLINE v8 tracks_of(const double* row) {
    v8 tracks;
    for (int place = 0; place < 8; place++) tracks[place] = static_cast<float>(row[place % TRACKS]);
    return tracks;
}

// The middle quarters of a vector change places.
INLINE v8 swap_middle(v8 x) { return PICK8(x, x, 0, 1, 4, 5, 2, 3, 6, 7); }

// Eight samples of each lane, one vector a lane, become eight frames, one after the other; and back.
template <int TRACKS>
INLINE void rows_to_frames(v8 (&r)[2 * TRACKS]) {
    if constexpr (TRACKS == 4) transpose8(r);
    if constexpr (TRACKS == 2) {
        const v8 a = PICK8(r[0], r[1], 0, 8, 1, 9, 4, 12, 5, 13), b = PICK8(r[2], r[3], 0, 8, 1, 9, 4, 12, 5, 13);
        const v8 c = PICK8(r[0], r[1], 2, 10, 3, 11, 6, 14, 7, 15), d = PICK8(r[2], r[3], 2, 10, 3, 11, 6, 14, 7, 15);
        const v8 first = PICK8(a, b, 0, 1, 8, 9, 4, 5, 12, 13), second = PICK8(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
        const v8 third = PICK8(c, d, 0, 1, 8, 9, 4, 5, 12, 13), fourth = PICK8(c, d, 2, 3, 10, 11, 6, 7, 14, 15);
        r[0] = PICK8(first, second, 0, 1, 2, 3, 8, 9, 10, 11);
        r[1] = PICK8(third, fourth, 0, 1, 2, 3, 8, 9, 10, 11);
        r[2] = PICK8(first, second, 4, 5, 6, 7, 12, 13, 14, 15);
        r[3] = PICK8(third, fourth, 4, 5, 6, 7, 12, 13, 14, 15);
    }
    if constexpr (TRACKS == 1) {
        const v8 low = PICK8(r[0], r[1], 0, 8, 1, 9, 4, 12, 5, 13), high = PICK8(r[0], r[1], 2, 10, 3, 11, 6, 14, 7, 15);
        r[0] = PICK8(low, high, 0, 1, 2, 3, 8, 9, 10, 11);
        r[1] = PICK8(low, high, 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

template <int TRACKS>
INLINE void frames_to_rows(v8 (&f)[2 * TRACKS]) {
    if constexpr (TRACKS == 4) transpose8(f);
    if constexpr (TRACKS == 2) {
        const v8 a = PICK8(f[0], f[2], 0, 1, 2, 3, 8, 9, 10, 11), b = PICK8(f[0], f[2], 4, 5, 6, 7, 12, 13, 14, 15);
        const v8 c = PICK8(f[1], f[3], 0, 1, 2, 3, 8, 9, 10, 11), d = PICK8(f[1], f[3], 4, 5, 6, 7, 12, 13, 14, 15);
        const v8 ab = PICK8(a, b, 0, 8, 1, 9, 4, 12, 5, 13), cd = PICK8(c, d, 0, 8, 1, 9, 4, 12, 5, 13);
        const v8 ba = PICK8(a, b, 2, 10, 3, 11, 6, 14, 7, 15), dc = PICK8(c, d, 2, 10, 3, 11, 6, 14, 7, 15);
        f[0] = PICK8(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13);
        f[1] = PICK8(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
        f[2] = PICK8(ba, dc, 0, 1, 8, 9, 4, 5, 12, 13);
        f[3] = PICK8(ba, dc, 2, 3, 10, 11, 6, 7, 14, 15);
    }
    if constexpr (TRACKS == 1) {
        const v8 left = PICK8(f[0], f[1], 0, 2, 8, 10, 4, 6, 12, 14), right = PICK8(f[0], f[1], 1, 3, 9, 11, 5, 7, 13, 15);
        f[0] = swap_middle(left);
        f[1] = swap_middle(right);
    }
}

// The left and the right lanes of two vectors of frames: track after track, frame after frame.
template <int TRACKS>
INLINE void part_sides(v8 first, v8 second, v8& left, v8& right) {
    if constexpr (TRACKS == 4) {
        left = PICK8(first, second, 0, 1, 2, 3, 8, 9, 10, 11);
        right = PICK8(first, second, 4, 5, 6, 7, 12, 13, 14, 15);
    } else if constexpr (TRACKS == 2) {
        left = swap_middle(PICK8(first, second, 0, 1, 8, 9, 4, 5, 12, 13));
        right = swap_middle(PICK8(first, second, 2, 3, 10, 11, 6, 7, 14, 15));
    } else {
        left = swap_middle(PICK8(first, second, 0, 2, 8, 10, 4, 6, 12, 14));
        right = swap_middle(PICK8(first, second, 1, 3, 9, 11, 5, 7, 13, 15));
    }
}

// One value a track, eight in all, for both lanes of the track in two vectors of frames.
template <int TRACKS>
INLINE void to_both_sides(v8 values, v8& first, v8& second) {
    if constexpr (TRACKS == 4) {
        first = PICK8(values, values, 0, 1, 2, 3, 0, 1, 2, 3);
        second = PICK8(values, values, 4, 5, 6, 7, 4, 5, 6, 7);
    } else if constexpr (TRACKS == 2) {
        first = PICK8(values, values, 0, 1, 0, 1, 2, 3, 2, 3);
        second = PICK8(values, values, 4, 5, 4, 5, 6, 7, 6, 7);
    } else {
        first = PICK8(values, values, 0, 0, 1, 1, 2, 2, 3, 3);
        second = PICK8(values, values, 4, 4, 5, 5, 6, 6, 7, 7);
    }
}

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

// Where lane ``lane`` of a frame begins at song position ``at``; null where not all of ``length`` samples are there.
template <int TRACKS>
const float* whole_stretch(const Signals& signals, int lane, std::int64_t at, std::int64_t length) {
    const std::int64_t first = at - signals.starts[lane];
    const bool within = first >= 0 && first + length <= signals.lengths[lane];
    return within ? reinterpret_cast<const float*>(signals.addresses[lane]) + first : nullptr;
}

template <int TRACKS, class Read>
INLINE void read_frames(std::int64_t length, v8 gain, float* frames, Read read) {
    for (std::int64_t i = 0; i < length; i += 8) {
        v8 samples[2 * TRACKS];
        for (int lane = 0; lane < 2 * TRACKS; lane++) samples[lane] = read(lane, i);
        rows_to_frames<TRACKS>(samples);
        for (int k = 0; k < 2 * TRACKS; k++)  // -0 becomes 0, as behind every section
            store(frames + 2 * TRACKS * i + 8 * k, samples[k] * gain + 0.0f);
    }
}

template <int TRACKS>
void read_block(const Signals& signals, std::int64_t at, std::int64_t length, v8 gain, float* frames) {
    const float* whole[2 * TRACKS];
    bool all_whole = true;
    for (int lane = 0; lane < 2 * TRACKS; lane++) {
        whole[lane] = whole_stretch<TRACKS>(signals, table_lane<TRACKS>(lane), at, (length + 7) / 8 * 8);
        all_whole = all_whole && whole[lane];
    }
    const auto from_whole = [&](int lane, std::int64_t i) { return load<v8>(whole[lane] + i); };
    if (all_whole) return read_frames<TRACKS>(length, gain, frames, from_whole);
    read_frames<TRACKS>(length, gain, frames, [&](int lane, std::int64_t i) {
        return whole[lane] ? from_whole(lane, i) : read_edge(signals, table_lane<TRACKS>(lane), at + i);
    });
}

}  // namespace
