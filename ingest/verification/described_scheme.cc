// SPDX-License-Identifier: Apache-2.0
#include "ingest/verification/described_scheme.h"

#include <algorithm>
#include <utility>

#include "core/encoding.h"
#include "core/http_grammar.h"
#include "ingest/verification/challenges.h"
#include "ingest/verification/received_parts.h"

namespace headrace::verification {
namespace {

constexpr std::size_t kSignatureBytesMax = 512;  // of public keys

bool begins_object(std::string_view body) noexcept {
  const std::size_t begin = body.find_first_not_of(" \t\r\n");
  return begin != std::string_view::npos && body[begin] == '{';
}

const char* why_missing(const HeaderValue& header) noexcept {
  return header.several ? "the signature's header is there more than once"
                        : "there is no signature";
}

}  // namespace

DescribedScheme::DescribedScheme(Description description, Credentials credentials)
    : description_(std::move(description)),
      credentials_(std::move(credentials)),
      signs_id_(description_.signs(Piece::What::kId)),
      signs_time_(description_.signs(Piece::What::kTimestamp)) {}

bool DescribedScheme::needs_url() const noexcept {
  return description_.signs(Piece::What::kUrl) && credentials_.url.empty();
}

bool DescribedScheme::Candidates::add(std::string_view text) noexcept {
  if (text.empty()) return true;
  if (size == texts.size()) return false;
  texts[size++] = text;
  return true;
}

const char* DescribedScheme::add_element(std::string_view element,
                                         Signatures& signatures) const noexcept {
  constexpr const char* kTooMany = "there are too many signatures";
  const Description& form = description_;
  if (!form.timestamp_prefix.empty() && element.starts_with(form.timestamp_prefix)) {
    if (!signatures.timestamp.empty()) return "the time is there more than once";
    signatures.timestamp = element.substr(form.timestamp_prefix.size());
    return nullptr;
  }
  if (!form.public_prefix.empty() && element.starts_with(form.public_prefix))
    return signatures.by_public.add(element.substr(form.public_prefix.size())) ? nullptr : kTooMany;
  if (element.starts_with(form.prefix))
    return signatures.plain.add(element.substr(form.prefix.size())) ? nullptr : kTooMany;
  return nullptr;
}

// Elements that are neither signatures nor the time are passed over: providers add to them.
const char* DescribedScheme::read_list(std::string_view value,
                                       Signatures& signatures) const noexcept {
  if (!value.starts_with(description_.list_prefix)) return "there is no signature of this scheme";
  value.remove_prefix(description_.list_prefix.size());
  const char separator = description_.separator.empty() ? '\0' : description_.separator.front();
  while (!value.empty()) {
    const std::size_t end =
        separator == '\0' ? value.size() : std::min(value.find(separator), value.size());
    if (const char* fault = add_element(core::http::trim(value.substr(0, end)), signatures))
      return fault;
    value.remove_prefix(std::min(end + 1, value.size()));
  }
  if (signatures.plain.size + signatures.by_public.size == 0)
    return "there is no signature of this scheme";
  return nullptr;
}

const char* DescribedScheme::check_time(const Received& received, Signed& parts) const noexcept {
  if (!description_.timestamp_header.empty()) {
    const HeaderValue header = header_of(received, description_.timestamp_header);
    if (header.several) return "the time's header is there more than once";
    parts.timestamp = header.value;
  }
  if (parts.timestamp.empty()) return "there is no time";
  const auto sent = parse_time(parts.timestamp, description_.time_form);
  if (!sent) return "the time is not written as one";
  if (!description_.tolerance.allows(*sent, received.now)) return "the time is too far from now";
  return nullptr;
}

const char* DescribedScheme::add_pieces(const Received& received, Signed& parts) const noexcept {
  const auto add = [&](std::string_view view) { parts.views[parts.size++] = view; };
  for (std::size_t i = 0; i < description_.pieces.size(); ++i) {
    const Piece& piece = description_.pieces[i];
    switch (piece.what) {
      case Piece::What::kLiteral:
        add(piece.literal);
        break;
      case Piece::What::kId: {
        // Else its end could be taken for the beginning of what follows.
        const bool delimited = i + 1 < description_.pieces.size() &&
                               description_.pieces[i + 1].what == Piece::What::kLiteral;
        if (delimited &&
            parts.id.find(description_.pieces[i + 1].literal) != std::string_view::npos)
          return "the id has in it what ends it";
        add(parts.id);
        break;
      }
      case Piece::What::kTimestamp:
        add(parts.timestamp);
        break;
      case Piece::What::kBody:
        add(received.body);
        break;
      case Piece::What::kMethod:
        add(core::to_string(received.method));
        break;
      case Piece::What::kUrl:
        if (!credentials_.url.empty()) {
          add(credentials_.url);
          if (!received.query.empty()) {
            add("?");
            add(received.query);
          }
        } else {
          if (!received.url.starts_with("http")) return "the public URL is not known";
          add(received.url);
        }
        break;
    }
  }
  return nullptr;
}

const char* DescribedScheme::read_signed(const Received& received, Signed& parts) const noexcept {
  if (signs_id_) {
    const HeaderValue header = header_of(received, description_.id_header);
    if (header.several) return "the id's header is there more than once";
    if (header.value.empty()) return "there is no id";
    parts.id = header.value;
  }
  if (signs_time_)
    if (const char* fault = check_time(received, parts)) return fault;
  if (description_.object_body && !begins_object(received.body))
    return "the body is not a JSON object";
  return add_pieces(received, parts);
}

void DescribedScheme::match_hmacs(const Candidates& candidates, const Signed& parts,
                                  Match& match) const noexcept {
  std::array<char, core::hex_size(core::Digest::kBytesMax)> text{};
  for (std::size_t i = 0; i < credentials_.hmacs.size(); ++i) {
    const core::Digest digest = credentials_.hmacs[i].sign(parts.all());
    if (i == 0) match.digest = digest;
    const std::size_t size = description_.encoding == Encoding::kHex
                                 ? core::write_hex(digest.view(), text.data())
                                 : core::write_base64(digest.view(), text.data());
    for (const std::string_view candidate : candidates.all()) {
      if (!core::equal_in_constant_time(candidate, {text.data(), size})) continue;
      match.found = true;
      match.key = i;
      return;
    }
  }
}

bool DescribedScheme::match_public(std::string_view candidate, const Signed& parts) const {
  std::array<char, kSignatureBytesMax> bytes{};
  const auto size = description_.encoding == Encoding::kHex ? core::read_hex(candidate, bytes)
                                                            : core::read_base64(candidate, bytes);
  if (!size || *size == 0) return false;
  const bool capitals = candidate.find_first_of("ABCDEF") != std::string_view::npos;
  if (description_.encoding == Encoding::kHex && capitals) return false;
  const std::string_view signature(bytes.data(), *size);
  for (const PublicKey& key : credentials_.public_keys)
    if (key.verify(description_.hash, parts.all(), signature)) return true;
  if (credentials_.ed25519s.empty()) return false;
  std::string message;
  for (const std::string_view piece : parts.all()) message += piece;
  return std::any_of(credentials_.ed25519s.begin(), credentials_.ed25519s.end(),
                     [&](const auto& key) { return key.verify(message, signature); });
}

DescribedScheme::Match DescribedScheme::match(const Signatures& signatures,
                                              const Signed& parts) const {
  Match match;
  const bool hmac = description_.algorithm == Algorithm::kHmac;
  if (hmac) match_hmacs(signatures.plain, parts, match);
  if (match.found) return match;
  const Candidates& others = hmac ? signatures.by_public : signatures.plain;
  for (const std::string_view candidate : others.all()) {
    if (!match_public(candidate, parts)) continue;
    match.found = true;
    break;
  }
  // Of a signature by a public key there may be many for one message.
  if (match.found && match.digest.size == 0 && signs_time_ && !signs_id_)
    match.digest = core::digest_of(core::Hash::kSha256, parts.all());
  return match;
}

ReplayId DescribedScheme::replay_id(const Signed& parts, const Match& match) const noexcept {
  if (signs_id_) return replay_id_of(parts.id);
  return signs_time_ ? ReplayId(match.digest) : ReplayId();
}

Judgement DescribedScheme::judge(const Received& received) const {
  if (description_.algorithm == Algorithm::kToken) return judge_token(received);
  const HeaderValue header = header_of(received, description_.header);
  if (header.missing()) return refused(why_missing(header));
  Signatures signatures;
  if (const char* fault = read_list(header.value, signatures)) return refused(fault);
  Signed parts;
  parts.timestamp = signatures.timestamp;
  if (const char* fault = read_signed(received, parts)) return refused(fault);
  const Match found = match(signatures, parts);
  if (!found.found) return refused("the signature is wrong");
  return answer_or_take(received, found.key, replay_id(parts, found));
}

Judgement DescribedScheme::judge_token(const Received& received) const noexcept {
  const HeaderValue header = header_of(received, description_.header);
  if (header.several) return refused("the token's header is there more than once");
  std::string_view value = header.value;
  const std::string& prefix = description_.prefix;
  // "Bearer" and its like are written in any case (RFC 9110 11.1).
  const bool right = value.size() > prefix.size() &&
                     std::equal(prefix.begin(), prefix.end(), value.begin(), [](char a, char b) {
                       return core::http::to_lower(a) == core::http::to_lower(b);
                     });
  if (!right) return refused("there is no token");
  return is_one_of(value.substr(prefix.size()), credentials_.tokens)
             ? genuine()
             : refused("the token is wrong");
}

Judgement DescribedScheme::answer_or_take(const Received& received, std::size_t key,
                                          ReplayId replay_id) const {
  std::optional<Reply> answer;
  if (description_.challenge == Challenge::kZoom)
    answer = answer_zoom(received, credentials_.hmacs[key]);
  if (description_.challenge == Challenge::kSlack) answer = answer_slack(received);
  if (description_.challenge == Challenge::kTwitch) answer = answer_twitch(received);
  if (description_.challenge == Challenge::kDiscord) answer = answer_discord(received);
  return answer ? replied(std::move(*answer)) : genuine(replay_id);
}

std::optional<Reply> DescribedScheme::challenge(const Received& received) const {
  if (description_.challenge == Challenge::kHub && credentials_.verify_token != nullptr)
    return answer_hub(received, *credentials_.verify_token);
  if (description_.challenge == Challenge::kCrc && !credentials_.hmacs.empty())
    return answer_crc(received, credentials_.hmacs.front(), description_.prefix);
  if (description_.challenge == Challenge::kOkta) return answer_okta(received);
  return std::nullopt;
}

}  // namespace headrace::verification
