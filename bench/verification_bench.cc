// SPDX-License-Identifier: Apache-2.0
// Judging a genuine message of 7 KB, beside the bare digest of its body in the same run. With an
// HMAC allocs_per_op must be 0; the program fails when it is not.
#include <benchmark/benchmark.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/cost.h"
#include "core/ed25519.h"
#include "core/encoding.h"
#include "core/hmac.h"
#include "ingest/verification/verifier.h"

namespace headrace::verification {
namespace {

constexpr std::size_t kBodyBytes = 7 * 1024;
constexpr core::WallMs kNow = 1'700'000'000'000;
const std::string kTime = "1700000000";

std::string make_body() {
  std::string body = R"({"text":")";
  body.append(kBodyBytes - body.size() - 2, 'x');
  return body + "\"}";
}
const std::string kBody = make_body();

// A request that was read, kept with its bytes.
class Message {
 public:
  Message(const std::string& fields, const std::string& body)
      : wire_(
            "POST /in/2vK8sQ0cW1mZ7xY4bN6tR3 HTTP/1.1\r\nHost: hooks.example.com\r\n"
            "User-Agent: hookshot/1\r\nAccept: */*\r\nContent-Type: application/json\r\n" +
            fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body) {
    parser_.parse(wire_.data(), wire_.size());
    parser_.parse(wire_.data(), wire_.size());
  }

  Received received() const {
    return {.method = parser_.head().method,
            .target = parser_.head().target.in(wire_.data()),
            .url = "https://hooks.example.com/in/2vK8sQ0cW1mZ7xY4bN6tR3",
            .query = {},
            .head = parser_.head(),
            .base = wire_.data(),
            .body = parser_.body().in(wire_.data()),
            .now = kNow};
  }

 private:
  std::string wire_;
  core::RequestParser parser_;
};

void run(benchmark::State& state, const std::string& settings, const Message& message,
         bool may_allocate = false) {
  const auto verifier = Verifier::make(settings);
  const Received received = message.received();
  if (!verifier || (*verifier)->judge(received).verdict != Verdict::kGenuine) {
    state.SkipWithError("the message is not found genuine");
    return;
  }
  const bench::Cost cost;
  for (auto _ : state) benchmark::DoNotOptimize((*verifier)->judge(received));
  const auto made = cost.report_rounds(state, received.body.size());
  if (!may_allocate && made != 0) state.SkipWithError("judging allocated");
}

std::string hmac(core::Hash hash, const std::string& text) {
  return std::string(core::HmacKey(hash, "secret").sign(text).view());
}

std::string settings(const std::string& provider) {
  return R"({"secrets":["secret"],"provider":")" + provider + "\"}";
}

void BareSha256(benchmark::State& state) {
  const bench::Cost cost;
  for (auto _ : state) benchmark::DoNotOptimize(core::digest_of(core::Hash::kSha256, kBody));
  cost.report_rounds(state, kBody.size());
}
BENCHMARK(BareSha256);

void GitHub(benchmark::State& state) {
  const std::string sent = core::to_hex(hmac(core::Hash::kSha256, kBody));
  run(state, settings("github"), {"X-Hub-Signature-256: sha256=" + sent + "\r\n", kBody});
}
BENCHMARK(GitHub);

void Shopify(benchmark::State& state) {
  const std::string sent = core::to_base64(hmac(core::Hash::kSha256, kBody));
  run(state, settings("shopify"), {"X-Shopify-Hmac-SHA256: " + sent + "\r\n", kBody});
}
BENCHMARK(Shopify);

void Stripe(benchmark::State& state) {
  const std::string sent = core::to_hex(hmac(core::Hash::kSha256, kTime + "." + kBody));
  run(state, settings("stripe"),
      {"Stripe-Signature: t=" + kTime + ",v1=" + sent + ",v0=" + sent + "\r\n", kBody});
}
BENCHMARK(Stripe);

void StandardWebhooks(benchmark::State& state) {
  const std::string sent = core::to_base64(hmac(core::Hash::kSha256, "msg." + kTime + "." + kBody));
  run(state, R"({"provider":"standard_webhooks","secrets":["whsec_c2VjcmV0"]})",
      {"webhook-id: msg\r\nwebhook-timestamp: " + kTime + "\r\nwebhook-signature: v1," + sent +
           "\r\n",
       kBody});
}
BENCHMARK(StandardWebhooks);

// Genuine by the last of four secrets.
void GitHubRotated(benchmark::State& state) {
  const std::string sent = core::to_hex(hmac(core::Hash::kSha256, kBody));
  run(state, R"({"provider":"github","secrets":["a","b","c","secret"]})",
      {"X-Hub-Signature-256: sha256=" + sent + "\r\n", kBody});
}
BENCHMARK(GitHubRotated);

void Paystack(benchmark::State& state) {
  const std::string sent = core::to_hex(hmac(core::Hash::kSha512, kBody));
  run(state, settings("paystack"), {"x-paystack-signature: " + sent + "\r\n", kBody});
}
BENCHMARK(Paystack);

void GitLab(benchmark::State& state) {
  run(state, settings("gitlab"), {"X-Gitlab-Token: secret\r\n", kBody});
}
BENCHMARK(GitLab);

void Mailgun(benchmark::State& state) {
  const std::string sent = core::to_hex(hmac(core::Hash::kSha256, kTime + "token"));
  run(state, settings("mailgun"),
      {"", R"({"signature":{"timestamp":")" + kTime + R"(","token":"token","signature":")" + sent +
               R"("},"event-data":)" + kBody + "}"},
      true);
}
BENCHMARK(Mailgun);

struct FreeKey {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

std::string sign(EVP_PKEY* key, const std::string& text) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key);
  std::string out(1024, '\0');
  std::size_t size = out.size();
  EVP_DigestSign(context, reinterpret_cast<unsigned char*>(out.data()), &size,
                 reinterpret_cast<const unsigned char*>(text.data()), text.size());
  EVP_MD_CTX_free(context);
  return out.substr(0, size);
}

// As JSON, with its line ends escaped.
std::string pem_of(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(bio, key);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text;
  for (const char c : std::string_view(data, static_cast<std::size_t>(size)))
    text += c == '\n' ? std::string("\\n") : std::string(1, c);
  BIO_free(bio);
  return text;
}

void DiscordEd25519(benchmark::State& state) {
  const auto key = core::Ed25519PrivateKey::from_seed(std::string(32, 's'));
  const auto public_key = key->public_key();
  const auto signature = key->sign(kTime + kBody);
  run(state,
      R"({"provider":"discord","public_keys":[")" +
          core::to_hex({public_key.data(), public_key.size()}) + "\"]}",
      {"X-Signature-Timestamp: " + kTime + "\r\nX-Signature-Ed25519: " +
           core::to_hex({signature->data(), signature->size()}) + "\r\n",
       kBody},
      true);
}
BENCHMARK(DiscordEd25519);

void SendGridEcdsa(benchmark::State& state) {
  const Key key(EVP_EC_gen("P-256"));
  run(state, R"({"provider":"sendgrid","public_keys":[")" + pem_of(key.get()) + "\"]}",
      {"X-Twilio-Email-Event-Webhook-Timestamp: " + kTime +
           "\r\nX-Twilio-Email-Event-Webhook-Signature: " +
           core::to_base64(sign(key.get(), kTime + kBody)) + "\r\n",
       kBody},
      true);
}
BENCHMARK(SendGridEcdsa);

void SnsRsa(benchmark::State& state) {
  const Key key(EVP_RSA_gen(2048));
  const std::string text(6 * 1024, 'x');
  const std::string signed_text = "Message\n" + text +
                                  "\nMessageId\nm\nTimestamp\n2023-11-14T22:13:20Z\n"
                                  "TopicArn\narn:t\nType\nNotification\n";
  run(state,
      R"({"provider":"aws_sns","topics":["arn:t"],"certificates":[")" + pem_of(key.get()) + "\"]}",
      {"", R"({"Type":"Notification","MessageId":"m","TopicArn":"arn:t","Message":")" + text +
               R"(","Timestamp":"2023-11-14T22:13:20Z","SignatureVersion":"2",)"
               R"("SigningCertURL":"https://sns.eu-west-1.amazonaws.com/a.pem","Signature":")" +
               core::to_base64(sign(key.get(), signed_text)) + "\"}"},
      true);
}
BENCHMARK(SnsRsa);

}  // namespace
}  // namespace headrace::verification

BENCHMARK_MAIN();
