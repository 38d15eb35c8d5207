// SPDX-License-Identifier: Apache-2.0
#include "engine/name_look_up.h"

#include <future>
#include <optional>

namespace headrace::engine {
namespace {

struct Question {
  dispatch::ResolveRequest request;
  std::promise<dispatch::Addresses> answer;
  bool answered = false;  // of the loop's thread

  void tell(const dispatch::Addresses& addresses) {
    if (!std::exchange(answered, true)) answer.set_value(addresses);
  }
};

}  // namespace

Result<void> NameLookUp::start(const std::string& servers) {
  const std::lock_guard lock(mutex_);
  // A second name server, or a second try, is not waited for.
  auto made = dispatch::CaresResolver::make(
      thread_.loop(), {.servers = servers, .timeout = kWaitMax / 2, .tries = 1});
  if (!made) return std::move(made).error();
  resolver_ = std::move(*made);
  thread_.start();
  return {};
}

void NameLookUp::stop() {
  const std::lock_guard lock(mutex_);
  if (resolver_ == nullptr) return;
  std::promise<void> stopped;
  thread_.loop().post([&] { resolver_->stop([&] { stopped.set_value(); }); });
  stopped.get_future().wait();
  thread_.stop();
  resolver_.reset();
}

dispatch::Addresses NameLookUp::look_up(std::string_view host) {
  const std::lock_guard lock(mutex_);
  if (resolver_ == nullptr) return {};
  Question question;
  question.request.owner = &question;
  question.request.on_resolved = [](dispatch::ResolveRequest& request,
                                    const dispatch::Addresses& addresses) noexcept {
    static_cast<Question*>(request.owner)->tell(addresses);
  };
  thread_.run_and_wait([&] {
    if (const auto known = resolver_->resolve(host, question.request)) question.tell(*known);
  });
  auto answer = question.answer.get_future();
  (void)answer.wait_for(kWaitMax);
  // From here on the loop holds nothing of the question.
  thread_.run_and_wait([&] {
    resolver_->cancel(question.request);
    question.tell({});
  });
  return answer.get();
}

}  // namespace headrace::engine
