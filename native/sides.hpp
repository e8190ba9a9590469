// Two sides of one sound.
#pragma once
#include "kernel.hpp"

namespace {

// The first sample at which either side is not finite, or FINE.
INLINE std::int64_t first_of_two(const float* left, const float* right, std::int64_t length) {
    const std::int64_t a = first_not_finite(left, length), b = first_not_finite(right, length);
    return a == FINE ? b : b == FINE ? a : lowest(a, b);
}

}  // namespace
