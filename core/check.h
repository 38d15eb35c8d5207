// SPDX-License-Identifier: Apache-2.0
// Our own bugs end the process, loudly. Nothing that a peer or caller sends may reach one of these.
#pragma once

namespace headrace::core {

// Prints the broken condition to stderr and aborts.
[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace headrace::core

// Cold paths; kept in release builds.
#define HEADRACE_CHECK(condition)     \
  (__builtin_expect(!!(condition), 1) \
       ? (void)0                      \
       : ::headrace::core::check_failed(#condition, __FILE__, __LINE__))

// Hot paths; compiled out of release builds.
#ifdef NDEBUG
#define HEADRACE_DCHECK(condition) ((void)sizeof(condition))
#else
#define HEADRACE_DCHECK(condition) HEADRACE_CHECK(condition)
#endif
