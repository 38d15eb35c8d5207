// SPDX-License-Identifier: Apache-2.0
// Requests that wait for providers leave room for others.
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/loop.h"
#include "tests/api/api_fixture.h"
#include "tests/support/fake_endpoint.h"

namespace headrace::api {
namespace {

// A provider on a thread of its own, which answers all requests alike.
class Provider {
 public:
  explicit Provider(test::FakeEndpoint::Reply reply) {
    thread_.start();
    thread_.run_and_wait([&] {
      endpoint_ = std::make_unique<test::FakeEndpoint>(
          thread_.loop(), [this, reply](const test::FakeEndpoint::Request&) {
            const std::lock_guard lock(mutex_);
            ++requests_;
            changed_.notify_all();
            return reply;
          });
    });
  }
  ~Provider() {
    thread_.run_and_wait([this] { endpoint_->stop(); });
    for (bool stopped = false; !stopped;)
      thread_.run_and_wait([&] { stopped = endpoint_->stopped(); });
    thread_.run_and_wait([this] { endpoint_.reset(); });
    thread_.stop();
  }

  std::string url() const { return endpoint_->url("/register"); }
  void wait_for(int requests) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return requests_ >= requests; });
  }

 private:
  const core::SystemClock clock_;
  core::LoopThread thread_{clock_, "provider"};
  std::mutex mutex_;
  std::condition_variable changed_;
  int requests_ = 0;
  std::unique_ptr<test::FakeEndpoint> endpoint_;
};

class WaitTest : public ApiTest {
 protected:
  void make_webhook_of(const Provider& provider) {
    const Json spec = {{"tag", "repo"},
                       {"name", "Repo"},
                       {"envs", {{{"slug", "prd"}, {"registration_url", provider.url()}}}}};
    body_of(post("/v1/apps/forge/webhooks", spec.dump()), 201);
  }

  Reply enable(const std::string& product) {
    return post("/v1/products/" + product + "/webhooks/enable",
                R"({"access_tag":"forge","webhook_tag":"repo","wait":"60s","envs":[
                    {"slug":"prd","url":"http://127.0.0.1:1/","auth":{"body":{"to":"$Link"}}}]})");
  }
};

// The provider is silent, so whoever waits waits for as long as this test takes.
TEST_F(WaitTest, TwoWaitForProvidersAndTheThirdIsAnsweredAtOnce) {
  Provider provider(test::FakeEndpoint::silence());
  make_webhook_of(provider);
  std::atomic<int> answered = 0;
  std::vector<std::thread> waiting;
  for (const char* product : {"first", "second"}) {
    waiting.emplace_back([this, &answered, product] {
      body_of(enable(product), 200);
      ++answered;
    });
  }
  provider.wait_for(2);
  const Json third = body_of(enable("third"), 200);
  EXPECT_EQ(answered, 0);
  EXPECT_EQ(third["envs"][0]["status"], "pending");
  engine->close();  // lets the others go
  for (std::thread& thread : waiting) thread.join();
}

TEST_F(WaitTest, AnswerOfTheProviderIsInTheAnswer) {
  const Provider provider(test::FakeEndpoint::answer(200, "thanks"));
  make_webhook_of(provider);
  const Json enabled = body_of(enable("shop"), 200)["envs"][0];
  EXPECT_EQ(enabled["status"], "registered");
  EXPECT_EQ(enabled["call"]["http_status"], 200);
  EXPECT_EQ(enabled["call"]["attempts"], 1);
  EXPECT_EQ(enabled["call"]["response"], "thanks");
  EXPECT_TRUE(enabled["call"]["error"].is_null());
}

}  // namespace
}  // namespace headrace::api
