// SPDX-License-Identifier: Apache-2.0
// What tests of the whole engine share: a receiver on loopback, and ways to wait for it.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/loop.h"
#include "headrace/engine.h"
#include "tests/support/fake_endpoint.h"

namespace headrace::test {

// A receiver with a thread of its own; safe to ask from any thread.
class Sink {
 public:
  explicit Sink(FakeEndpoint::Reply reply = FakeEndpoint::answer(200, "thanks"));
  ~Sink();

  std::string url(std::string_view path = "/hook") const { return endpoint_->url(path); }
  // From the next request on.
  void answer_with(FakeEndpoint::Reply reply);
  // Requests count only while `condition` holds when they come.
  void count_while(std::function<bool()> condition);
  // Waits until it has got that many requests; they stay.
  std::vector<FakeEndpoint::Request> wait_for(std::size_t count);
  std::size_t count() const;

 private:
  FakeEndpoint::Reply on_request(const FakeEndpoint::Request& request);

  const core::SystemClock clock_;
  core::LoopThread thread_{clock_, "sink"};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  FakeEndpoint::Reply reply_;
  std::function<bool()> counts_;
  std::vector<FakeEndpoint::Request> requests_;
  std::unique_ptr<FakeEndpoint> endpoint_;
};

// Lets other threads work until `condition` holds. False: it did not within a minute.
bool eventually(const std::function<bool()>& condition);

// Hands a message in and waits for the answer.
std::pair<SubmitStatus, MessageId> submit(Engine& engine, std::string_view link,
                                          std::string_view body);
// Sends a request to "HOST:PORT" and reads until the peer closes.
std::string exchange(const std::string& address, const std::string& request);
// The last part of a link.
std::string_view token_of(std::string_view link);

// An engine for tests: one thread of a kind, a short grace. Empty directory: in memory.
EngineConfig small_engine(std::string directory = {});
// Opens it; fails the test when it cannot.
std::unique_ptr<Engine> open(EngineConfig config = small_engine(), Dependencies dependencies = {});
// The default workspace.
Workspace home(Engine& engine);

// App "github" with webhook "repo", env "prd" and event "repo:starred" at $Event{action}, whose
// sample is kStarred; the app's link.
std::string register_app(Engine& engine);
// The product's endpoint at `url`.
Endpoint register_product(Engine& engine, std::string_view product, std::string url);

inline constexpr std::string_view kStarred =
    R"({ "action":"starred", "id":12345678901234567890123 })";

std::vector<Delivery> deliveries_of(Engine& engine, MessageId message);
std::vector<Attempt> attempts_of(Engine& engine, MessageId message);
// Whether all of its deliveries are there and over with success.
bool is_delivered(Engine& engine, MessageId message);

// How many files and sockets this process has open.
std::size_t open_files();

}  // namespace headrace::test
