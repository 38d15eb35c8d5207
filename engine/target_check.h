// SPDX-License-Identifier: Apache-2.0
// Where endpoints and calls may lead, judged when they are written down, so that whoever writes it
// hears of it. What counts is that each connection is judged again: names change.
//
// Threads: any.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispatch/address_filter.h"
#include "dispatch/resolver.h"
#include "dispatch/url.h"
#include "headrace/result.h"

namespace headrace::engine {

// The addresses of each of these names, asked for now and together; none: it could not be resolved.
// May block for a moment.
using LookUp = std::function<std::vector<dispatch::Addresses>(std::span<const std::string> hosts)>;

struct TargetRules {
  TargetRules() noexcept {}  // NOLINT: g++ 12 believes that a nested default leaves it unset
  TargetRules(const dispatch::AddressFilter* filter, bool plain, LookUp names)
      : addresses(filter), plain_http(plain), look_up(std::move(names)) {}
  const dispatch::AddressFilter* addresses = nullptr;  // null: global addresses only
  bool plain_http = false;
  LookUp look_up{};  // empty: names are not resolved
};

// Whether a secret stands in the scheme, the host or the port: where requests go is no secret, is
// told to whoever lists attempts, and decides what is allowed. `url`: placeholders filled in,
// secrets not.
bool hides_authority(std::string_view url) noexcept;
// kInvalidArgument at `pointer` where it is so.
Result<void> check_authority(std::string_view url, const std::string& pointer);

// Errors: kPlainHttpNotAllowed; kAddressNotAllowed where all that the host is known to lead to is
// not allowed. A name that cannot be resolved is no error.

// Without asking anybody: the scheme, literals, and names that never leave the machine.
Result<void> check_target(const TargetRules& rules, const dispatch::Url& url);
// The same, and what other names resolve to. Blocks: no lock may be held.
Result<void> resolve_and_check(const TargetRules& rules, const dispatch::Url& url);

// A URL as it is written, and where.
struct WrittenUrl {
  std::string text;
  std::string pointer;
};
// The same of all URLs of one request: names are asked for once and together, when nothing that can
// be told without them is wrong. One whose host is filled in later, or that is no URL, passes:
// others judge it.
Result<void> resolve_and_check(const TargetRules& rules, const std::vector<WrittenUrl>& urls);

}  // namespace headrace::engine
