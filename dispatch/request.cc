// SPDX-License-Identifier: Apache-2.0
#include "dispatch/request.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/check.h"

namespace headrace::dispatch {

namespace {

constexpr std::string_view kEnd = "\r\n";
constexpr std::string_view kAgentName = "user-agent";
constexpr std::string_view kTypeName = "content-type";
constexpr std::string_view kTestLine = "headrace-test: true\r\n";
constexpr std::string_view kAgentLine = "User-Agent: headrace/" HEADRACE_VERSION "\r\n";

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool equals_no_case(std::string_view text, std::string_view lower_text) noexcept {
  return text.size() == lower_text.size() &&
         std::equal(text.begin(), text.end(), lower_text.begin(),
                    [](char have, char want) { return lower(have) == want; });
}

bool is_replaced(const Endpoint& endpoint, std::string_view name) noexcept {
  return std::any_of(endpoint.replaced.begin(), endpoint.replaced.end(),
                     [&](const std::string& other) { return equals_no_case(name, other); });
}

// Whether the endpoint gets a line of the provider's with this name.
bool is_sent(const Endpoint& endpoint, std::string_view name) noexcept {
  if (!endpoint.settings.forward_headers && !equals_no_case(name, kTypeName)) return false;
  return endpoint.replaced.empty() || !is_replaced(endpoint, name);
}

// Adds the provider's lines that the endpoint gets; notes whether one names the agent.
bool add_provider_lines(const Endpoint& endpoint, std::string_view lines, bool& names_agent,
                        RequestPieces& out) noexcept {
  const char* kept_from = lines.data();
  const char* at = lines.data();
  const char* const end = at + lines.size();
  while (at < end) {
    const auto* newline =
        static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    const char* next = newline == nullptr ? end : newline + 1;
    const std::string_view line{at, static_cast<std::size_t>(next - at)};
    const std::string_view name = line.substr(0, line.find(':'));
    if (!is_sent(endpoint, name)) {
      if (!out.add({kept_from, static_cast<std::size_t>(at - kept_from)})) return false;
      kept_from = next;
    } else if (!names_agent && equals_no_case(name, kAgentName)) {
      names_agent = true;
    }
    at = next;
  }
  return out.add({kept_from, static_cast<std::size_t>(end - kept_from)});
}

class ScratchWriter {
 public:
  explicit ScratchWriter(RequestScratch& scratch) noexcept
      : begin_(scratch.data()), at_(begin_), end_(begin_ + scratch.size()) {}

  void text(std::string_view text) noexcept {
    HEADRACE_DCHECK(text.size() <= static_cast<std::size_t>(end_ - at_));
    at_ = std::copy(text.begin(), text.end(), at_);
  }
  std::string_view number(std::uint64_t value) noexcept {
    char* const from = at_;
    at_ = std::to_chars(at_, end_, value).ptr;
    return {from, static_cast<std::size_t>(at_ - from)};
  }
  std::string_view id(const MessageId& id) noexcept {
    id.format(at_);
    at_ += MessageId::kTextSize;
    return {at_ - MessageId::kTextSize, MessageId::kTextSize};
  }
  bool signature(const Signer& signer, const Signed& what) noexcept {
    HEADRACE_DCHECK(Signer::kLineBytesMax <= static_cast<std::size_t>(end_ - at_));
    char* const end = signer.write(what, at_);
    if (end == nullptr) return false;
    at_ = end;
    return true;
  }
  std::string_view written() const noexcept {
    return {begin_, static_cast<std::size_t>(at_ - begin_)};
  }

 private:
  char* begin_;
  char* at_;
  char* end_;
};

}  // namespace

bool RequestPieces::add(std::string_view piece) noexcept {
  if (piece.empty()) return true;
  if (count == list.size()) return false;
  list[count++] = uv_buf_init(const_cast<char*>(piece.data()), static_cast<unsigned>(piece.size()));
  bytes += piece.size();
  return true;
}

void RequestPieces::consume(std::size_t size) noexcept {
  HEADRACE_DCHECK(size <= bytes);
  bytes -= size;
  unsigned gone = 0;
  while (gone < count && size >= list[gone].len) size -= list[gone++].len;
  std::copy(list.begin() + gone, list.begin() + count, list.begin());
  count -= gone;
  if (size != 0) {
    list[0].base += size;
    list[0].len -= size;
  }
}

bool build_request(const Endpoint& endpoint, const store::Delivery& delivery, core::WallMs now,
                   std::string_view added_query, RequestScratch& scratch,
                   RequestPieces& out) noexcept {
  const store::Payload& payload = delivery.payload;
  const std::string_view prefix = endpoint.prefix;
  // Nothing is behind this but a few pieces, so only the provider's lines can run out of room.
  if (added_query.empty()) {
    out.add(prefix);
  } else {
    out.add(prefix.substr(0, endpoint.target_end));
    out.add({&endpoint.query_joint, 1});
    out.add(added_query);
    out.add(prefix.substr(endpoint.target_end));
  }
  const std::string_view body =
      endpoint.settings.body ? endpoint.body : payload.body.in(payload.buffer);
  bool names_agent = endpoint.names_agent;
  if (!add_provider_lines(endpoint, payload.headers.in(payload.buffer), names_agent, out))
    return false;

  ScratchWriter writer{scratch};
  if (!names_agent) writer.text(kAgentLine);
  if (delivery.is_test) writer.text(kTestLine);
  writer.text("webhook-id: ");
  const std::string_view id = writer.id(delivery.message);
  writer.text("\r\nwebhook-timestamp: ");
  const std::string_view timestamp = writer.number(now / 1000);
  writer.text(kEnd);
  const auto& signer = endpoint.settings.signer;
  const std::string_view sent = endpoint.sends_body ? body : std::string_view{};
  if (signer != nullptr && !writer.signature(*signer, {id, timestamp, sent, now})) return false;
  if (endpoint.sends_body) {
    writer.text("Content-Length: ");
    writer.number(body.size());
    writer.text(kEnd);
  }
  writer.text(kEnd);
  if (!out.add(writer.written())) return false;
  return !endpoint.sends_body || out.add(body);
}

}  // namespace headrace::dispatch
