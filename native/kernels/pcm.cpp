// Samples as files hold them (interleaved, little-endian) to and from samples as the product holds them: one float32
// row per channel. Reading gives the very bits that libsndfile gives: an integer times a power of two, floats as they
// are. No denormal is flushed here: what lies in a file is what is read.
#include "kernel.hpp"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "PCM kernels are written for little-endian machines"
#endif

namespace {

using byte = std::uint8_t;

constexpr std::int64_t BLOCK = 512;  // frames at a time, so that many channels stay in the first-level cache

// One coding each: how wide a sample is, and its value in full scale 1.
struct Pcm16 {
    static constexpr std::int64_t bytes = 2;
    INLINE float value(const byte* at) { return static_cast<float>(load<std::int16_t>(at)) * (1.0f / 32768.0f); }
};
struct Pcm24 {
    static constexpr std::int64_t bytes = 3;
    INLINE float value(const byte* at) {
        const std::uint32_t code = static_cast<std::uint32_t>(load<std::uint16_t>(at)) << 8 | static_cast<std::uint32_t>(at[2]) << 24;
        return static_cast<float>(static_cast<std::int32_t>(code)) * (1.0f / 2147483648.0f);
    }
};
struct Pcm32 {
    static constexpr std::int64_t bytes = 4;
    INLINE float value(const byte* at) { return static_cast<float>(load<std::int32_t>(at)) * (1.0f / 2147483648.0f); }
};
struct Float32 {
    static constexpr std::int64_t bytes = 4;
    INLINE float value(const byte* at) { return load<float>(at); }
};

#if (defined(__SSSE3__) || defined(__aarch64__)) && (defined(__clang__) || __GNUC__ >= 12)
#define BYTES_MOVE_FREELY  // any byte to any place of a vector in one instruction

using v16b = byte __attribute__((vector_size(16)));
using v4i = std::int32_t __attribute__((vector_size(16)));

INLINE v4f full_scale_one(v16b codes) {
    return __builtin_convertvector(bit_cast<v4i>(codes), v4f) * (1.0f / 2147483648.0f);
}

// 24-bit samples four at a time, each moved into the upper bytes of 32. Reads 16 bytes where 12 are wanted, so the last
// frames are left to the caller: the answer is how many were done.
std::int64_t spread_24_mono(const byte* from, std::int64_t frames, float* to) {
    std::int64_t i = 0;
    for (; i + 6 <= frames; i += 4) {
        const v16b bytes = load<v16b>(from + 3 * i);
        store(to + i, full_scale_one(__builtin_shufflevector(bytes, v16b{}, 16, 0, 1, 2, 16, 3, 4, 5, 16, 6, 7, 8, 16,
                                                             9, 10, 11)));
    }
    return i;
}

std::int64_t spread_24_stereo(const byte* from, std::int64_t frames, float* left, float* right) {
    std::int64_t i = 0;
    for (; i + 5 <= frames; i += 4) {
        const v16b first = load<v16b>(from + 6 * i), second = load<v16b>(from + 6 * i + 12);
        // Two of the left, then two of the right.
        const v4f a = full_scale_one(
            __builtin_shufflevector(first, v16b{}, 16, 0, 1, 2, 16, 6, 7, 8, 16, 3, 4, 5, 16, 9, 10, 11));
        const v4f b = full_scale_one(
            __builtin_shufflevector(second, v16b{}, 16, 0, 1, 2, 16, 6, 7, 8, 16, 3, 4, 5, 16, 9, 10, 11));
        store(left + i, __builtin_shufflevector(a, b, 0, 1, 4, 5));
        store(right + i, __builtin_shufflevector(a, b, 2, 3, 6, 7));
    }
    return i;
}
#endif

template <class Coding>
void spread_stereo(const byte* from, std::int64_t frames, float* left, float* right) {
    for (std::int64_t i = 0; i < frames; i++, from += 2 * Coding::bytes) {
        left[i] = Coding::value(from);
        right[i] = Coding::value(from + Coding::bytes);
    }
}

template <class Coding>
void spread_one(const byte* from, std::int64_t frames, std::int64_t step_bytes, float* to) {
    for (std::int64_t i = 0; i < frames; i++) to[i] = Coding::value(from + i * step_bytes);
}

template <class Coding>
void spread(const byte* from, std::int64_t frames, std::int64_t channels, float* to, std::int64_t row) {
    const std::int64_t step_bytes = channels * Coding::bytes;
#ifdef BYTES_MOVE_FREELY
    if constexpr (Coding::bytes == 3) {
        const std::int64_t done = channels == 1   ? spread_24_mono(from, frames, to)
                                  : channels == 2 ? spread_24_stereo(from, frames, to, to + row)
                                                  : 0;
        from += done * step_bytes;
        to += done;
        frames -= done;
    }
#endif
    if (channels == 1) return spread_one<Coding>(from, frames, Coding::bytes, to);
    if (channels == 2) return spread_stereo<Coding>(from, frames, to, to + row);
    for (std::int64_t start = 0; start < frames; start += BLOCK) {
        const std::int64_t count = lowest(BLOCK, frames - start);
        const byte* block = from + start * step_bytes;
        for (std::int64_t channel = 0; channel < channels; channel++)
            spread_one<Coding>(block + channel * Coding::bytes, count, step_bytes, to + channel * row + start);
    }
}

// The first value that is no number in the order of the file: frame by frame, channel by channel.
std::int64_t first_bad(const float* rows, std::int64_t frames, std::int64_t channels, std::int64_t row) {
    std::int64_t first = FINE;
    for (std::int64_t channel = 0; channel < channels; channel++) {
        const std::int64_t frame = first_not_finite(rows + channel * row, frames);
        if (frame == FINE) continue;
        frames = frame;  // only an earlier frame of the channels to come would be earlier
        first = frame * channels + channel;
    }
    return first;
}

// Rounding to the nearest integer, halves to the even one, by adding a number whose last bit counts ones.
INLINE std::int32_t nearest(double value) {
    constexpr double ROUNDER = 6755399441055744.0;  // 1.5 * 2^52
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(bit_cast<std::uint64_t>(value + ROUNDER)));
}

INLINE double held(double value, double full_scale) {
    return lowest(highest(value, -full_scale), full_scale - 1.0);
}

// Integers nearest to one channel's samples; the answer is how many lay above full scale.
std::int64_t to_codes(const float* from, std::int64_t count, double full_scale, std::int32_t* codes) {
    std::int32_t above = 0;
    for (std::int64_t i = 0; i < count; i++) {
        above += (from[i] > 1.0f) | (from[i] < -1.0f);
        codes[i] = nearest(held(static_cast<double>(from[i]) * full_scale, full_scale));
    }
    return above;
}

// Triangular noise of one step to each side out of 64 random bits: two even noises of 32 bits, subtracted.
INLINE double triangular(std::uint64_t random) {
    const double first = static_cast<double>(static_cast<std::uint32_t>(random >> 32));
    return (first - static_cast<double>(static_cast<std::uint32_t>(random))) * (1.0 / 4294967296.0);
}

// The same with noise added before rounding; the random numbers are interleaved as the file is.
std::int64_t to_dithered_codes(const float* from, const std::int64_t* random, std::int64_t step, std::int64_t count,
                               double full_scale, std::int32_t* codes) {
    std::int32_t above = 0;
    for (std::int64_t i = 0; i < count; i++) {
        above += (from[i] > 1.0f) | (from[i] < -1.0f);
        const double noise = triangular(static_cast<std::uint64_t>(random[i * step]));
        codes[i] = nearest(held(static_cast<double>(from[i]) * full_scale + noise, full_scale));
    }
    return above;
}

void put_codes(const std::int32_t* codes, std::int64_t count, std::int64_t bits, std::int64_t width, byte* to,
               std::int64_t step_bytes) {
    if (width == 2) {
        for (std::int64_t i = 0; i < count; i++) store(to + i * step_bytes, static_cast<std::int16_t>(codes[i]));
    } else if (width == 3) {
        for (std::int64_t i = 0; i < count; i++) {
            store(to + i * step_bytes, static_cast<std::uint16_t>(codes[i]));
            to[i * step_bytes + 2] = static_cast<byte>(codes[i] >> 16);
        }
    } else {
        for (std::int64_t i = 0; i < count; i++)
            store(to + i * step_bytes, static_cast<std::uint32_t>(codes[i]) << (32 - bits));
    }
}

}  // namespace

// Frames of a file into rows: row c of ``to`` begins at to + c * row, its first sample lands at ``start``. ``coding`` is
// 16, 24 or 32 for integers, 0 for floats. FINE, or frame * channels + channel of the first value that is no number.
KERNEL(pcm_spread)(const byte* from, std::int64_t frames, std::int64_t channels, std::int64_t coding, float* to,
                   std::int64_t row, std::int64_t start) {
    to += start;
    if (coding == 16) spread<Pcm16>(from, frames, channels, to, row);
    if (coding == 24) spread<Pcm24>(from, frames, channels, to, row);
    if (coding == 32) spread<Pcm32>(from, frames, channels, to, row);
    if (coding != 0) return FINE;
    for (std::int64_t done = 0; done < frames; done += BLOCK) {  // looked at while it is in the cache
        const std::int64_t count = lowest(BLOCK, frames - done);
        spread<Float32>(from + 4 * done * channels, count, channels, to + done, row);
        const std::int64_t bad = first_bad(to + done, count, channels, row);
        if (bad != FINE) return done * channels + bad;
    }
    return FINE;
}

// Rows, ``row`` floats apart, from column ``first`` on, into the floats of a file; FINE or the place as above.
KERNEL(pcm_weave_floats)(const float* from, std::int64_t row, std::int64_t first, std::int64_t frames,
                         std::int64_t channels, byte* to) {
    from += first;
    for (std::int64_t start = 0; start < frames; start += BLOCK) {
        const std::int64_t count = lowest(BLOCK, frames - start);
        for (std::int64_t channel = 0; channel < channels; channel++) {
            const float* samples = from + channel * row + start;
            byte* at = to + 4 * (start * channels + channel);
            for (std::int64_t i = 0; i < count; i++) store(at + 4 * i * channels, samples[i]);
        }
    }
    return first_bad(from, frames, channels, row);
}

// Floats that came from integers of 8, 16 or 24 bits become these again, whole bytes each, in the order they have.
KERNEL(pcm_pack)(const float* from, std::int64_t count, std::int64_t bits, byte* to) {
    const float full_scale = static_cast<float>(std::int64_t(1) << (bits - 1));
    std::int64_t i = 0;
#ifdef BYTES_MOVE_FREELY
    for (; bits == 24 && i + 6 <= count; i += 4) {  // 16 bytes are written where 12 are wanted
        const v16b codes = bit_cast<v16b>(__builtin_convertvector(load<v4f>(from + i) * full_scale, v4i));
        store(to + 3 * i, __builtin_shufflevector(codes, v16b{}, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 16, 16, 16, 16));
    }
#endif
    if (bits == 8)
        for (; i < count; i++) to[i] = static_cast<byte>(static_cast<std::int32_t>(from[i] * full_scale));
    if (bits == 16)
        for (; i < count; i++) store(to + 2 * i, static_cast<std::int16_t>(static_cast<std::int32_t>(from[i] * full_scale)));
    for (; i < count; i++) {
        const std::int32_t code = static_cast<std::int32_t>(from[i] * full_scale);
        store(to + 3 * i, static_cast<std::uint16_t>(code));
        to[3 * i + 2] = static_cast<byte>(code >> 16);
    }
    return FINE;
}

// The same into integers of ``bits``, each ``width`` bytes wide (4: in the upper bits). ``random`` is interleaved and used
// when ``dithered``. ``above`` is raised by the number of samples above full scale. FINE or the place as above.
KERNEL(pcm_weave_codes)(const float* from, std::int64_t row, std::int64_t first, std::int64_t frames,
                        std::int64_t channels, const std::int64_t* random, std::int64_t dithered, std::int64_t bits,
                        std::int64_t width, byte* to, std::int64_t* above) {
    from += first;
    const std::int64_t bad = first_bad(from, frames, channels, row);
    if (bad != FINE) return bad;
    const double full_scale = static_cast<double>(std::int64_t(1) << (bits - 1));
    std::int32_t codes[BLOCK];
    for (std::int64_t start = 0; start < frames; start += BLOCK) {
        const std::int64_t count = lowest(BLOCK, frames - start);
        for (std::int64_t channel = 0; channel < channels; channel++) {
            const float* samples = from + channel * row + start;
            const std::int64_t place = start * channels + channel;
            *above += dithered ? to_dithered_codes(samples, random + place, channels, count, full_scale, codes)
                               : to_codes(samples, count, full_scale, codes);
            put_codes(codes, count, bits, width, to + place * width, channels * width);
        }
    }
    return FINE;
}
