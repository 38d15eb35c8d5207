// SPDX-License-Identifier: Apache-2.0
// Asks the verifier of a link, and counts what it says.
//
// Threads: one; each ingest loop has its own.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/metrics.h"
#include "ingest/verification/verifier.h"

namespace headrace::ingest {

// Why messages were refused, whatever the scheme.
enum class Unverified : std::uint8_t {
  kMissing,    // no signature, token or id is there
  kSignature,  // what is there is wrong
  kTime,       // it was signed for another time
  kUnusable,   // nothing can be verified here: a secret is missing
  kOther,      // it is not what the provider sends
};
inline constexpr std::size_t kUnverifiedCount = 5;

// Of a judgement's reason.
Unverified kind_of(std::string_view reason) noexcept;
// "missing", a metric's label.
std::string_view to_string(Unverified kind) noexcept;

struct GuardCounters {
  core::Counter unverified[kUnverifiedCount];  // by Unverified
  core::Counter challenges;                    // questions that were answered
};

// What of a message's head is for the verifier of its link alone, which may be null: see
// keep_forwarded_lines().
inline std::string_view credential_header_of(const verification::Verifier* verifier) noexcept {
  return verifier == nullptr ? std::string_view() : verifier->credential_header();
}

class Guard {
 public:
  // `public_url`: what links begin with, without a slash at the end; empty: it is not known.
  explicit Guard(std::string public_url) : public_url_(std::move(public_url)) {}

  // `received` without its URL, which is filled in where it is signed. As Verifier's.
  std::optional<verification::Reply> challenge(const verification::Verifier& verifier,
                                               const verification::Received& received);
  verification::Judgement judge(const verification::Verifier& verifier,
                                verification::Received received);

  const GuardCounters& counters() const noexcept { return counters_; }

 private:
  const std::string public_url_;
  std::string url_;  // scratch
  GuardCounters counters_;
};

}  // namespace headrace::ingest
