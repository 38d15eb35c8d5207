// SPDX-License-Identifier: Apache-2.0
// What each message of a load is, by its number alone, and its bytes on the wire.
//
// A message has the header `Bench-Message: <run, 16 hex digits>-<number>`, or with id_in_body a
// first member "bench_message" in its JSON object: by it the other end tells which message it got.
// Threads: Messages never change and are shared; a thread writes by a Composer of its own.
#pragma once

#include <xxhash.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/hmac.h"
#include "headrace/result.h"
#include "tools/bench/corpus.h"
#include "tools/bench/sign.h"

namespace headrace::bench_tools {

enum class MessageKind : std::uint8_t {
  kGood,
  kDuplicate,     // an earlier message once more, named as that was
  kBadSignature,  // one digit of it is another
  kStale,         // signed an hour ago
  kUnknownEvent,  // valid, and of an event that nobody defined
  kMalformed,     // JSON that ends in the middle, signed as it is
};
inline constexpr std::size_t kKinds = 6;
std::string_view to_string(MessageKind kind) noexcept;  // "bad_signature"

// Which share of the messages is what; the rest is good.
struct Ratios {
  double duplicates = 0;
  double bad_signatures = 0;
  double stale = 0;
  double unknown_events = 0;
  double malformed = 0;
};

// Where messages go: they take turns.
struct Link {
  std::string authority;  // of the Host header
  std::string target;     // path and query
};

struct MessagesOptions {
  Corpus corpus;
  std::vector<Link> links;
  std::optional<Signer> signer;
  Ratios ratios;
  std::vector<std::string> headers;  // further lines, "Name: value"
  std::string content_type = "application/json";
  bool id_in_body = false;
  bool close = false;  // each asks for its connection to be closed
  std::uint64_t seed = 1;
  std::uint64_t run = 0;
};

class Messages {
 public:
  static constexpr std::uint64_t kStaleSeconds = 3600;
  static constexpr std::uint64_t kDuplicateDistanceMax = 1024;

  // kInvalidArgument: nothing to send or nowhere to send it, ratios that are not between 0 and 1
  // together, more than fits into a head, a body that is no JSON object although id_in_body.
  static Result<std::unique_ptr<const Messages>> make(MessagesOptions options);

  struct Message {
    std::uint64_t number = 0;  // what it is named by: of a duplicate, the earlier one's
    MessageKind kind = MessageKind::kGood;
    std::uint32_t link = 0;
    std::size_t variant = 0;  // of the payload
  };
  // The same for the same number, seed and ratios. `number` counts all that is sent.
  Message at(std::uint64_t number) const noexcept;
  // A good one of that number, whatever the ratios.
  Message genuine(std::uint64_t number) const noexcept;

 private:
  friend class Composer;
  struct Variant {
    std::string_view body;  // with id_in_body: behind its brace
    std::string_view event;
    std::uint64_t hash = 0;  // of the body, unless id_in_body
    std::string fields;      // Content-Length, unless id_in_body
    bool is_empty = false;   // an object without members
  };
  explicit Messages(MessagesOptions options);
  Result<void> prepare();
  Result<void> add_variant(std::string_view body, std::string_view event);
  MessageKind kind_of(std::uint64_t number) const noexcept;

  MessagesOptions options_;
  std::array<std::uint64_t, kKinds> below_{};  // of a 64 bit number, up to where it means which
  std::vector<std::string> link_heads_;
  // Payloads, then the same cut off, then that of an unknown event.
  std::vector<Variant> variants_;
  std::string unknown_body_;
  std::size_t head_bytes_max_ = 0;
};

class Composer {
 public:
  explicit Composer(const Messages& messages);

  // The most that write() puts into a head.
  std::size_t head_bytes_max() const noexcept { return messages_.head_bytes_max_; }

  struct Written {
    std::size_t head_bytes = 0;
    std::string_view body;  // what follows the head on the wire; lives as long as the Messages
    std::uint64_t body_hash = 0;  // XXH3 of the whole body
  };
  // Requires: head_bytes_max() of room. Allocates nothing.
  Written write(const Messages::Message& message, std::uint64_t unix_seconds, char* head) noexcept;

 private:
  struct Cached {
    std::uint64_t unix_seconds = 0;
    std::optional<core::Digest> signature;
  };
  core::Digest signature(const Messages::Message& message, const Stamp& stamp,
                         std::string_view prefix) noexcept;

  const Messages& messages_;
  std::array<char, 17> run_;    // 16 digits and a dash
  std::vector<Cached> signed_;  // a variant each: most schemes sign the same again and again
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> hash_;
};

}  // namespace headrace::bench_tools
