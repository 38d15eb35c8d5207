// SPDX-License-Identifier: Apache-2.0
#include "engine/name_look_up.h"

#include <algorithm>

namespace headrace::engine {

// All that one caller asks for. It lives on the caller's stack: once it is done, the loop holds
// nothing of it.
class NameLookUp::Batch {
 public:
  Batch(NameLookUp& names, std::span<const std::string> hosts)
      : names_(names), hosts_(hosts), questions_(hosts.size()) {
    timer_.owner = this;
    timer_.fire = [](core::Timer& timer) noexcept { static_cast<Batch*>(timer.owner)->end(); };
  }

  // Loop only. Once, by the caller's request.
  void start(bool may_wait) {
    unanswered_ = questions_.size();
    for (std::size_t i = 0; i < questions_.size(); ++i) ask(questions_[i], hosts_[i]);
    if (unanswered_ == 0 || !may_wait) return end();
    core::Loop& loop = names_.thread_.loop();
    loop.arm(timer_, loop.now() + static_cast<core::SteadyMs>(kWaitMax.count()));
    is_waiting_ = true;
  }
  // Under the mutex of the names.
  bool is_done() const noexcept { return is_done_; }
  // Requires: done.
  std::vector<dispatch::Addresses> take() const {
    std::vector<dispatch::Addresses> answers;
    for (const Question& question : questions_) answers.push_back(question.answer);
    return answers;
  }

 private:
  struct Question {
    Batch* batch = nullptr;
    dispatch::ResolveRequest request;
    dispatch::Addresses answer;
  };

  void ask(Question& question, const std::string& host) {
    question.batch = this;
    question.request.owner = &question;
    question.request.on_resolved = [](dispatch::ResolveRequest& request,
                                      const dispatch::Addresses& addresses) noexcept {
      auto& asked = *static_cast<Question*>(request.owner);
      asked.answer = addresses;
      asked.batch->answered();
    };
    const auto known = names_.resolver_->resolve(host, question.request);
    if (!known) return;
    question.answer = *known;
    --unanswered_;
  }
  void answered() noexcept {
    if (--unanswered_ == 0 && is_waiting_) end();
  }
  void end() noexcept {
    names_.thread_.loop().disarm(timer_);
    for (Question& question : questions_) names_.resolver_->cancel(question.request);
    const std::lock_guard lock(names_.mutex_);
    is_done_ = true;
    names_.changed_.notify_all();
  }

  NameLookUp& names_;
  const std::span<const std::string> hosts_;
  std::vector<Question> questions_;
  std::size_t unanswered_ = 0;
  core::Timer timer_;
  bool is_waiting_ = false;
  bool is_done_ = false;
};

Result<void> NameLookUp::start(const std::string& servers) {
  // A second name server, or a second try, is not waited for.
  auto made = dispatch::CaresResolver::make(thread_.loop(),
                                            {.servers = servers, .timeout = kWaitMax, .tries = 1});
  if (!made) return std::move(made).error();
  resolver_ = std::move(*made);
  thread_.start();
  const std::lock_guard lock(mutex_);
  open_ = true;
  return {};
}

// The resolver answers who waits, and at once who asks from then on.
void NameLookUp::stop() {
  std::unique_lock lock(mutex_);
  if (!std::exchange(open_, false)) return;
  bool stopped = false;
  thread_.loop().post([&] {
    resolver_->stop([&] {
      const std::lock_guard told(mutex_);
      stopped = true;
      changed_.notify_all();
    });
  });
  changed_.wait(lock, [&] { return stopped && asking_ == 0; });
  lock.unlock();
  thread_.stop();
  resolver_.reset();
}

bool NameLookUp::enter(bool& may_wait) {
  const std::lock_guard lock(mutex_);
  if (!open_) return false;
  ++asking_;
  may_wait = waiting_ < kWaitersMax;
  if (may_wait) ++waiting_;
  return true;
}

void NameLookUp::leave(bool waited) {
  const std::lock_guard lock(mutex_);
  --asking_;
  if (waited) --waiting_;
  changed_.notify_all();
}

std::vector<dispatch::Addresses> NameLookUp::look_up(std::span<const std::string> hosts) {
  std::vector<dispatch::Addresses> answers;
  bool may_wait = false;
  if (enter(may_wait)) {
    Batch batch(*this, hosts.first(std::min(hosts.size(), kNamesMax)));
    thread_.loop().post([&] { batch.start(may_wait); });
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return batch.is_done(); });
    }
    answers = batch.take();
    leave(may_wait);
  }
  answers.resize(hosts.size());
  return answers;
}

}  // namespace headrace::engine
