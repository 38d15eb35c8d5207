// SPDX-License-Identifier: Apache-2.0
// Dense numbers that the registry gives out, never used twice: what the hot path indexes by and
// what the keys on disk hold. People see the ids of headrace/id.h and tags instead.
#pragma once

#include <cstdint>

namespace headrace::core {

enum class LinkNumber : std::uint32_t {};
enum class WebhookNumber : std::uint32_t {};
enum class EndpointNumber : std::uint32_t {};
enum class EventNumber : std::uint32_t { kNone = 0 };

// No link has this number. Messages on it are calls that the engine makes itself, such as telling
// a provider where to post.
inline constexpr LinkNumber kSystemLink{0};

}  // namespace headrace::core
