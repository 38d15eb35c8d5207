// SPDX-License-Identifier: Apache-2.0
// A scheme described by data, compiled: keys with their schedules, and the pieces of what is
// signed. Judging allocates nothing with an HMAC or a token.
//
// A signature is taken in the one form that a provider sends; written otherwise (in capital digits,
// without padding) it is none.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/hmac.h"
#include "ingest/verification/credentials.h"
#include "ingest/verification/description.h"
#include "ingest/verification/scheme.h"

namespace headrace::verification {

class DescribedScheme final : public Scheme {
 public:
  DescribedScheme(Description description, Credentials credentials);

  Judgement judge(const Received& received) const override;
  std::optional<Reply> challenge(const Received& received) const override;
  bool needs_url() const noexcept override;
  bool signs_body() const noexcept override { return description_.algorithm != Algorithm::kToken; }
  std::string_view credential_header() const noexcept override {
    return signs_body() ? std::string_view() : description_.header;
  }
  Terms terms() const noexcept override {
    return signs_time_ ? terms_of(description_.tolerance) : Terms{};
  }

 private:
  static constexpr std::size_t kCandidatesMax = 16;
  struct Candidates {
    std::array<std::string_view, kCandidatesMax> texts;
    std::size_t size = 0;
    bool add(std::string_view text) noexcept;
    std::span<const std::string_view> all() const noexcept { return {texts.data(), size}; }
  };
  struct Signatures {
    Candidates plain;      // of secrets, or of the one kind of public keys
    Candidates by_public;  // with public_prefix
    std::string_view timestamp;
  };
  // A URL is up to three views, and there is one.
  using Views = std::array<std::string_view, kPiecesMax + 2>;
  struct Signed {
    std::string_view id;
    std::string_view timestamp;
    Views views;
    std::size_t size = 0;
    std::span<const std::string_view> all() const noexcept { return {views.data(), size}; }
  };
  struct Match {
    bool found = false;
    std::size_t key = 0;  // which of the HMAC's
    core::Digest digest;  // of all that was signed, the same whoever signed
  };

  const char* read_list(std::string_view value, Signatures& signatures) const noexcept;
  const char* add_element(std::string_view element, Signatures& signatures) const noexcept;
  const char* read_signed(const Received& received, Signed& parts) const noexcept;
  const char* check_time(const Received& received, Signed& parts) const noexcept;
  const char* add_pieces(const Received& received, Signed& parts) const noexcept;
  void match_hmacs(const Candidates& candidates, const Signed& parts, Match& match) const noexcept;
  bool match_public(std::string_view candidate, const Signed& parts) const;
  Match match(const Signatures& signatures, const Signed& parts) const;
  ReplayId replay_id(const Signed& parts, const Match& match) const noexcept;
  Judgement judge_token(const Received& received) const noexcept;
  Judgement answer_or_take(const Received& received, std::size_t key, ReplayId replay_id) const;

  const Description description_;
  const Credentials credentials_;
  const bool signs_id_;
  const bool signs_time_;
};

}  // namespace headrace::verification
