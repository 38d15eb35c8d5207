// SPDX-License-Identifier: Apache-2.0
#include "ingest/guard.h"

#include <algorithm>
#include <array>

namespace headrace::ingest {

using verification::Judgement;
using verification::Received;
using verification::Verdict;
using verification::Verifier;

namespace {

bool has(std::string_view text, std::string_view part) noexcept {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

// The sentences are a fixed set, and told apart by what they speak of.
Unverified kind_of(std::string_view reason) noexcept {
  if (reason.starts_with("nothing can be verified")) return Unverified::kUnusable;
  if (reason.starts_with("there is no ") || has(reason, " has no ")) return Unverified::kMissing;
  constexpr std::array<std::string_view, 6> kTimes = {"the time ",     "expired",       "expires",
                                                      "not valid yet", "of the future", "too old"};
  if (std::any_of(kTimes.begin(), kTimes.end(), [&](auto part) { return has(reason, part); }))
    return Unverified::kTime;
  if (has(reason, " is wrong") || has(reason, " is not the one that was signed"))
    return Unverified::kSignature;
  return Unverified::kOther;
}

std::string_view to_string(Unverified kind) noexcept {
  switch (kind) {
    case Unverified::kMissing:
      return "missing";
    case Unverified::kSignature:
      return "signature";
    case Unverified::kTime:
      return "time";
    case Unverified::kUnusable:
      return "unusable";
    case Unverified::kOther:
      return "other";
  }
  return "other";
}

std::optional<verification::Reply> Guard::challenge(const Verifier& verifier,
                                                    const Received& received) {
  auto reply = verifier.challenge(received);
  if (reply) counters_.challenges.add();
  return reply;
}

Judgement Guard::judge(const Verifier& verifier, Received received) {
  if (verifier.needs_url() && !public_url_.empty()) {
    url_.assign(public_url_).append(received.target);
    received.url = url_;
  }
  Judgement judgement = verifier.judge(received);
  if (judgement.verdict == Verdict::kReply) counters_.challenges.add();
  if (judgement.verdict == Verdict::kRefused)
    counters_.unverified[static_cast<std::size_t>(kind_of(judgement.reason))].add();
  return judgement;
}

}  // namespace headrace::ingest
