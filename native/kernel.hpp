// What every kernel file includes: the export macro, vector types, flush-to-zero, and finiteness checks.
// Everything here has internal linkage: the same header is compiled for several SIMD levels into one library, and a
// shared inline function built with AVX2 could win the link and crash an older CPU. For the same reason kernels
// include no standard header that brings functions along (<algorithm>, <cmath>, ...).
#pragma once
#include <cstdint>
#include <cstring>

#define KERNEL_PASTE_(name, level) tapehand_##name##_##level
#define KERNEL_PASTE(name, level) KERNEL_PASTE_(name, level)
// KERNEL(mix_bus)(arguments) { ... } exports tapehand_mix_bus_base or tapehand_mix_bus_v3, by the level compiled.
// A kernel returns FINE, or the position of the first sample that was not finite.
#define KERNEL(name) extern "C" __attribute__((visibility("default"))) std::int64_t KERNEL_PASTE(name, KERNEL_SIMD)

#define INLINE static inline __attribute__((always_inline))

namespace {

constexpr std::int64_t FINE = -1;

using v8 = float __attribute__((vector_size(32)));
using v4f = float __attribute__((vector_size(16)));
using v4i = std::int32_t __attribute__((vector_size(16)));
using v8i = std::int32_t __attribute__((vector_size(32)));
using v4d = double __attribute__((vector_size(32)));
using v4i64 = std::int64_t __attribute__((vector_size(32)));

template <class To, class From>
INLINE To bit_cast(const From& from) {
    static_assert(sizeof(To) == sizeof(From), "bit_cast needs equal sizes");
    To to;
    std::memcpy(&to, &from, sizeof to);
    return to;
}

template <class T>
INLINE T load(const void* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

template <class T>
INLINE void store(void* to, const T& value) {
    std::memcpy(to, &value, sizeof value);
}

// Lowest and highest for scalars and for the vector types alike.
template <class T>
INLINE T lowest(T a, T b) {
    return a < b ? a : b;
}
template <class T>
INLINE T highest(T a, T b) {
    return a > b ? a : b;
}

// Denormals cost up to a hundred cycles each; they are flushed to zero while one of these lives, and the caller's
// mode comes back afterwards (it is a state of the thread, and the thread is Python's).
class FlushDenormals {
#if defined(__x86_64__)
    unsigned mode_ = __builtin_ia32_stmxcsr();

  public:
    FlushDenormals() { __builtin_ia32_ldmxcsr(mode_ | 0x8040u); }
    ~FlushDenormals() { __builtin_ia32_ldmxcsr(mode_); }
#elif defined(__aarch64__)
    std::uint64_t mode_;

  public:
    FlushDenormals() {
        __asm__ volatile("mrs %0, fpcr" : "=r"(mode_));
        __asm__ volatile("msr fpcr, %0" ::"r"(mode_ | (1ull << 24)));
    }
    ~FlushDenormals() { __asm__ volatile("msr fpcr, %0" ::"r"(mode_)); }
#else
  public:
    FlushDenormals() {}
    ~FlushDenormals() {}
#endif
    FlushDenormals(const FlushDenormals&) = delete;
    FlushDenormals& operator=(const FlushDenormals&) = delete;
};

INLINE bool is_finite(float x) { return (bit_cast<std::uint32_t>(x) & 0x7F800000u) != 0x7F800000u; }
INLINE bool is_finite(double x) {
    return (bit_cast<std::uint64_t>(x) & 0x7FF0000000000000ull) != 0x7FF0000000000000ull;
}

// FINE, or the position of the first NaN or infinity. Multiplying by zero keeps 0 for finite numbers and makes NaN of
// the rest, so one sum per block answers "any?" and only a guilty block is searched.
template <class T>
static inline std::int64_t first_not_finite(const T* samples, std::int64_t length) {
    constexpr std::int64_t BLOCK = 1024;
    for (std::int64_t start = 0; start < length; start += BLOCK) {
        const std::int64_t end = lowest(start + BLOCK, length);
        T lanes[8] = {};
        std::int64_t i = start;
        for (; i + 8 <= end; i += 8)
            for (int lane = 0; lane < 8; lane++) lanes[lane] += samples[i + lane] * T(0);
        T sum = 0;
        for (T lane : lanes) sum += lane;
        for (; i < end; i++) sum += samples[i] * T(0);
        if (sum == T(0)) continue;
        for (i = start; i < end; i++)
            if (!is_finite(samples[i])) return i;
    }
    return FINE;
}

}  // namespace
