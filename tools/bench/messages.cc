// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/messages.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <utility>

#include "core/check.h"
#include "core/limits.h"

namespace headrace::bench_tools {
namespace {

constexpr std::string_view kIdField = "Bench-Message: ";
constexpr std::string_view kIdMember = "{\"bench_message\":\"";
constexpr std::size_t kRunBytes = 17;      // with the dash
constexpr std::size_t kDecimalBytes = 20;  // of any number of 64 bits
constexpr std::string_view kUnknownEvent = "bench.unknown";
constexpr std::size_t kUnknownBytes = 512;

Error invalid(std::string what) { return {ErrorCode::kInvalidArgument, std::move(what)}; }

// splitmix64's mixing: numbers that follow each other become unlike.
std::uint64_t mixed(std::uint64_t seed, std::uint64_t number, std::uint64_t use) noexcept {
  std::uint64_t z = seed + (number * 4 + use + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}
enum Use : std::uint64_t { kForKind, kForPayload, kForDistance };

std::size_t put(char* out, std::string_view text) noexcept {
  std::memcpy(out, text.data(), text.size());
  return text.size();
}

std::size_t put_number(char* out, std::uint64_t number) noexcept {
  return static_cast<std::size_t>(std::to_chars(out, out + kDecimalBytes, number).ptr - out);
}

bool is_line(std::string_view header) noexcept {
  const bool is_printable = std::all_of(
      header.begin(), header.end(), [](char c) { return c == '\t' || (c >= ' ' && c != 0x7f); });
  const std::size_t colon = header.find(':');
  return is_printable && colon != 0 && colon != std::string_view::npos;
}

// Behind the brace of an object, or nothing.
std::optional<std::string_view> members_of(std::string_view body) noexcept {
  if (!body.starts_with('{')) return std::nullopt;
  return body.substr(1);
}

bool begins_empty(std::string_view members) noexcept {
  const std::size_t at = members.find_first_not_of(" \t\r\n");
  return at == std::string_view::npos || members[at] == '}';
}

Result<void> check(const Ratios& ratios) {
  double sum = 0;
  for (const double share : {ratios.duplicates, ratios.bad_signatures, ratios.stale,
                             ratios.unknown_events, ratios.malformed}) {
    if (!(share >= 0)) return invalid("a share of messages must not be below 0");
    sum += share;
  }
  if (sum > 1) return invalid("the shares of messages must not be above 1 together");
  return {};
}

// `share` of all numbers of 64 bits.
std::uint64_t part(double share) noexcept {
  return share >= 1 ? std::numeric_limits<std::uint64_t>::max()
                    : static_cast<std::uint64_t>(std::ldexp(share, 64));
}

}  // namespace

std::string_view to_string(MessageKind kind) noexcept {
  static constexpr std::array<std::string_view, kKinds> kNames = {
      "good", "duplicate", "bad_signature", "stale", "unknown_event", "malformed"};
  return kNames[static_cast<std::size_t>(kind)];
}

Messages::Messages(MessagesOptions options) : options_(std::move(options)) {}

Result<std::unique_ptr<const Messages>> Messages::make(MessagesOptions options) {
  if (options.corpus.empty()) return invalid("there is no payload to send");
  if (options.links.empty()) return invalid("there is nowhere to send anything");
  if (auto checked = check(options.ratios); !checked) return checked.error();
  const Ratios& ratios = options.ratios;
  const bool needs_key = ratios.bad_signatures > 0 || ratios.stale > 0;
  if (needs_key && !(options.signer && options.signer->signs()))
    return invalid("bad signatures and stale messages need a provider and its secret");
  for (const std::string& header : options.headers) {
    if (!is_line(header)) return invalid("a header must be \"Name: value\"");
  }
  std::unique_ptr<Messages> messages(new Messages(std::move(options)));
  if (auto prepared = messages->prepare(); !prepared) return prepared.error();
  return std::unique_ptr<const Messages>(std::move(messages));
}

Result<void> Messages::prepare() {
  const Ratios& ratios = options_.ratios;
  double sum = 0;
  for (const auto& [kind, share] : {std::pair{MessageKind::kDuplicate, ratios.duplicates},
                                    std::pair{MessageKind::kBadSignature, ratios.bad_signatures},
                                    std::pair{MessageKind::kStale, ratios.stale},
                                    std::pair{MessageKind::kUnknownEvent, ratios.unknown_events},
                                    std::pair{MessageKind::kMalformed, ratios.malformed}}) {
    below_[static_cast<std::size_t>(kind)] = part(sum += share);
  }
  std::string common =
      "User-Agent: headrace-bench\r\nContent-Type: " + options_.content_type + "\r\n";
  for (const std::string& header : options_.headers) common += header + "\r\n";
  if (options_.close) common += "Connection: close\r\n";
  for (const Link& link : options_.links) {
    link_heads_.push_back("POST " + link.target + " HTTP/1.1\r\nHost: " + link.authority + "\r\n" +
                          common);
    head_bytes_max_ = std::max(head_bytes_max_, link_heads_.back().size());
  }
  unknown_body_ = std::string("{\"type\":\"") + std::string(kUnknownEvent) + "\",\"event\":\"" +
                  std::string(kUnknownEvent) + "\",\"action\":\"" + std::string(kUnknownEvent) +
                  "\",\"pad\":\"";
  unknown_body_.append(kUnknownBytes - unknown_body_.size() - 2, '.').append("\"}");
  for (const Payload& payload : options_.corpus) {
    if (auto added = add_variant(payload.body, payload.event); !added) return added;
  }
  for (const Payload& payload : options_.corpus) {
    const std::string_view half = std::string_view(payload.body).substr(0, payload.body.size() / 2);
    if (auto added = add_variant(half, payload.event); !added) return added;
  }
  if (auto added = add_variant(unknown_body_, kUnknownEvent); !added) return added;
  constexpr std::size_t kOwnBytesMax = 256;  // id, length, empty line
  head_bytes_max_ += Signer::kFieldsBytesMax + kOwnBytesMax;
  if (head_bytes_max_ > core::limits::kHeadBytesMax)
    return invalid("path and headers are more than a head may have");
  return {};
}

Result<void> Messages::add_variant(std::string_view body, std::string_view event) {
  if (event.size() > Signer::kEventBytesMax ||
      !std::all_of(event.begin(), event.end(), [](char c) { return c > ' ' && c < 0x7f; }))
    return invalid("an event's name has too many characters, or such that no header may have");
  Variant variant{.body = body, .event = event};
  if (options_.id_in_body) {
    const auto members = members_of(body);
    if (!members) return invalid("an id can only be put into a body that begins with {");
    variant.body = *members;
    variant.is_empty = begins_empty(*members);
  } else {
    variant.hash = XXH3_64bits(body.data(), body.size());
    variant.fields = "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  variants_.push_back(std::move(variant));
  return {};
}

MessageKind Messages::kind_of(std::uint64_t number) const noexcept {
  const std::uint64_t draw = mixed(options_.seed, number, kForKind);
  for (std::size_t kind = 1; kind < kKinds; ++kind) {
    if (draw < below_[kind]) return static_cast<MessageKind>(kind);
  }
  return MessageKind::kGood;
}

Messages::Message Messages::at(std::uint64_t number) const noexcept {
  Message message{.number = number, .kind = kind_of(number)};
  // Of an earlier duplicate it is one more of what that is one of.
  MessageKind original = message.kind;
  while (original == MessageKind::kDuplicate && message.number > 0) {
    const std::uint64_t reach = std::min(message.number, kDuplicateDistanceMax);
    message.number -= 1 + mixed(options_.seed, message.number, kForDistance) % reach;
    original = kind_of(message.number);
  }
  if (message.number == number && message.kind == MessageKind::kDuplicate)
    message.kind = MessageKind::kGood;
  const std::size_t payloads = options_.corpus.size();
  message.link = static_cast<std::uint32_t>(message.number % link_heads_.size());
  message.variant = mixed(options_.seed, message.number, kForPayload) % payloads;
  if (original == MessageKind::kMalformed) message.variant += payloads;
  if (original == MessageKind::kUnknownEvent) message.variant = 2 * payloads;
  return message;
}

Messages::Message Messages::genuine(std::uint64_t number) const noexcept {
  return {.number = number,
          .link = static_cast<std::uint32_t>(number % link_heads_.size()),
          .variant = mixed(options_.seed, number, kForPayload) % options_.corpus.size()};
}

Composer::Composer(const Messages& messages)
    : messages_(messages),
      signed_(messages.variants_.size()),
      hash_(XXH3_createState(), &XXH3_freeState) {
  HEADRACE_CHECK(hash_ != nullptr);
  std::snprintf(run_.data(), run_.size(), "%016llx",
                static_cast<unsigned long long>(messages.options_.run));
  run_.back() = '-';
}

Composer::Written Composer::write(const Messages::Message& message, std::uint64_t unix_seconds,
                                  char* head) noexcept {
  const MessagesOptions& options = messages_.options_;
  const Messages::Variant& variant = messages_.variants_[message.variant];
  std::array<char, kRunBytes + kDecimalBytes> id_text;
  const std::size_t run_bytes = put(id_text.data(), {run_.data(), run_.size()});
  const std::string_view id(id_text.data(),
                            run_bytes + put_number(id_text.data() + run_bytes, message.number));
  if (message.kind == MessageKind::kStale) unix_seconds -= Messages::kStaleSeconds;

  std::array<char, kIdMember.size() + id_text.size() + 2> prefix_text;
  std::size_t prefix_bytes = 0;
  std::size_t at = put(head, messages_.link_heads_[message.link]);
  if (options.id_in_body) {
    prefix_bytes += put(prefix_text.data(), kIdMember);
    prefix_bytes += put(prefix_text.data() + prefix_bytes, id);
    prefix_bytes += put(prefix_text.data() + prefix_bytes, variant.is_empty ? "\"" : "\",");
    at += put(head + at, "Content-Length: ");
    at += put_number(head + at, prefix_bytes + variant.body.size());
    at += put(head + at, "\r\n");
  } else {
    at += put(head + at, variant.fields);
    at += put(head + at, kIdField);
    at += put(head + at, id);
    at += put(head + at, "\r\n");
  }
  const std::string_view prefix(prefix_text.data(), prefix_bytes);
  if (options.signer) {
    const Stamp stamp{.id = id, .event = variant.event, .unix_seconds = unix_seconds};
    core::Digest digest;
    const bool is_signed = options.signer->signs();
    if (is_signed) digest = signature(message, stamp, prefix);
    at += options.signer->write_fields(stamp, is_signed ? &digest : nullptr, head + at);
  }
  at += put(head + at, "\r\n");
  at += put(head + at, prefix);
  Written written{.head_bytes = at, .body = variant.body, .body_hash = variant.hash};
  if (options.id_in_body) {
    XXH3_64bits_reset(hash_.get());
    XXH3_64bits_update(hash_.get(), prefix.data(), prefix.size());
    XXH3_64bits_update(hash_.get(), variant.body.data(), variant.body.size());
    written.body_hash = XXH3_64bits_digest(hash_.get());
  }
  return written;
}

core::Digest Composer::signature(const Messages::Message& message, const Stamp& stamp,
                                 std::string_view prefix) noexcept {
  const Signer& signer = *messages_.options_.signer;
  const std::array<std::string_view, 2> body = {prefix, messages_.variants_[message.variant].body};
  Cached& cached = signed_[message.variant];
  const bool is_same = cached.signature && prefix.empty() && !signer.signs_id() &&
                       (!signer.signs_time() || cached.unix_seconds == stamp.unix_seconds);
  if (!is_same) cached = {stamp.unix_seconds, signer.sign(stamp, body)};
  core::Digest digest = *cached.signature;
  if (message.kind == MessageKind::kBadSignature) {
    digest.bytes[0] = static_cast<char>(digest.bytes[0] ^ 1);
  }
  return digest;
}

}  // namespace headrace::bench_tools
