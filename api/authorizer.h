// SPDX-License-Identifier: Apache-2.0
// Who asks, for which workspace, and what that one may do.
//
// Invariant: to a key of one workspace, every other one looks like none at all. Threads: any.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "api/key_guard.h"
#include "api/request.h"
#include "headrace/engine.h"

namespace headrace::api {

// What a route asks of a key.
enum class Access : std::uint8_t { kNone, kAny, kRead, kWrite, kReplay, kAdmin, kOperator };
std::string_view to_string(Access access) noexcept;

struct Grant {
  std::string workspace;
  Scopes scopes = 0;
  KeyId key;  // zero: the operator's
  bool is_operator = false;
};

class Authorizer {
 public:
  Authorizer(Engine& engine, std::string root_key, KeyGuard& guard)
      : engine_(engine), root_key_(std::move(root_key)), guard_(guard) {}

  // kUnauthorized: no key, or none that is valid. kForbidden: the workspace that was asked for is
  // not the key's. Whether the operator's workspace exists is not looked at. kUnavailable with
  // `wait`: too many keys failed, and this one was not looked at.
  Result<Grant> identify(const Request& request, std::chrono::milliseconds& wait) const;
  // kForbidden: the key's scopes do not allow it.
  static Result<void> check(const Grant& grant, Access access);

 private:
  Result<Grant> grant_of(const Request& request, std::string_view key) const;
  bool is_root(std::string_view key) const noexcept;

  Engine& engine_;
  const std::string root_key_;
  KeyGuard& guard_;
};

}  // namespace headrace::api
