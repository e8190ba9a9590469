// Which SIMD level this CPU runs. Only the base copy of this answer is ever asked.
#include "kernel.hpp"

#if defined(__x86_64__)
namespace {

struct Registers { std::uint32_t a, b, c, d; };

Registers cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
    Registers r;
    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(subleaf));
    return r;
}

bool all_set(std::uint32_t bits, std::uint32_t wanted) { return (bits & wanted) == wanted; }

// The operating system must also save the wide registers: XCR0 bits 1 (SSE) and 2 (AVX).
bool system_saves_avx() {
    std::uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return all_set(low, 0x6);
}

bool runs_v3() {
    if (cpuid(0, 0).a < 7 || cpuid(0x80000000u, 0).a < 0x80000001u) return false;
    const std::uint32_t fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28, f16c = 1u << 29;
    const std::uint32_t bmi = 1u << 3, avx2 = 1u << 5, bmi2 = 1u << 8, lzcnt = 1u << 5;
    return all_set(cpuid(1, 0).c, fma | osxsave | avx | f16c) && system_saves_avx() &&
           all_set(cpuid(7, 0).b, bmi | avx2 | bmi2) && all_set(cpuid(0x80000001u, 0).c, lzcnt);
}

}  // namespace
#endif

// 3 where the v3 copies run, else 0.
KERNEL(cpu_level)() {
#if defined(__x86_64__)
    return runs_v3() ? 3 : 0;
#else
    return 0;
#endif
}
