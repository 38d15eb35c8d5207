// SPDX-License-Identifier: Apache-2.0
// A value or the reason why there is none; how every fallible function of headrace answers.
//
// Method names are those of std::expected. Nothing here throws: reading the side that is not there
// ends the process (a bug of the caller, not an input).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace headrace {

enum class ErrorCode : std::uint8_t {
  kInvalidArgument,  // A value is outside what its documentation allows.
  kMalformed,        // Text or bytes do not follow their grammar; `detail` is the byte offset.
  kNotFound,         // What was named does not exist.
  kConflict,         // It exists already, or contradicts what exists.
  kPrecondition,     // It was changed since the revision that the caller knows.
  kTooLarge,         // A named limit would be exceeded.
  kUnauthorized,     // The credential is missing or wrong.
  kForbidden,        // The credential is valid, and does not allow this.
  kUnavailable,      // Overloaded, draining or not ready; the same call may succeed later.
  kStorageFull,      // The disk has no room.
  kStorageFailed,    // The disk refused a read, a write or a sync; `detail` is errno where there is
                     // one.
  kCorrupted,        // Stored bytes are not what was written; `detail` is the position.
  kTimedOut,         // A deadline passed.
  kResolveFailed,    // A host name could not be resolved.
  kConnectFailed,    // No connection could be made; `detail` is errno.
  kTlsFailed,        // The TLS handshake or the certificate was refused.
  kClosed,           // The peer closed or reset the connection.
  kProtocol,         // The peer broke the protocol.
  kCancelled,        // The operation was given up by its owner.
  kUnsupported,      // Valid, but not offered by this build.
  kAddressNotAllowed,    // It leads to an address that nothing may be sent to.
  kPlainHttpNotAllowed,  // It would be sent without TLS.
};

// The name of a code in snake_case ("not_found"): stable, used in problem documents, logs and
// metrics.
std::string_view to_string(ErrorCode code) noexcept;

// Whether the same call can succeed later without being changed.
constexpr bool is_retryable(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kStorageFull:
    case ErrorCode::kTimedOut:
    case ErrorCode::kResolveFailed:
    case ErrorCode::kConnectFailed:
    case ErrorCode::kClosed:
      return true;
    default:
      return false;
  }
}

// One of several reasons: which member of what was given is at fault, or what stands in the way.
struct ErrorItem {
  std::string where;  // A JSON pointer ("/envs/0/url"), or a kind and a name ("endpoint ep_…").
  std::string what;   // One sentence, or nothing to add.
};

struct Error {
  ErrorCode code = ErrorCode::kInvalidArgument;
  std::string what;                // One sentence for a person; never contains a secret.
  std::int64_t detail = 0;         // As said at the code: byte offset, errno or position.
  std::vector<ErrorItem> items{};  // Where there is more than one place to name.
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  // Requires: has_value().
  T& value() & noexcept { return *check(std::get_if<0>(&state_)); }
  const T& value() const& noexcept { return *check(std::get_if<0>(&state_)); }
  T&& value() && noexcept { return std::move(*check(std::get_if<0>(&state_))); }
  T& operator*() & noexcept { return value(); }
  const T& operator*() const& noexcept { return value(); }
  T&& operator*() && noexcept { return std::move(*this).value(); }
  T* operator->() noexcept { return &value(); }
  const T* operator->() const noexcept { return &value(); }

  // Requires: !has_value().
  Error& error() & noexcept { return *check(std::get_if<1>(&state_)); }
  const Error& error() const& noexcept { return *check(std::get_if<1>(&state_)); }
  Error&& error() && noexcept { return std::move(*check(std::get_if<1>(&state_))); }

 private:
  template <class P>
  static P check(P pointer) noexcept {
    if (pointer == nullptr) std::abort();
    return pointer;
  }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}  // NOLINT: implicit by design

  bool has_value() const noexcept { return !failed_; }
  explicit operator bool() const noexcept { return has_value(); }

  // Requires: !has_value().
  const Error& error() const& noexcept { return check(); }
  Error&& error() && noexcept { return std::move(const_cast<Error&>(check())); }

 private:
  const Error& check() const noexcept {
    if (!failed_) std::abort();
    return error_;
  }

  Error error_;
  bool failed_ = false;
};

}  // namespace headrace
