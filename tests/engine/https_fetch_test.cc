// SPDX-License-Identifier: Apache-2.0
// What is fetched over HTTPS, from whom, and what never is.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/loop.h"
#include "engine/confirmer.h"
#include "tests/dispatch/certificates.h"
#include "tests/support/fake_endpoint.h"

namespace headrace::engine {
namespace {

using dispatch::Addresses;
using test::FakeEndpoint;

// A listener that nobody may be connected to.
class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    socklen_t size = sizeof(address);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { ::close(fd_); }
  bool was_connected_to() const {
    const int client = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) ::close(client);
    return client >= 0;
  }
  std::string url(const std::string& scheme) const {
    return scheme + "://127.0.0.1:" + std::to_string(port_) + "/";
  }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

bool never() { return false; }

TEST(HttpsFetchTest, OnlyHttpsIsFetchedAndOnlyFromAddressesThatAreAllowed) {
  const Listener listener;
  const auto code_of = [](const Result<int>& result) {
    return result ? ErrorCode::kUnsupported : result.error().code;
  };
  std::vector<std::string> asked;
  bool allowed = true;
  const auto fetch = https_fetch({.allows =
                                      [&](const std::string& url, const sockaddr& address) {
                                        EXPECT_EQ(address.sa_family, AF_INET);
                                        asked.push_back(url);
                                        return allowed;
                                      },
                                  .extra_roots_file = {}});
  for (const char* scheme : {"http", "ftp", "file", "HTTPS"})
    EXPECT_EQ(code_of(fetch(listener.url(scheme), never)), ErrorCode::kForbidden) << scheme;
  EXPECT_TRUE(asked.empty());
  allowed = false;
  EXPECT_EQ(code_of(fetch(listener.url("https"), never)), ErrorCode::kForbidden);
  EXPECT_EQ(asked, std::vector<std::string>{listener.url("https")});
  EXPECT_EQ(code_of(https_fetch({})(listener.url("https"), never)), ErrorCode::kForbidden);
  EXPECT_FALSE(listener.was_connected_to());
  allowed = true;
  EXPECT_EQ(code_of(fetch(listener.url("https"), [] { return true; })), ErrorCode::kConnectFailed)
      << "it was given up";
}

// A server of `hooks.test` on a thread of its own.
class HttpsServer {
 public:
  HttpsServer(const dispatch::TestRoot& root, FakeEndpoint::Reply reply)
      : context_(root.server({})), thread_(clock_, "peer") {
    thread_.start();
    thread_.run_and_wait([&] {
      endpoint_ = std::make_unique<FakeEndpoint>(
          thread_.loop(), [reply](const auto&) { return reply; }, context_.get());
    });
  }
  ~HttpsServer() {
    thread_.run_and_wait([this] { endpoint_->stop(); });
    bool stopped = false;
    while (!stopped) thread_.run_and_wait([&] { stopped = endpoint_->stopped(); });
    thread_.run_and_wait([this] { endpoint_.reset(); });
    thread_.stop();
  }

  std::string url(std::string_view target) const { return endpoint_->url(target, "hooks.test"); }
  std::vector<FakeEndpoint::Request> requests() {
    std::vector<FakeEndpoint::Request> made;
    thread_.run_and_wait([&] { made = endpoint_->requests(); });
    return made;
  }

 private:
  core::SystemClock clock_;
  dispatch::TestRoot::ServerContext context_;
  core::LoopThread thread_;
  std::unique_ptr<FakeEndpoint> endpoint_;
};

class HttpsFetchFromTest : public testing::Test {
 protected:
  Result<int> fetch(const std::string& url) const { return https_fetch(options)(url, never); }

  dispatch::TestRoot root;
  HttpsFetchOptions options{
      .allows = [](const std::string&, const sockaddr&) { return true; },
      .extra_roots_file = root.file(),
      .look_up =
          [](const std::string& host) {
            return host == "hooks.test" ? *dispatch::known_addresses("127.0.0.1") : Addresses();
          }};
};

TEST_F(HttpsFetchFromTest, ATrustedServerIsAskedByItsName) {
  HttpsServer server(root, FakeEndpoint::answer(204));
  const auto status = fetch(server.url("/?Token=t0p"));
  ASSERT_TRUE(status) << status.error().what;
  EXPECT_EQ(*status, 204);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].method, "GET");
  EXPECT_EQ(requests[0].target, "/?Token=t0p");
  EXPECT_TRUE(requests[0].header("host").starts_with("hooks.test:"));
}

TEST_F(HttpsFetchFromTest, ARedirectIsAnAnswerLikeAnyOther) {
  HttpsServer server(root, FakeEndpoint::answer(302, "", "Location: /elsewhere\r\n"));
  const auto status = fetch(server.url("/"));
  ASSERT_TRUE(status) << status.error().what;
  EXPECT_EQ(*status, 302);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(HttpsFetchFromTest, AServerThatNobodyVouchesForIsAskedNothing) {
  HttpsServer server(root, FakeEndpoint::answer(204));
  options.extra_roots_file.clear();
  EXPECT_FALSE(fetch(server.url("/")));
  options.extra_roots_file = "/nowhere/roots.pem";
  EXPECT_FALSE(fetch(server.url("/")));
  const dispatch::TestRoot other;
  options.extra_roots_file = other.file();
  EXPECT_FALSE(fetch(server.url("/")));
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(HttpsFetchFromTest, AnAnswerWithoutEndIsGivenUp) {
  HttpsServer server(root, FakeEndpoint::answer(200, std::string(1 << 20, 'x')));
  EXPECT_FALSE(fetch(server.url("/")));
}

TEST_F(HttpsFetchFromTest, ANameThatTheNameServersDoNotKnowIsNotLookedForElsewhere) {
  const auto status = fetch("https://elsewhere.test/");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().what, "its name cannot be resolved");
}

}  // namespace
}  // namespace headrace::engine
