// SPDX-License-Identifier: Apache-2.0
// What every way to prove a message's origin offers. Threads: never changes once made.
#pragma once

#include <optional>

#include "core/limits.h"
#include "ingest/verification/timestamps.h"
#include "ingest/verification/verifier.h"

namespace headrace::verification {

class Scheme {
 public:
  virtual ~Scheme() = default;
  virtual Judgement judge(const Received& received) const = 0;
  virtual std::optional<Reply> challenge(const Received&) const { return std::nullopt; }
  virtual bool needs_url() const noexcept { return false; }
  virtual bool signs_body() const noexcept { return false; }
  virtual std::string_view credential_header() const noexcept { return {}; }
  virtual Terms terms() const noexcept { return {}; }
};

// Of an id that is a view into what was received. A long one has a digest in its place, as it would
// not be remembered.
inline ReplayId replay_id_of(std::string_view id) noexcept {
  if (id.size() <= core::limits::kDedupeKeyBytesMax) return ReplayId(id);
  return ReplayId(core::digest_of(core::Hash::kSha256, id));
}

// Of a scheme that signs a time.
inline Terms terms_of(const Tolerance& tolerance) noexcept {
  return {.repeatable_for = tolerance.allowed_for(), .any_age = !tolerance.span};
}

inline Judgement refused(const char* reason) {
  Judgement judgement;
  judgement.reason = reason;
  return judgement;
}

inline Judgement genuine(ReplayId replay_id = {}) {
  Judgement judgement;
  judgement.verdict = Verdict::kGenuine;
  judgement.replay_id = replay_id;
  return judgement;
}

inline Judgement replied(Reply reply) {
  Judgement judgement;
  judgement.verdict = Verdict::kReply;
  judgement.reply = std::move(reply);
  return judgement;
}

}  // namespace headrace::verification
