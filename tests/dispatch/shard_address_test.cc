// SPDX-License-Identifier: Apache-2.0
// Where deliveries go and where they do not: judged is the address, after the name was resolved,
// each time.
#include <arpa/inet.h>

#include <string>
#include <vector>

#include "core/ip_address.h"
#include "tests/dispatch/addresses.h"
#include "tests/dispatch/shard_fixture.h"

namespace headrace::dispatch {
namespace {

using core::IpAddress;
using store::AttemptError;
using store::Outcome;
using store::Verdict;
using test::FakeEndpoint;
using namespace std::chrono_literals;

// Notes where it was to connect, and lets every connection fail: no packet is sent.
class NotingTransport final : public Transport {
 public:
  explicit NotingTransport(core::Loop& loop) : loop_(loop) {}
  std::unique_ptr<Stream> make_stream(StreamOwner& owner) override {
    return std::make_unique<NotingStream>(*this, owner);
  }
  std::vector<std::string> connected;  // "ADDRESS:PORT"

 private:
  class NotingStream final : public Stream {
   public:
    NotingStream(NotingTransport& transport, StreamOwner& owner)
        : transport_(transport), owner_(owner) {}
    bool connect(const sockaddr& address) noexcept override {
      const auto port = reinterpret_cast<const sockaddr_in&>(address).sin_port;
      transport_.connected.push_back(IpAddress::from(address)->to_string() + ":" +
                                     std::to_string(ntohs(port)));
      return false;
    }
    std::optional<std::size_t> try_write(const uv_buf_t*, unsigned) noexcept override {
      return std::nullopt;
    }
    bool write(const uv_buf_t*, unsigned) noexcept override { return false; }
    void close() noexcept override {
      transport_.loop_.post([this] { owner_.on_stream_closed(); });
    }

   private:
    NotingTransport& transport_;
    StreamOwner& owner_;
  };
  core::Loop& loop_;
};

std::string in_url(std::string_view address) {
  const bool v6 = address.find(':') != std::string_view::npos;
  return v6 ? "[" + std::string(address) + "]" : std::string(address);
}

// Nothing is allowed but what everybody reaches.
class ShardAddressTest : public ShardTest {
 protected:
  ShardAddressTest() {
    options.allowed = nullptr;
    transport = &noting;
  }
  ~ShardAddressTest() override { stop_shard(); }  // before the transport goes

  // The outcome of the first delivery to an endpoint of its own.
  Outcome deliver_to(std::string url) {
    const core::EndpointNumber number{++last_};
    set_endpoint(settings_for(std::move(url), number));
    store::Delivery made = delivery(last_);
    made.endpoint = number;
    return deliver(std::move(made));
  }

  NotingTransport noting{loop};
  std::uint32_t last_ = 100;
};

TEST_F(ShardAddressTest, NoLiteralThatIsNotGlobalIsConnectedTo) {
  start();
  for (const auto& [address, why] : test::kRefusedAddresses) {
    for (const char* scheme : {"http://", "https://"}) {
      const Outcome outcome = deliver_to(scheme + in_url(address) + "/");
      EXPECT_EQ(outcome.error, AttemptError::kBlockedAddress) << address << ": " << why;
      EXPECT_EQ(outcome.verdict, Verdict::kRetry) << "it may be allowed tomorrow";
    }
  }
  EXPECT_TRUE(noting.connected.empty());
}

TEST_F(ShardAddressTest, NoNameLeadsToAnAddressThatIsNotGlobal) {
  start();
  for (const auto& [address, why] : test::kRefusedAddresses) {
    resolver.names["hooks.test"] = *known_addresses(address);
    EXPECT_EQ(deliver_to("http://hooks.test/").error, AttemptError::kBlockedAddress)
        << address << ": " << why;
  }
  for (const char* host : {"localhost", "any.localhost", "LOCALHOST."})
    EXPECT_EQ(deliver_to("http://" + std::string(host) + "/").error, AttemptError::kBlockedAddress);
  EXPECT_TRUE(noting.connected.empty());
}

TEST_F(ShardAddressTest, NoSpellingOfALocalHostIsResolvedOrConnectedTo) {
  start();
  for (const std::string_view host : test::kRefusedHosts) {
    const std::string url = "http://" + std::string(host) + "/";
    if (!Url::parse(url)) continue;  // nor can it be registered
    EXPECT_EQ(deliver_to(url).error, AttemptError::kBlockedAddress) << host;
  }
  EXPECT_EQ(resolver.asked, 0u);
  EXPECT_TRUE(noting.connected.empty());
}

TEST_F(ShardAddressTest, TheConnectionGoesToTheAddressThatWasJudged) {
  start();
  for (const std::string_view address : test::kGlobalAddresses) {
    resolver.names["hooks.test"] = *known_addresses(address);
    EXPECT_EQ(deliver_to("http://hooks.test:8080/").error, AttemptError::kConnect);
    ASSERT_FALSE(noting.connected.empty()) << address;
    const std::string expected = IpAddress::parse(address)->unmapped().to_string();
    EXPECT_EQ(noting.connected.back(), expected + ":8080");
  }
  EXPECT_EQ(noting.connected.size(), test::kGlobalAddresses.size());
}

TEST_F(ShardAddressTest, EveryAddressOfANameIsJudged) {
  start();
  Addresses mixed;
  for (const char* text : {"10.0.0.1", "8.8.8.8", "::1", "2001:4860:4860::8888", "169.254.169.254"})
    mixed.add(known_addresses(text)->list[0]);
  resolver.names["hooks.test"] = mixed;
  EXPECT_EQ(deliver_to("http://hooks.test:81/").error, AttemptError::kBlockedAddress)
      << "of the last one";
  EXPECT_EQ(noting.connected, (std::vector<std::string>{"8.8.8.8:81", "2001:4860:4860::8888:81"}));
}

TEST_F(ShardAddressTest, ANameThatMovesToAPrivateAddressIsBlockedThen) {
  start();
  resolver.names["hooks.test"] = *known_addresses("8.8.8.8");
  EXPECT_EQ(deliver_to("http://hooks.test/").error, AttemptError::kConnect);
  resolver.names["hooks.test"] = *known_addresses("127.0.0.1");
  EXPECT_EQ(deliver_to("http://hooks.test/").error, AttemptError::kBlockedAddress);
  EXPECT_EQ(noting.connected, std::vector<std::string>{"8.8.8.8:80"});
}

TEST_F(ShardAddressTest, WhatARuleAddsIsConnectedTo) {
  const AddressFilter rules(*AddressFilter::parse({"10.0.0.0/8", "hooks.test:8443"}));
  options.allowed = [&rules](const Url& url, const sockaddr& address) {
    return rules.allows(url, address);
  };
  start();
  resolver.names["hooks.test"] = *known_addresses("192.168.0.1");
  EXPECT_EQ(deliver_to("https://10.1.2.3/").error, AttemptError::kConnect);
  EXPECT_EQ(deliver_to("https://hooks.test:8443/").error, AttemptError::kConnect);
  EXPECT_EQ(deliver_to("https://hooks.test/").error, AttemptError::kBlockedAddress);
  EXPECT_EQ(deliver_to("https://192.168.0.1:8443/").error, AttemptError::kBlockedAddress);
  EXPECT_EQ(noting.connected, (std::vector<std::string>{"10.1.2.3:443", "192.168.0.1:8443"}));
}

TEST_F(ShardAddressTest, WithoutTlsNothingIsSentUnlessThatIsAllowed) {
  options.plain_http = false;
  options.allowed = [](const Url&, const sockaddr&) { return true; };
  start();
  const Outcome outcome = deliver_to("http://8.8.8.8/");
  EXPECT_EQ(outcome.error, AttemptError::kPlainHttp);
  EXPECT_EQ(outcome.verdict, Verdict::kRetry);
  EXPECT_TRUE(noting.connected.empty());
  EXPECT_EQ(resolver.asked, 0u);
  EXPECT_EQ(deliver_to("https://8.8.8.8/").error, AttemptError::kConnect);
}

using ShardRedirectTest = ShardTest;

TEST_F(ShardRedirectTest, ARedirectIsAnAnswerLikeAnyOther) {
  FakeEndpoint& elsewhere = serve(FakeEndpoint::answer(200));
  FakeEndpoint& server = serve(FakeEndpoint::answer(200));
  set_endpoint(settings_for(server.url("/hook")));
  start();
  std::uint64_t message = 0;
  for (const int status : {300, 301, 302, 303, 307, 308}) {
    server.set_script([&elsewhere, status](const auto&) {
      return FakeEndpoint::answer(status, "", "Location: " + elsewhere.url("/taken") + "\r\n");
    });
    const Outcome outcome = deliver(delivery(++message));
    EXPECT_EQ(outcome.http_status, status);
    EXPECT_EQ(outcome.error, AttemptError::kNone);
    EXPECT_NE(outcome.verdict, Verdict::kDelivered) << status;
  }
  run_turns(50);
  EXPECT_EQ(elsewhere.connections(), 0u);
  EXPECT_EQ(server.requests().size(), 6u);
}

TEST_F(ShardRedirectTest, TheHostIsTheNameThatWasWritten) {
  FakeEndpoint& server = serve(FakeEndpoint::answer(200));
  resolver.names["hooks.test"] = *known_addresses("127.0.0.1");
  set_endpoint(settings_for(server.url("/hook", "hooks.test")));
  start();
  EXPECT_EQ(deliver(delivery(1)).verdict, Verdict::kDelivered);
  EXPECT_EQ(server.requests().at(0).header("host"), "hooks.test:" + std::to_string(server.port()));
}

}  // namespace
}  // namespace headrace::dispatch
