// SPDX-License-Identifier: Apache-2.0
#include "tests/ingest/verification/request.h"

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/check.h"

namespace headrace::verification::test {
namespace {

// Calls `use` with what the codec makes of the request; false: it refuses it.
template <class Use>
bool with_received(const Request& request, const Use& use) {
  std::string wire = request.method + " " + request.target + " HTTP/1.1\r\nHost: h\r\n";
  for (const auto& [name, value] : request.fields) wire += name + ": " + value + "\r\n";
  wire += "Content-Length: " + std::to_string(request.body.size()) + "\r\n\r\n" + request.body;
  core::RequestParser parser;
  if (parser.parse(wire.data(), wire.size()) != core::RequestParser::Status::kHeadComplete)
    return false;
  if (parser.parse(wire.data(), wire.size()) != core::RequestParser::Status::kComplete)
    return false;
  const std::string_view target = parser.head().target.in(wire.data());
  const std::size_t question = target.find('?');
  use(Received{.method = parser.head().method,
               .target = target,
               .url = request.url,
               .query = question == std::string_view::npos ? std::string_view()
                                                           : target.substr(question + 1),
               .head = parser.head(),
               .base = wire.data(),
               .body = parser.body().in(wire.data()),
               .now = request.now});
  return true;
}

}  // namespace

std::string& Request::field(std::string_view name) {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const auto& field) { return field.first == name; });
  HEADRACE_CHECK(found != fields.end());
  return found->second;
}

Outcome judge(const Verifier& verifier, const Request& request) {
  Outcome outcome;
  outcome.read = with_received(request, [&](const Received& received) {
    const Judgement judgement = verifier.judge(received);
    outcome.verdict = judgement.verdict;
    outcome.reason = judgement.reason;
    outcome.replay_id = judgement.replay_id.view();
    outcome.reply = judgement.reply;
  });
  return outcome;
}

std::optional<Reply> challenge(const Verifier& verifier, const Request& request) {
  std::optional<Reply> reply;
  EXPECT_TRUE(with_received(
      request, [&](const Received& received) { reply = verifier.challenge(received); }));
  return reply;
}

std::shared_ptr<const Verifier> make(const std::string& json) {
  auto made = Verifier::make(json);
  if (!made) std::cerr << made.error().what << "\n";
  HEADRACE_CHECK(made.has_value());
  return std::move(made).value();
}

std::string fault_of(const std::string& json) {
  const auto made = Verifier::make(json);
  return made ? std::string() : made.error().what;
}

std::string json_text(std::string_view text) { return nlohmann::json(text).dump(); }

}  // namespace headrace::verification::test
