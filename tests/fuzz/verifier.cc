// SPDX-License-Identifier: Apache-2.0
// Requests for every scheme there is. The first byte chooses the scheme, or settings; the rest is
// the target, header lines and a body behind an empty line, or the settings themselves.
//
// Nobody knows the secrets, so what passes is a seed, and passes no more with its body changed
// where the body is signed. Whatever is said is said again of the same request; nothing that is
// echoed can be taken for anything but plain text.
#include "ingest/verification/verifier.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace headrace::verification {
namespace {

#define RSA_KEY                                                                         \
  R"(-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAqvHobjdw)" \
  R"(h0ROztv/7Q6L\n+v4ACpCbCdMlo5Dyyo0zGXHG1vr1/I7R8e88K3YjEbqGgOJmfC1Sjy6BHsO6wVLV\n)" \
  R"(fneV4y5avX9kPwxRQdATfWD3CyUDIXG/SGrt/zlT9XRuW2qzLO/MSvoR4rrPhwpI\nTsoBL8HUKshBdL)" \
  R"(HHeu02qA4BRtE5PxkugIRTjpT5GyJW91kb0DoN3LOD1brTG5Ag\nzNHF3PXeFgogc/LQk7fyO8AxouVv)" \
  R"(aCG/pILduK1BzW8hp2t9t3OPzAupf9hICcO9\n95UfLTrr6M3D9cM4g1K+LM3z56qktmW561MzTxF2XY)" \
  R"(bPqy7eXTqWy2nZ23zmxxx9\naQIDAQAB\n-----END PUBLIC KEY-----\n)"

#define EC_KEY                                                                          \
  R"(-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEbP/EdlMrQ8BHXQCZ)" \
  R"(nJBPu2sATDCz\nofsoi/IulI/7ax5c/hjXX0yaVtWu/UIvTuAxEK68x+GAHqDmLm+okD/QLw==\n----)" \
  R"(-END PUBLIC KEY-----\n)"

void require(bool condition) {
  if (!condition) std::abort();
}

const std::vector<std::shared_ptr<const Verifier>>& verifiers() {
  static const std::vector<std::shared_ptr<const Verifier>> all = [] {
    std::vector<std::string> settings;
    for (const std::string_view name :
         {"github", "stripe", "shopify", "paystack", "slack", "zoom", "paddle", "square", "hubspot",
          "twitch", "x", "outpost", "convoy_advanced", "gitlab", "okta", "twilio", "mailgun",
          "microsoft_graph"})
      settings.push_back(R"({"secrets":["secret","old"],"provider":")" + std::string(name) + "\"}");
    for (const char* json :
         {R"({"provider":"meta","secrets":["secret"],"verify_token":"v"})",
          R"({"provider":"cloudevents","secrets":["secret"],"cloudevents":{"origins":["a.test"]}})",
          R"({"provider":"basic","username":"user","secrets":["secret"]})",
          R"({"provider":"adyen","secrets":["00ff"]})",
          // The public key of RFC 8032, 7.1, test 1.
          R"({"provider":"standard_webhooks","secrets":["whsec_c2VjcmV0"],"public_keys":
              ["d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"]})",
          R"({"provider":"discord","public_keys":
              ["d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"]})",
          R"({"provider":"jwt","algorithm":"HS256","secrets":["secret"]})",
          R"({"provider":"wix","public_keys":[")" RSA_KEY R"("]})",
          R"({"provider":"plaid","public_keys":[")" EC_KEY R"("]})",
          R"({"provider":"sendgrid","public_keys":[")" EC_KEY R"("]})",
          R"({"provider":"paypal","webhook_id":"w","certificates":[")" RSA_KEY R"("]})",
          R"({"provider":"aws_sns","topics":["arn:t"],"certificates":[")" RSA_KEY R"("]})"})
      settings.push_back(json);
    std::vector<std::shared_ptr<const Verifier>> made;
    for (const std::string& json : settings) {
      auto verifier = Verifier::make(json);
      require(verifier.has_value());
      made.push_back(std::move(*verifier));
    }
    return made;
  }();
  return all;
}

void check_reply(const Reply& reply) {
  require(reply.status == 200);
  require(reply.body.size() <= 64 * 1024);
  const std::string_view type = reply.content_type;
  require(type.empty() || type == "text/plain" || type == "application/json");
  require(type.empty() == reply.body.empty());
  if (type == "text/plain") require(reply.body.find_first_of("\r\n") == std::string::npos);
  const std::string_view lines = reply.extra_lines;
  require(lines.empty() || lines == "X-Content-Type-Options: nosniff\r\n" ||
          lines.starts_with("Allow: POST\r\nWebHook-Allowed-Origin: a.test\r\n"));
  require(!reply.body.empty() == (lines.find("nosniff") != std::string_view::npos));
  require(reply.confirm_url.empty() || reply.confirm_url.starts_with("https://sns."));
}

Judgement check_judgement(const Verifier& verifier, const Received& received) {
  const Judgement judgement = verifier.judge(received);
  const bool refused = judgement.verdict == Verdict::kRefused;
  require(refused == !std::string_view(judgement.reason).empty());
  if (judgement.verdict != Verdict::kGenuine) require(judgement.replay_id.empty());
  if (judgement.verdict == Verdict::kReply) check_reply(judgement.reply);
  const Judgement again = verifier.judge(received);
  require(again.verdict == judgement.verdict);
  require(again.replay_id.view() == judgement.replay_id.view());
  return judgement;
}

// The first lines, with the ends that HTTP wants.
std::string request_of(std::string_view text) {
  const std::size_t empty = std::min(text.find("\n\n"), text.size());
  std::string wire;
  for (const char c : text.substr(0, empty)) {
    if (c == '\n') wire += '\r';
    wire += c;
  }
  const std::string_view body = text.substr(std::min(empty + 2, text.size()));
  wire += "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  return wire.append(body);
}

void run_request(std::size_t scheme, std::string_view text) {
  std::string wire = request_of(text);
  core::RequestParser parser;
  if (parser.parse(wire.data(), wire.size()) != core::RequestParser::Status::kHeadComplete) return;
  if (parser.parse(wire.data(), wire.size()) != core::RequestParser::Status::kComplete) return;
  const std::string_view target = parser.head().target.in(wire.data());
  const std::size_t question = std::min(target.find('?'), target.size());
  const std::string url = "https://hooks.example.com" + std::string(target);
  // Read where it lies, with nothing behind it that may be read.
  const std::string_view body = parser.body().in(wire.data());
  const std::vector<char> exact(body.begin(), body.end());
  Received received{.method = parser.head().method,
                    .target = target,
                    .url = url,
                    .query = target.substr(std::min(question + 1, target.size())),
                    .head = parser.head(),
                    .base = wire.data(),
                    .body = {exact.data(), exact.size()},
                    .now = 1'700'000'000'000};
  const Verifier& verifier = *verifiers()[scheme];
  if (const auto reply = verifier.challenge(received)) check_reply(*reply);
  const bool body_is_signed = scheme < 13;
  const Judgement judgement = check_judgement(verifier, received);
  if (judgement.verdict == Verdict::kRefused || !body_is_signed) return;
  const std::string longer = std::string(body) + " ";
  received.body = longer;
  require(verifier.judge(received).verdict == Verdict::kRefused);
}

void run_settings(std::string_view text) {
  const auto checked = Verifier::check(text);
  const auto made = Verifier::make(text);
  require(!made || checked);
  if (!checked) require(checked.error().code == ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace headrace::verification

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace::verification;
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t choice = data[0] % (verifiers().size() + 1);
  if (choice == verifiers().size()) {
    run_settings(rest);
  } else {
    run_request(choice, rest);
  }
  return 0;
}
