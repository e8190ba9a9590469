// Eight signals side by side: the way in and out of the 8-lane kernels.
#pragma once
#include "kernel.hpp"

#if defined(__clang__) || __GNUC__ >= 12
#define PICK8(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#define PICK4(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#define HAS_SHUFFLEVECTOR 1
#else
#define PICK8(a, b, ...) __builtin_shuffle(a, b, v8i{__VA_ARGS__})
#define PICK4(a, b, ...) __builtin_shuffle(a, b, v4i{__VA_ARGS__})
#define HAS_SHUFFLEVECTOR 0
#endif

namespace {

// Halves of a vector. Where the compiler can, in registers: two half stores read back as one load stall the CPU.
INLINE v4f low_half(v8 x) {
#if HAS_SHUFFLEVECTOR
    return __builtin_shufflevector(x, x, 0, 1, 2, 3);
#else
    return load<v4f>(&x);
#endif
}
INLINE v4f high_half(v8 x) {
#if HAS_SHUFFLEVECTOR
    return __builtin_shufflevector(x, x, 4, 5, 6, 7);
#else
    return load<v4f>(reinterpret_cast<const char*>(&x) + sizeof(v4f));
#endif
}
INLINE v8 join(v4f low, v4f high) {
#if HAS_SHUFFLEVECTOR
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
#else
    const v4f both[2] = {low, high};
    return load<v8>(both);
#endif
}

// Rows become columns, in place: three rounds of exchanging ever larger pieces, each by one instruction.
INLINE void transpose8(v8 (&r)[8]) {
    v8 a[8], b[8];
    for (int i = 0; i < 8; i += 2) {
        a[i] = PICK8(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        a[i + 1] = PICK8(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 8; i += 4)
        for (int k = 0; k < 2; k++) {
            b[i + 2 * k] = PICK8(a[i + k], a[i + k + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            b[i + 2 * k + 1] = PICK8(a[i + k], a[i + k + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int i = 0; i < 4; i++) {
        r[i] = PICK8(b[i], b[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        r[i + 4] = PICK8(b[i], b[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

INLINE void transpose4(v4f (&r)[4]) {
    const v4f a = PICK4(r[0], r[1], 0, 4, 1, 5), b = PICK4(r[2], r[3], 0, 4, 1, 5);
    const v4f c = PICK4(r[0], r[1], 2, 6, 3, 7), d = PICK4(r[2], r[3], 2, 6, 3, 7);
    r[0] = PICK4(a, b, 0, 1, 4, 5);
    r[1] = PICK4(a, b, 2, 3, 6, 7);
    r[2] = PICK4(c, d, 0, 1, 4, 5);
    r[3] = PICK4(c, d, 2, 3, 6, 7);
}

using Pointers = const std::int64_t*;  // eight addresses as integers; 0 where a lane is not used

// Up to 8 samples of 8 signals; what lies beyond ``count`` or has no signal is silence.
INLINE void load_lanes(Pointers signals, std::int64_t at, std::int64_t count, v8 (&samples)[8]) {
    for (int lane = 0; lane < 8; lane++) {
        samples[lane] = v8{};
        if (signals[lane] == 0) continue;
        const float* from = reinterpret_cast<const float*>(signals[lane]) + at;
        if (count >= 8) samples[lane] = load<v8>(from);
        else std::memcpy(&samples[lane], from, static_cast<std::size_t>(count) * sizeof(float));
    }
    transpose8(samples);
}

INLINE void store_lanes(Pointers signals, std::int64_t at, std::int64_t count, v8 (&samples)[8]) {
    transpose8(samples);
    for (int lane = 0; lane < 8; lane++) {
        if (signals[lane] == 0) continue;
        float* to = reinterpret_cast<float*>(signals[lane]) + at;
        if (count >= 8) store(to, samples[lane]);
        else std::memcpy(to, &samples[lane], static_cast<std::size_t>(count) * sizeof(float));
    }
}

}  // namespace
