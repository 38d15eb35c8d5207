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
#include "tests/support/name_server.h"

namespace headrace::dispatch {

using test::NameServer;

namespace {

class FixedClock final : public core::Clock {
 public:
  std::uint64_t steady_ns() const noexcept override { return now_ms * 1'000'000; }
  core::WallMs wall_ms() const noexcept override { return now_ms; }
  std::uint64_t now_ms = 1'000'000;
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
