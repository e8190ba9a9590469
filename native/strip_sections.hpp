// The strip's second-order sections, in float64 for those that forget slowly, in float32 for all others. Coefficients lie
// in tables (sections, 4, 8), states in (sections, 2, 8), doubles, whatever they are computed in.
#pragma once
#include "strip_lanes.hpp"

namespace {

using v2d = double __attribute__((vector_size(16)));

constexpr int COEFFICIENTS = 4 * 8, STATES = 2 * 8;  // doubles per section

// Something to be done beside the sections, a step a frame: they leave the CPU waiting often enough.
struct Nothing {
    INLINE void step(Nothing&) {}
};

// A section with b0 = 1 (the caller moved it into the gain), written so that the feedback path is one multiplication and
// one subtraction: y = x + s1;  s1' = s2 + c1 x - a1 s1;  s2' = c2 x - a2 s1,  with c = b - a.
template <class Lanes>
struct WideSection {
    Lanes c1, c2, a1, a2, s1, s2;

    INLINE Lanes next(WideSection& s, Lanes x) {
        const Lanes y = x + s.s1;
        const Lanes p = s.s2 + s.c1 * x, q = s.c2 * x;
        s.s2 = q - s.a2 * s.s1;
        s.s1 = p - s.a1 * s.s1;
        return y;
    }
};

// Lanes of float64 that go together: one side of four tracks, or all of two or one.
template <int TRACKS> struct WideLanes { using Lanes = v4d; };
template <> struct WideLanes<1> { using Lanes = v2d; };

template <int TRACKS>
struct WideSections {
    using Lanes = typename WideLanes<TRACKS>::Lanes;
    static constexpr int WIDTH = sizeof(Lanes) / sizeof(double), PARTS = 2 * TRACKS / WIDTH;

    static Lanes picked(const double* row, int part) {
        Lanes lanes;
        for (int lane = 0; lane < WIDTH; lane++) lanes[lane] = row[table_lane<TRACKS>(part * WIDTH + lane)];
        return lanes;
    }

    static void put(Lanes lanes, double* row, int part) {
        for (int lane = 0; lane < WIDTH; lane++) row[table_lane<TRACKS>(part * WIDTH + lane)] = lanes[lane];
    }

    static void run_one(double* wide, std::int64_t length, const double* coefficients, double* state) {
        WideSection<Lanes> sections[PARTS];
        for (int part = 0; part < PARTS; part++)
            sections[part] = {picked(coefficients, part),      picked(coefficients + 8, part), picked(coefficients + 16, part),
                              picked(coefficients + 24, part), picked(state, part),            picked(state + 8, part)};
        for (std::int64_t i = 0; i < length * PARTS; i += PARTS)
            for (int part = 0; part < PARTS; part++) {
                double* const at = wide + (i + part) * WIDTH;
                store(at, WideSection<Lanes>::next(sections[part], load<Lanes>(at)));
            }
        for (int part = 0; part < PARTS; part++) put(sections[part].s1, state, part), put(sections[part].s2, state + 8, part);
    }

    static void run(float* frames, std::int64_t length, const double* coefficients, double* state, std::int64_t sections) {
        alignas(32) double wide[2 * TRACKS * BLOCK<TRACKS>];
        for (std::int64_t i = 0; i < 2 * TRACKS * length; i += 4) store(wide + i, widen(load<v4f>(frames + i)));
        for (std::int64_t k = 0; k < sections; k++) run_one(wide, length, coefficients + k * COEFFICIENTS, state + k * STATES);
        for (std::int64_t i = 0; i < 2 * TRACKS * length; i += 4) store(frames + i, narrow(load<v4d>(wide + i)));
    }
};

// The same section for float32. Its states are s = s1 and t = s1 + s2, and t is small where the poles are near 1, so
// neither rounding nor the coefficients' last bits are magnified by the square of rate / cut-off, only by it:
// y = x + s;  s' = k s + t + c x;  t' = t + g x + e s,  with k = -1 - a1, c = c1, g = c1 + c2, e = -(1 + a1 + a2).
struct Section {
    v8 k, c, g, e, s, t;

    INLINE v8 next(Section& f, v8 x) {
        const v8 y = x + f.s;
        const v8 moved = f.t + f.c * x, risen = f.t + f.g * x;
        f.t = risen + f.e * f.s;
        f.s = moved + f.k * f.s;
        return y;
    }
};

Section section_of_four(const double* coefficients, const double* state) {
    return {lanes_of<4>(coefficients),      lanes_of<4>(coefficients + 8), lanes_of<4>(coefficients + 16),
            lanes_of<4>(coefficients + 24), lanes_of<4>(state),            lanes_of<4>(state + 8)};
}

void put_lanes(v8 lanes, double* row) {
    for (int lane = 0; lane < 8; lane++) row[lane] = static_cast<double>(lanes[lane]);
}

// Four tracks fill a vector. Several sections at a time: one waits for its own feedback while the others compute.
template <int COUNT, class Beside>
void run_sections(float* frames, std::int64_t length, const double* coefficients, double* state, Beside& shared) {
    Beside beside(shared);
    Section sections[COUNT];
    for (int k = 0; k < COUNT; k++) sections[k] = section_of_four(coefficients + k * COEFFICIENTS, state + k * STATES);
    for (std::int64_t i = 0; i < length; i++) {
        v8 y = load<v8>(frames + 8 * i);
        for (Section& section : sections) y = Section::next(section, y);
        store(frames + 8 * i, y);
        Beside::step(beside);
    }
    for (int k = 0; k < COUNT; k++) {
        put_lanes(sections[k].s, state + k * STATES);
        put_lanes(sections[k].t, state + k * STATES + 8);
    }
    shared = beside;
}

// Fewer tracks leave room in a vector for several sections, which then work at different times: section k is LAG samples
// behind section k - 1, so that what it needs has long been computed. VECTORS of them at once, filled up with sections of
// zeros, which change nothing.
template <int TRACKS, int VECTORS>
class Wave {
    static constexpr int WIDTH = 2 * TRACKS, EACH = 8 / WIDTH, COUNT = EACH * VECTORS, LAG = 2, DELAY = LAG * (COUNT - 1);

    Section sections_[VECTORS];
    v8 before_[LAG][VECTORS] = {};  // outputs of the last steps, already where the next section looks for them
    v8i first_[VECTORS];            // the step at which each lane begins

  public:
    static constexpr std::int64_t MOST = COUNT;

    Wave(const double* coefficients, const double* state, std::int64_t sections) {
        for (int v = 0; v < VECTORS; v++)
            for (int lane = 0; lane < 8; lane++) {
                const std::int64_t k = v * EACH + lane / WIDTH;
                const bool there = k < sections;
                const int place = table_lane<TRACKS>(lane % WIDTH);
                const auto value = [&](const double* table, std::int64_t rows, int row) {
                    return there ? static_cast<float>(table[(k * rows + row) * 8 + place]) : 0.0f;
                };
                Section& s = sections_[v];
                s.k[lane] = value(coefficients, 4, 0), s.c[lane] = value(coefficients, 4, 1);
                s.g[lane] = value(coefficients, 4, 2), s.e[lane] = value(coefficients, 4, 3);
                s.s[lane] = value(state, 2, 0), s.t[lane] = value(state, 2, 1);
                first_[v][lane] = static_cast<std::int32_t>(LAG * k);
            }
    }

    void keep(double* state, std::int64_t sections) const {
        for (std::int64_t k = 0; k < sections; k++)
            for (int lane = 0; lane < WIDTH; lane++) {
                const Section& s = sections_[k / EACH];
                const int from = static_cast<int>(k % EACH) * WIDTH + lane, place = table_lane<TRACKS>(lane);
                state[k * STATES + place] = static_cast<double>(s.s[from]);
                state[k * STATES + 8 + place] = static_cast<double>(s.t[from]);
            }
    }

    // In place: what comes out belongs DELAY frames before what goes in.
    template <class Beside>
    void run(float* frames, std::int64_t length, Beside& shared) {
        Beside beside(shared);
        std::int64_t i = 0;
        for (; i < lowest<std::int64_t>(DELAY, length); i++) some_lanes(frames, i, length);
        for (; i + LAG <= length; i += LAG)
            for (int phase = 0; phase < LAG; phase++) {
                put(frames + WIDTH * (i + phase - DELAY), all_lanes(frames + WIDTH * (i + phase), phase));
                Beside::step(beside);
            }
        for (; i < length + DELAY; i++) some_lanes(frames, i, length);
        shared = beside;
    }

  private:
    // The lanes of a vector move on by one section.
    INLINE v8 moved_on(v8 y) {
        if constexpr (TRACKS == 1) return PICK8(y, y, 6, 7, 0, 1, 2, 3, 4, 5);
        else return PICK8(y, y, 4, 5, 6, 7, 0, 1, 2, 3);
    }

    INLINE v8 entering(v8 first, v8 others) {
        if constexpr (TRACKS == 1) return PICK8(first, others, 0, 1, 10, 11, 12, 13, 14, 15);
        else return PICK8(first, others, 0, 1, 2, 3, 12, 13, 14, 15);
    }

    INLINE v8 taken(const float* frame) {
        if constexpr (TRACKS == 1) {
            const double both = load<double>(frame);
            return bit_cast<v8>(v4d{both, both, both, both});
        } else {
            const v4f four = load<v4f>(frame);
            return join(four, four);
        }
    }

    // The last section's output, which has moved on to the first lanes.
    INLINE void put(float* frame, v8 moved) {
        if constexpr (TRACKS == 1) store(frame, bit_cast<v4d>(moved)[0]);
        else store(frame, low_half(moved));
    }

    __attribute__((always_inline)) v8 all_lanes(const float* frame, int phase) {
        v8 from_outside = taken(frame);
        for (int v = 0; v < VECTORS; v++) {
            const v8 x = entering(from_outside, before_[phase][v]);
            from_outside = before_[phase][v];
            before_[phase][v] = moved_on(Section::next(sections_[v], x));
        }
        return before_[phase][VECTORS - 1];
    }

    // The same where some lanes have not begun or have ended: these forget nothing and learn nothing.
    void some_lanes(float* frames, std::int64_t i, std::int64_t length) {
        const v8i step = v8i{} + static_cast<std::int32_t>(i), end = v8i{} + static_cast<std::int32_t>(length);
        Section kept[VECTORS];
        for (int v = 0; v < VECTORS; v++) kept[v] = sections_[v];
        const v8 out = all_lanes(frames + WIDTH * (i < length ? i : 0), static_cast<int>(i % LAG));
        for (int v = 0; v < VECTORS; v++) {
            const v8i active = (step >= first_[v]) & (step < first_[v] + end);
            sections_[v].s = active ? sections_[v].s : kept[v].s;
            sections_[v].t = active ? sections_[v].t : kept[v].t;
        }
        if (i >= DELAY) put(frames + WIDTH * (i - DELAY), out);
    }
};

template <int TRACKS, int VECTORS, class Beside>
void run_wave(float* frames, std::int64_t length, const double* coefficients, double* state, std::int64_t sections,
              Beside& beside) {
    Wave<TRACKS, VECTORS> wave(coefficients, state, sections);
    wave.run(frames, length, beside);
    wave.keep(state, sections);
}

// As many of the sections as go at once; returns how many those were.
template <class Beside>
std::int64_t run_some_of_four(float* frames, std::int64_t length, const double* coefficients, double* state,
                              std::int64_t sections, Beside& beside) {
    switch (sections) {
        case 1: run_sections<1>(frames, length, coefficients, state, beside); return 1;
        case 2: run_sections<2>(frames, length, coefficients, state, beside); return 2;
        case 3: run_sections<3>(frames, length, coefficients, state, beside); return 3;
        case 4: run_sections<4>(frames, length, coefficients, state, beside); return 4;
        default: run_sections<5>(frames, length, coefficients, state, beside); return 5;
    }
}

template <int TRACKS, class Beside>
std::int64_t run_some(float* frames, std::int64_t length, const double* coefficients, double* state, std::int64_t sections,
                      Beside& beside) {
    if constexpr (TRACKS == 4) return run_some_of_four(frames, length, coefficients, state, sections, beside);
    else {
        constexpr std::int64_t EACH = 8 / (2 * TRACKS);
        const std::int64_t most = lowest<std::int64_t>(sections, 3 * EACH);
        if (most <= EACH) run_wave<TRACKS, 1>(frames, length, coefficients, state, most, beside);
        else if (most <= 2 * EACH) run_wave<TRACKS, 2>(frames, length, coefficients, state, most, beside);
        else run_wave<TRACKS, 3>(frames, length, coefficients, state, most, beside);
        return most;
    }
}

// All sections, one after the other; ``beside`` is done beside the first ones, a step a frame at most.
template <int TRACKS, class Beside>
void run_filters(float* frames, std::int64_t length, const double* coefficients, double* state, std::int64_t sections,
                 Beside& beside) {
    if (sections == 0) return;
    std::int64_t done = run_some<TRACKS>(frames, length, coefficients, state, sections, beside);
    while (done < sections) {
        Nothing nothing;
        done += run_some<TRACKS>(frames, length, coefficients + done * COEFFICIENTS, state + done * STATES, sections - done,
                                 nothing);
    }
}

}  // namespace
