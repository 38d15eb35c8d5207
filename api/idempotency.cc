// SPDX-License-Identifier: Apache-2.0
#include "api/idempotency.h"

#include <utility>

namespace headrace::api {
namespace {

bool is_remembered(int status) noexcept {
  if (status == 401 || status == 403) return false;
  return (status >= 200 && status < 300) || (status >= 400 && status < 500);
}

}  // namespace

Idempotency::Answer Idempotency::begin(const std::string& key, std::string_view request) {
  const std::lock_guard lock(mutex_);
  expire();
  const auto [it, is_new] = entries_.try_emplace(key);
  Entry& entry = it->second;
  if (is_new) {
    entry.request = request;
    return {Verdict::kRun};
  }
  if (entry.request != request) return {Verdict::kMismatch};
  if (entry.is_running) return {Verdict::kRunning};
  if (entry.is_withheld) return {Verdict::kWithheld};
  return {Verdict::kReplay, entry.reply};
}

void Idempotency::finish(const std::string& key, const Reply& reply, bool is_secret) {
  const std::lock_guard lock(mutex_);
  const auto it = entries_.find(key);
  if (it == entries_.end() || !it->second.is_running) return;
  if (!is_remembered(reply.status)) {
    entries_.erase(it);
    return;
  }
  Entry& entry = it->second;
  entry.is_running = false;
  entry.is_withheld = is_secret && reply.status < 300;
  if (!entry.is_withheld) entry.reply = reply;
  entry.expires_at = now_ms() + static_cast<std::uint64_t>(limits_.window.count());
  entry.age = by_age_.insert(by_age_.end(), key);
  bytes_ += bytes_of(key, entry);
  while (!by_age_.empty() && (by_age_.size() > limits_.answers_max || bytes_ > limits_.bytes_max))
    forget_oldest();
}

std::size_t Idempotency::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

std::size_t Idempotency::bytes_of(const std::string& key, const Entry& entry) noexcept {
  return 2 * key.size() + entry.request.size() + entry.reply.body.size() +
         entry.reply.extra_lines.size() + sizeof(Entry);
}

void Idempotency::forget_oldest() {
  const auto it = entries_.find(by_age_.front());
  bytes_ -= bytes_of(it->first, it->second);
  by_age_.pop_front();
  entries_.erase(it);
}

// All live equally long, so the oldest goes first.
void Idempotency::expire() {
  const std::uint64_t now = now_ms();
  while (!by_age_.empty() && entries_.at(by_age_.front()).expires_at <= now) forget_oldest();
}

}  // namespace headrace::api
