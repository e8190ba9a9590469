// Our own exp2, log2, sine, cosine and tanh: no libm, so the same bytes come out on every machine and SIMD level.
// Each is a template over float, double, v8 and v4d, without branches, so plain loops over scalars vectorise too.
// Errors were measured against Python's math (tests/unit/test_kernels_math.py holds them to these bounds):
//              float       double
//   exp2       2.0e-7      5e-16     relative; input is held to [-126, 127] or [-1022, 1023]
//   log2       2.0e-7      5e-16     relative to max(1, |log2 x|); x positive and normal
//   sin_turns  2.5e-7      5e-16     absolute, for |turns| < 1 (beyond that the argument's own rounding adds)
//   tanh       3.0e-7      6e-16     relative
// NaN gives garbage, not NaN: kernels check finiteness themselves.
#pragma once
#include "kernel.hpp"

namespace {

// Per type: its integer twin and scalar, the shift of the exponent, and the number whose addition rounds to integer.
template <class F> struct Bits;
template <> struct Bits<float> { using Int = std::int32_t; using Scalar = float; };
template <> struct Bits<v8> { using Int = v8i; using Scalar = float; };
template <> struct Bits<double> { using Int = std::int64_t; using Scalar = double; };
template <> struct Bits<v4d> { using Int = v4i64; using Scalar = double; };

template <class S> struct Layout;
template <> struct Layout<float> {
    using Int = std::int32_t;
    static constexpr Int SHIFT = 23, MAGIC_BITS = 0x4B400000, SQRT_HALF = 0x3F3504F3, SIGN = INT32_MIN;
    static constexpr float MAGIC = 12582912.0f, LOWEST_EXP2 = -126.0f, HIGHEST_EXP2 = 127.0f;
};
template <> struct Layout<double> {
    using Int = std::int64_t;
    static constexpr Int SHIFT = 52, MAGIC_BITS = 0x4338000000000000, SQRT_HALF = 0x3FE6A09E667F3BCD, SIGN = INT64_MIN;
    static constexpr double MAGIC = 6755399441055744.0, LOWEST_EXP2 = -1022.0, HIGHEST_EXP2 = 1023.0;
};

template <class F> using IntOf = typename Bits<F>::Int;
template <class F> using ScalarOf = typename Bits<F>::Scalar;
template <class F> using LayoutOf = Layout<ScalarOf<F>>;

template <class F>
INLINE F splat(ScalarOf<F> x) {
    return F{} + x;
}

template <class F>
INLINE F magnitude(F x) {
    return bit_cast<F>(bit_cast<IntOf<F>>(x) & ~LayoutOf<F>::SIGN);
}

template <class F>
INLINE F with_sign_of(F size, F sign) {
    return bit_cast<F>(bit_cast<IntOf<F>>(size) | (bit_cast<IntOf<F>>(sign) & LayoutOf<F>::SIGN));
}

template <class F>
INLINE F round_nearest(F x) {
    return (x + LayoutOf<F>::MAGIC) - LayoutOf<F>::MAGIC;
}

// Horner's rule, highest coefficient first.
template <class F, int N>
INLINE F polynomial(F x, const double (&coefficients)[N]) {
    using S = ScalarOf<F>;
    F sum = splat<F>(S(coefficients[0]));
    for (int k = 1; k < N; k++) sum = sum * x + S(coefficients[k]);
    return sum;
}

// (2^r - 1) / r for |r| <= 1/2: Taylor coefficients ln(2)^k / k!.
template <class F>
INLINE F exp2_slope(F r) {
    if constexpr (sizeof(ScalarOf<F>) == 4) {
        constexpr double C[] = {1.5252733804059840e-5, 1.5403530393381606e-4, 1.3333558146428443e-3, 9.6181291076284772e-3,
                                5.5504108664821580e-2, 2.4022650695910072e-1, 6.9314718055994531e-1};
        return polynomial(r, C);
    } else {
        constexpr double C[] = {1.3691488853904128e-12, 2.5678435993488206e-11, 4.4455382718708115e-10,
                                7.0549116208011233e-9,  1.0178086009239700e-7,  1.3215486790144309e-6,
                                1.5252733804059840e-5,  1.5403530393381610e-4,  1.3333558146428443e-3,
                                9.6181291076284772e-3,  5.5504108664821580e-2,  2.4022650695910071e-1,
                                6.9314718055994531e-1};
        return polynomial(r, C);
    }
}

// 2^n for the integer hidden in the low bits of ``rounded`` = n + MAGIC.
template <class F>
INLINE F power_of_two(F rounded) {
    using L = LayoutOf<F>;
    return bit_cast<F>((bit_cast<IntOf<F>>(rounded) << L::SHIFT) + bit_cast<typename L::Int>(ScalarOf<F>(1)));
}

template <class F>
INLINE F exp2_of(F x) {
    using L = LayoutOf<F>;
    x = highest(lowest(x, splat<F>(L::HIGHEST_EXP2)), splat<F>(L::LOWEST_EXP2));
    const F rounded = x + L::MAGIC;
    const F r = x - (rounded - L::MAGIC);
    return power_of_two(rounded) * (exp2_slope(r) * r + ScalarOf<F>(1));
}

// log2 through the series of atanh: x = 2^e * m, m around 1, s = (m - 1) / (m + 1), log2(m) = 2/ln(2) * atanh(s).
template <class F>
INLINE F log2_of(F x) {
    using L = LayoutOf<F>;
    using S = ScalarOf<F>;
    const IntOf<F> bits = bit_cast<IntOf<F>>(x);
    const IntOf<F> exponent = (bits - L::SQRT_HALF) >> L::SHIFT;
    const F m = bit_cast<F>(bits - exponent * (typename L::Int(1) << L::SHIFT));
    const F e = bit_cast<F>(exponent + L::MAGIC_BITS) - L::MAGIC;
    const F s = (m - S(1)) / (m + S(1));
    const F square = s * s;
    constexpr double K = 2.8853900817779268;
    if constexpr (sizeof(S) == 4) {
        constexpr double C[] = {K / 9, K / 7, K / 5, K / 3, K};
        return polynomial(square, C) * s + e;
    } else {
        constexpr double C[] = {K / 23, K / 21, K / 19, K / 17, K / 15, K / 13, K / 11, K / 9, K / 7, K / 5, K / 3, K};
        return polynomial(square, C) * s + e;
    }
}

// sin(2 pi v) for |v| <= 1/4: Taylor coefficients of the sine with (2 pi)^k folded in.
template <class F>
INLINE F sin_quarter(F v) {
    const F square = v * v;
    if constexpr (sizeof(ScalarOf<F>) == 4) {
        constexpr double C[] = {3.8199525848482821, -1.5094642576822990e1, 4.2058693944897655e1, -7.6705859753061386e1,
                                8.1605249276075054e1, -4.1341702240399760e1, 6.2831853071795865};
        return polynomial(square, C) * v;
    } else {
        constexpr double C[] = {1.1309237482517961e-3, -1.2031585942120627e-2, 1.0422916220813984e-1, -7.1812230177850051e-1,
                                3.8199525848482821,    -1.5094642576822990e1,  4.2058693944897655e1,  -7.6705859753061386e1,
                                8.1605249276075054e1,  -4.1341702240399760e1,  6.2831853071795865};
        return polynomial(square, C) * v;
    }
}

template <class F>
INLINE F cos_turns(F turns) {
    return sin_quarter(ScalarOf<F>(0.25) - magnitude(turns - round_nearest(turns)));
}

template <class F>
INLINE F sin_turns(F turns) {
    const F r = turns - round_nearest(turns);
    // Fold |r| > 1/4 back: sin(2 pi (1/2 - r)) = sin(2 pi r). Small angles keep their full relative precision.
    const F size = magnitude(r);
    return sin_quarter(with_sign_of(lowest(size, ScalarOf<F>(0.5) - size), r));
}

// Through 2^y - 1 without cancellation, so that quiet signals keep their relative precision.
template <class F>
INLINE F tanh_of(F x) {
    using L = LayoutOf<F>;
    using S = ScalarOf<F>;
    const F y = lowest(magnitude(x), splat<F>(S(22))) * S(2.8853900817779268);
    const F rounded = y + L::MAGIC;
    const F r = y - (rounded - L::MAGIC);
    const F scale = power_of_two(rounded);
    const F grown = scale * (exp2_slope(r) * r) + (scale - S(1));
    return with_sign_of(grown / (grown + S(2)), x);
}

}  // namespace
