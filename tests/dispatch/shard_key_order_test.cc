// SPDX-License-Identifier: Apache-2.0
// Order by key with everything that takes part in it: the committer, its store, and a shard before
// an endpoint that fails at random.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/random.h"
#include "store/committer.h"
#include "store/memory_store.h"
#include "tests/dispatch/shard_fixture.h"

namespace headrace::dispatch {

using store::Committer;
using test::FakeEndpoint;
using namespace std::chrono_literals;

namespace {

struct Message {
  std::string key;  // empty: none
  bool over = false;
  bool delivered = false;
  int attempts = 0;
};

std::optional<std::size_t> number_in(std::string_view body) {
  const std::size_t at = body.find("\"n\":");
  std::size_t number = 0;
  if (at == std::string_view::npos) return std::nullopt;
  const std::from_chars_result read =
      std::from_chars(body.data() + at + 4, body.data() + body.size(), number);
  if (read.ec != std::errc{}) return std::nullopt;
  return number;
}

}  // namespace

class ShardKeyOrderTest : public ShardTest {
 protected:
  ShardKeyOrderTest() {
    answer_mail.open(
        loop, [](void* self) noexcept { static_cast<ShardKeyOrderTest*>(self)->take_answers(); },
        this);
    settings.order = Order::kByKey;
    settings.order_by = "$Event{k}";
    settings.in_flight_max = 8;
    settings.breaker.reset();
    settings.retry = std::move(RetryPolicy::of_list(delays(), 0)).value();
    settings.number = kEndpoint;
  }
  ~ShardKeyOrderTest() override {
    if (committer) stop_all();
    answer_mail.close();
  }

  static std::vector<RetryPolicy::Delay> delays() {
    std::vector<RetryPolicy::Delay> all{50ms, 200ms};
    all.resize(RetryPolicy::kRetriesMax, 1s);
    return all;
  }

  void serve_and_start() {
    server = &serve([this](const FakeEndpoint::Request& request) { return on_request(request); });
    server->keep_requests(false);
    settings.url = server->url();
    set_endpoint(settings);
    start_all();
  }

  void start_all() {
    options.seed = 1;
    shard = std::make_unique<Shard>(
        loop, ShardLinks{deliveries, outcome_mail, endpoints, resolver, answers, log, nullptr},
        options);
    shard->start();
    Committer::Ports ports{intakes, outcome_mail, {&answer_mail}, {&deliveries}};
    ports.terms = [this](core::EndpointNumber) {
      const bool blocks_key =
          settings.order == Order::kByKey && settings.head_of_line == HeadOfLine::kBlock;
      return store::LaneTerms{blocks_key ? store::KeptOrder::kKey : store::KeptOrder::kNone,
                              settings.retry_share_percent};
    };
    committer = std::make_unique<Committer>(loop, memory, std::move(ports), log);
    ASSERT_TRUE(committer->start());
  }

  void stop_all() {
    committer->stop_hand_over();
    run_turns(3);
    stop_shard();
    committer->stop();
    committer.reset();
    run_turns(4);
  }

  void send(std::string key) {
    const std::size_t number = messages.size();
    std::string body = "{\"n\":" + std::to_string(number);
    if (!key.empty()) body += ",\"k\":\"" + key + "\"";
    body += "}";
    store::Intake intake;
    intake.payload.buffer = payloads.acquire(body.size());
    std::memcpy(intake.payload.buffer.data(), body.data(), body.size());
    intake.payload.body = {0, static_cast<std::uint32_t>(body.size())};
    const core::EndpointNumber target = kEndpoint;
    intake.targets = store::Targets::of({&target, 1}, {});
    intake.received_at = clock.wall_ms();
    intake.link = core::LinkNumber{1};
    intake.status = store::MessageStatus::kRouted;
    ASSERT_TRUE(intake_sender.try_push(std::move(intake)));
    intake_sender.notify();
    by_key[key].push_back(number);
    messages.push_back({std::move(key)});
  }

  FakeEndpoint::Reply on_request(const FakeEndpoint::Request& request) {
    const auto number = number_in(request.body);
    EXPECT_TRUE(number && *number < messages.size());
    EXPECT_LE(in_flight(), settings.in_flight_max);
    Message& message = messages[*number];
    ++message.attempts;
    const int status = status_of(message);
    const bool over = status == 200 || status == 410;
    if (over && !message.over && settings.head_of_line == HeadOfLine::kBlock) {
      expect_all_before_are_over(*number);
    }
    if (over && !message.over) ++over_count;
    message.over |= over;
    message.delivered |= status == 200;
    return status == 0 ? FakeEndpoint::drop() : FakeEndpoint::answer(status);
  }

  void expect_all_before_are_over(std::size_t number) {
    const std::string& key = messages[number].key;
    if (key.empty()) return;
    for (const std::size_t before : by_key[key]) {
      if (before >= number) return;
      ASSERT_TRUE(messages[before].over) << before << " was overtaken by " << number;
    }
  }

  std::uint64_t in_flight() const {
    const ShardCounters& counters = shard->counters();
    return counters.attempts.value() - counters.delivered.value() - counters.failed.value();
  }
  std::size_t open_of(const std::string& key) const {
    return static_cast<std::size_t>(
        std::count_if(messages.begin(), messages.end(),
                      [&](const Message& message) { return message.key == key && !message.over; }));
  }
  void finish() {
    status_of = [](const Message&) { return 200; };
    for (int i = 0; i < 3'000 && over_count < messages.size() && !HasFailure(); ++i) {
      run_turns(20);
      if (i % 4 == 3) pass(200ms);
    }
    EXPECT_EQ(over_count, messages.size());
    run_turns(50);
    EXPECT_TRUE(memory.pending_endpoints().value().empty());
  }
  void take_answers() {
    std::array<store::Answer, 256> batch;
    for (std::size_t count = 0; (count = answer_mail.drain(batch)) != 0;) {
      for (std::size_t i = 0; i < count; ++i) {
        EXPECT_EQ(batch[i].acceptance, store::Acceptance::kStored);
      }
    }
  }

  EndpointSettings settings;
  FakeEndpoint* server = nullptr;
  std::function<int(const Message&)> status_of = [](const Message&) { return 200; };
  std::vector<Message> messages;  // in order of arrival
  std::map<std::string, std::vector<std::size_t>> by_key;
  std::size_t over_count = 0;
  store::MemoryStore memory{store::StoreOptions{}, clock, 7};
  core::Mailbox<store::Intake> intakes{core::limits::kIntakeQueueMax};
  core::Mailbox<store::Answer> answer_mail{core::limits::kAnswerMailboxSize};
  core::Mailbox<store::Intake>::Sender intake_sender{intakes};
  std::unique_ptr<Committer> committer;
};

TEST_F(ShardKeyOrderTest, AKeyThatIsBlockedDelaysNoOther) {
  serve_and_start();
  status_of = [](const Message& message) { return message.key == "bad" ? 500 : 200; };
  for (int i = 0; i < 300; ++i) {
    send("bad");
    send("c" + std::to_string(i % 10));
    if (i % 3 == 0) send("");
  }
  run_until([&] { return over_count == 400; });
  EXPECT_EQ(open_of("bad"), 300u);
  EXPECT_EQ(messages[0].attempts, 1);
  EXPECT_EQ(messages[3].attempts, 0) << "no time passed";
  pass(50ms);
  run_until([&] { return messages[0].attempts == 2; });
  run_turns(200);
  send("c1");
  run_until([&] { return over_count == 401; });
  EXPECT_EQ(shard->counters().holds.value(), 0u);
  finish();
}

TEST_F(ShardKeyOrderTest, WhatWaitsBehindIsNotAttemptedAndCountsNoAttempt) {
  serve_and_start();
  status_of = [](const Message&) { return 500; };
  for (int i = 0; i < 20; ++i) send("a");
  run_until([&] { return shard->counters().postponed.value() == 19; });
  EXPECT_EQ(shard->counters().attempts.value(), 1u);
  send("a");
  run_until([&] { return shard->counters().postponed.value() == 20; });
  pass(49ms);
  run_turns(100);
  EXPECT_EQ(shard->counters().attempts.value(), 1u);
  finish();
  EXPECT_EQ(messages.back().attempts, 1);
  EXPECT_EQ(shard->counters().attempts.value(), 22u);
}

TEST_F(ShardKeyOrderTest, ABlockedKeyIsKnownAfterARestart) {
  serve_and_start();
  status_of = [](const Message& message) { return message.key == "a" ? 500 : 200; };
  for (int i = 0; i < 5; ++i) send("a");
  run_until([&] { return shard->counters().postponed.value() == 4; });
  run_turns(20);
  stop_all();
  start_all();
  send("a");
  send("b");
  run_until([&] { return open_of("b") == 0; });
  run_turns(50);
  EXPECT_EQ(messages[0].attempts, 1);
  EXPECT_EQ(messages[5].attempts, 0);
  pass(50ms);
  run_until([&] { return messages[0].attempts == 2; });
  finish();
}

TEST_F(ShardKeyOrderTest, SkipLetsThoseOfTheKeyGoOn) {
  settings.head_of_line = HeadOfLine::kSkip;
  serve_and_start();
  status_of = [](const Message& message) {
    return message.key == "a" && message.attempts == 1 ? 500 : 200;
  };
  send("a");
  status_of = [first = true](const Message&) mutable {
    return std::exchange(first, false) ? 500 : 200;
  };
  for (int i = 0; i < 5; ++i) send("a");
  run_until([&] { return over_count == 5; });
  EXPECT_EQ(shard->counters().postponed.value(), 0u);
  finish();
}

TEST_F(ShardKeyOrderTest, MoreBlockedKeysThanAreRememberedHoldTheWholeLane) {
  settings.in_flight_max = 64;
  serve_and_start();
  status_of = [](const Message&) { return 500; };
  for (std::size_t i = 0; i < core::limits::kBlockedKeysMax + 20; ++i) {
    send("c" + std::to_string(i));
    send("c" + std::to_string(i));
    if (i % 100 == 99) run_turns(50);
  }
  run_turns(200);
  for (int i = 0; i < 400 && shard->counters().failed.value() <= core::limits::kBlockedKeysMax; ++i)
    run_turns(50);
  EXPECT_GT(shard->counters().failed.value(), core::limits::kBlockedKeysMax);
  finish();
}

class ShardKeyOrderSwarmTest : public ShardKeyOrderTest,
                               public testing::WithParamInterface<std::uint64_t> {};

INSTANTIATE_TEST_SUITE_P(Seeds, ShardKeyOrderSwarmTest, testing::Range<std::uint64_t>(1, 17));

TEST_P(ShardKeyOrderSwarmTest, NothingOvertakesWithinItsKeyUnderAnyTrouble) {
  core::Random random{GetParam()};
  const auto chance = [&random](std::uint64_t one_in) { return random.below(one_in) == 0; };
  const std::uint64_t keys = chance(3) ? 1 + random.below(3) : 3 + random.below(60);
  const std::uint64_t fails_one_in = 2 + random.below(12);
  const bool restarts = chance(2);
  const bool unreachable = chance(2);
  const bool bursts = chance(3);
  const bool dies = chance(2);
  const RefusingPort refusing;
  if (chance(2)) settings.breaker = BreakerSettings{};
  settings.in_flight_max = static_cast<std::uint32_t>(1 + random.below(16));
  settings.retry_share_percent = static_cast<unsigned>(1 + random.below(99));
  serve_and_start();
  status_of = [&](const Message&) {
    if (!chance(fails_one_in)) return 200;
    return dies && chance(4) ? 410 : (chance(2) ? 500 : 0);
  };
  for (int round = 0; round < 40 && !HasFailure(); ++round) {
    const std::uint64_t burst = bursts && chance(12) ? 1'400 : random.below(30);
    for (std::uint64_t i = 0; i < burst; ++i) {
      send(chance(20) ? "" : "c" + std::to_string(random.below(keys)));
    }
    run_turns(random.below(60));
    if (chance(2)) pass(std::chrono::milliseconds{random.below(400)});
    if (unreachable && chance(10)) {
      settings.url = chance(2) ? refusing.url() : server->url();
      set_endpoint(settings);
    }
    if (restarts && chance(12)) {
      stop_all();
      if (chance(2)) clock.advance(std::chrono::milliseconds{random.below(2'000)});
      start_all();
    }
  }
  settings.url = server->url();
  set_endpoint(settings);
  finish();
}

}  // namespace headrace::dispatch
