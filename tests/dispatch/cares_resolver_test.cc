// SPDX-License-Identifier: Apache-2.0
// The resolver against a small name server on loopback.
#include "dispatch/cares_resolver.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <uv.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/loop.h"

namespace headrace::dispatch {

namespace {

class FixedClock final : public core::Clock {
 public:
  std::uint64_t steady_ns() const noexcept override { return now_ms * 1'000'000; }
  core::WallMs wall_ms() const noexcept override { return now_ms; }
  std::uint64_t now_ms = 1'000'000;
};

// Answers A questions with one address and AAAA ones with none; NXDOMAIN for names that begin with
// "no", SERVFAIL for those that begin with "fail".
class NameServer {
 public:
  explicit NameServer(core::Loop& loop) {
    uv_udp_init(loop.uv(), &socket_);
    socket_.data = this;
    sockaddr_in address{};
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_udp_bind(&socket_, reinterpret_cast<const sockaddr*>(&address), 0);
    int size = sizeof(address);
    uv_udp_getsockname(&socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    uv_udp_recv_start(
        &socket_,
        [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
          auto& bytes = static_cast<NameServer*>(handle->data)->bytes_;
          *buffer = uv_buf_init(bytes.data(), static_cast<unsigned>(bytes.size()));
        },
        [](uv_udp_t* handle, ssize_t size_read, const uv_buf_t*, const sockaddr* from, unsigned) {
          if (size_read > 12 && from != nullptr) {
            static_cast<NameServer*>(handle->data)
                ->answer(static_cast<std::size_t>(size_read), *from);
          }
        });
  }
  void close() { uv_close(reinterpret_cast<uv_handle_t*>(&socket_), nullptr); }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::uint8_t ttl = 60;
  bool silent = false;
  std::size_t a_questions = 0;

 private:
  void answer(std::size_t size, const sockaddr& from) {
    // The question: labels up to a zero, then type and class. What may follow (EDNS) is dropped.
    std::size_t end = 12;
    while (end < size && bytes_[end] != 0) end += static_cast<unsigned char>(bytes_[end]) + 1u;
    end += 5;
    if (end > size) return;
    const bool wants_a = bytes_[end - 3] == 1;
    a_questions += wants_a ? 1 : 0;
    if (silent) return;
    const bool exists = std::string_view(bytes_.data() + 13, 2) != "no";
    const bool fails = std::string_view(bytes_.data() + 13, 4) == "fail";
    const bool has_answer = wants_a && exists && !fails;
    std::string reply(bytes_.data(), end);
    reply[2] = static_cast<char>(0x81);
    reply[3] = static_cast<char>(fails ? 0x82 : exists ? 0x80 : 0x83);
    reply[7] = has_answer ? 1 : 0;
    reply[8] = reply[9] = reply[10] = reply[11] = 0;
    if (has_answer) {
      const std::array<char, 16> record = {static_cast<char>(0xc0), 12, 0, 1,   0, 1, 0, 0, 0,
                                           static_cast<char>(ttl),  0,  4, 127, 0, 0, 9};
      reply.append(record.data(), record.size());
    }
    uv_buf_t buffer = uv_buf_init(reply.data(), static_cast<unsigned>(reply.size()));
    uv_udp_try_send(&socket_, &buffer, 1, &from);
  }

  uv_udp_t socket_{};
  std::uint16_t port_ = 0;
  std::array<char, 2048> bytes_{};
};

struct Asker {
  Asker() {
    request.owner = this;
    request.on_resolved = [](ResolveRequest& done, const Addresses& addresses) noexcept {
      auto& self = *static_cast<Asker*>(done.owner);
      ++self.answers;
      self.result = addresses;
    };
  }
  ResolveRequest request;
  Addresses result;
  int answers = 0;
};

std::string text_of(const SocketAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = address.any.sa_family == AF_INET
                          ? static_cast<const void*>(&address.v4.sin_addr)
                          : static_cast<const void*>(&address.v6.sin6_addr);
  inet_ntop(address.any.sa_family, bytes, text.data(), text.size());
  return text.data();
}

}  // namespace

class CaresResolverTest : public testing::Test {
 protected:
  CaresResolverTest() : CaresResolverTest(CaresOptions{}) {}
  explicit CaresResolverTest(CaresOptions options) {
    options.servers = server.address();
    auto made = CaresResolver::make(loop, std::move(options));
    EXPECT_TRUE(made);
    resolver = std::move(*made);
  }
  ~CaresResolverTest() override {
    bool stopped = false;
    resolver->stop([&] { stopped = true; });
    run_until([&] { return stopped; });
    server.close();
    for (int i = 0; i < 4; ++i) loop.run_once();
  }
  void run_until(const std::function<bool()>& condition) {
    for (int i = 0; i < 2'000'000 && !condition(); ++i) {
      loop.run_once();
      if (i % 64 == 63) sched_yield();
    }
    EXPECT_TRUE(condition());
  }

  FixedClock clock;
  core::Loop loop{clock};
  NameServer server{loop};
  std::unique_ptr<CaresResolver> resolver;
};

TEST_F(CaresResolverTest, AnswersFromTheNameServerAndThenFromItsCache) {
  Asker asker;
  EXPECT_FALSE(resolver->resolve("hooks.example.", asker.request));
  run_until([&] { return asker.answers == 1; });
  ASSERT_EQ(asker.result.count, 1u);
  EXPECT_EQ(text_of(asker.result.list[0]), "127.0.0.9");
  const auto cached = resolver->resolve("hooks.example.", asker.request);
  ASSERT_TRUE(cached);
  EXPECT_EQ(text_of(cached->list[0]), "127.0.0.9");
  EXPECT_EQ(resolver->look_ups(), 1u);
}

TEST_F(CaresResolverTest, AsksAgainWhenTheAnswersTimeIsOver) {
  Asker asker;
  EXPECT_FALSE(resolver->resolve("hooks.example.", asker.request));
  run_until([&] { return asker.answers == 1; });
  clock.now_ms += 59'999;
  EXPECT_TRUE(resolver->resolve("hooks.example.", asker.request));
  clock.now_ms += 1;
  EXPECT_FALSE(resolver->resolve("hooks.example.", asker.request));
  run_until([&] { return asker.answers == 2; });
}

TEST_F(CaresResolverTest, OneLookUpServesAllWhoAskMeanwhile) {
  std::vector<Asker> askers(10);
  for (Asker& asker : askers) {
    asker.request.owner = &asker;
    EXPECT_FALSE(resolver->resolve("busy.example.", asker.request));
  }
  resolver->cancel(askers[3].request);
  run_until([&] { return askers[9].answers == 1; });
  for (std::size_t i = 0; i < askers.size(); ++i) EXPECT_EQ(askers[i].answers, i == 3 ? 0 : 1);
  EXPECT_EQ(server.a_questions, 1u);
}

TEST_F(CaresResolverTest, ANameThatDoesNotExistHasNoAddresses) {
  Asker asker;
  EXPECT_FALSE(resolver->resolve("nowhere.example.", asker.request));
  run_until([&] { return asker.answers == 1; });
  EXPECT_TRUE(asker.result.empty());
}

TEST_F(CaresResolverTest, AServerThatFailsHasNoAddressesAndIsAskedAgainNextTime) {
  Asker asker;
  EXPECT_FALSE(resolver->resolve("fail.example.", asker.request));
  run_until([&] { return asker.answers == 1; });
  EXPECT_TRUE(asker.result.empty());
  EXPECT_FALSE(resolver->resolve("fail.example.", asker.request)) << "a failure is not remembered";
  run_until([&] { return asker.answers == 2; });
}

class ImpatientResolverTest : public CaresResolverTest {
 protected:
  ImpatientResolverTest()
      : CaresResolverTest(CaresOptions{.timeout = std::chrono::milliseconds(5), .tries = 1}) {}
};

TEST_F(ImpatientResolverTest, AServerThatNeverAnswersHasNoAddressesWhenTheTimeIsOver) {
  server.silent = true;
  Asker asker;
  EXPECT_FALSE(resolver->resolve("slow.example.", asker.request));
  run_until([&] {
    ++clock.now_ms;  // time passes
    return asker.answers == 1;
  });
  EXPECT_TRUE(asker.result.empty());
  server.silent = false;
  EXPECT_FALSE(resolver->resolve("slow.example.", asker.request));
  run_until([&] { return asker.answers == 2; });
  EXPECT_EQ(asker.result.count, 1u);
}

TEST_F(CaresResolverTest, WhoStillWaitsAtTheEndIsAnsweredWithNothing) {
  server.silent = true;
  Asker asker;
  EXPECT_FALSE(resolver->resolve("slow.example.", asker.request));
  bool stopped = false;
  resolver->stop([&] { stopped = true; });
  EXPECT_EQ(asker.answers, 1);
  EXPECT_TRUE(asker.result.empty());
  run_until([&] { return stopped; });
}

TEST_F(CaresResolverTest, LiteralsAndLocalhostNeedNoServer) {
  server.silent = true;
  Asker asker;
  EXPECT_EQ(text_of(resolver->resolve("10.1.2.3", asker.request)->list[0]), "10.1.2.3");
  EXPECT_EQ(text_of(resolver->resolve("2001:db8::7", asker.request)->list[0]), "2001:db8::7");
  for (const char* name : {"localhost", "localhost.", "api.localhost"}) {
    const auto addresses = resolver->resolve(name, asker.request);
    ASSERT_TRUE(addresses) << name;
    EXPECT_EQ(text_of(addresses->list[0]), "127.0.0.1");
    EXPECT_EQ(text_of(addresses->list[1]), "::1");
  }
  EXPECT_EQ(resolver->look_ups(), 0u);
}

TEST_F(CaresResolverTest, AListOfServersThatIsNoneIsRefused) {
  CaresOptions options;
  options.servers = "not an address";
  EXPECT_EQ(CaresResolver::make(loop, options).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace headrace::dispatch
