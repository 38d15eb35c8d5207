// SPDX-License-Identifier: Apache-2.0
// What is checked between two runs and at the end.
#include <algorithm>
#include <utility>

#include "tests/sim/ledger.h"

namespace headrace::sim {

using store::Verdict;

namespace {
constexpr Ns kProgressWithin = 60 * kSecond;
constexpr std::size_t kNamedMax = 3;
}  // namespace

void Ledger::end_run() {
  for (Submission& submission : submissions_) {
    if (submission.state != Submission::State::kWaits) continue;
    submission.state = Submission::State::kUnknown;
    --waiting_;
  }
  for (auto& [key, delivery] : deliveries_) {
    // What was under way at the end is made again.
    if (delivery.run_receipts > delivery.run_outcomes) {
      delivery.excused += delivery.run_receipts - delivery.run_outcomes;
    }
    delivery.run_receipts = delivery.run_outcomes = 0;
  }
}

// Reads from the store how far a delivery came whose last outcomes may be lost.
void Ledger::settle(const Key& key, Delivery& delivery, const store::EventStore& store) {
  const auto attempts = store.list_attempts(core::EndpointNumber{key.first}, key.second);
  if (!attempts) return fail("readable", "attempts cannot be read: " + attempts.error().what);
  const bool buried =
      !attempts->empty() && attempts->back().error == store::AttemptError::kEndpointGone;
  const auto count = static_cast<std::uint32_t>(attempts->size() - (buried ? 1 : 0));
  if (count > delivery.recorded + (refused_.contains(key) ? 1 : 0)) {
    return fail("attempt_record", name_of(key.first, key.second) + " has records of no attempt");
  }
  if (count < delivery.recorded) delivery.excused += delivery.recorded - count;
  delivery.recorded = count;
  Fate fate = Fate::kOpen;
  if (!attempts->empty() && attempts->back().verdict == Verdict::kDelivered)
    fate = Fate::kDelivered;
  if (!attempts->empty() && attempts->back().verdict == Verdict::kDead) fate = Fate::kDead;
  delivery.due = attempts->empty() ? 0 : attempts->back().next_at;
  if (fate == delivery.fate) return;
  if (delivery.fate == Fate::kOpen && fate != Fate::kOpen) {
    if (refused_.contains(key)) return close(key, delivery, fate);
    return fail("final_once", name_of(key.first, key.second) + " ended without an outcome");
  }
  if (delivery.fate == Fate::kDelivered) --delivered_;
  delivery.fate = Fate::kOpen;
  delivery.overtaken = false;
  ++open_;
  at(key.first).open.insert(key.second);
}

void Ledger::begin_run(const store::EventStore& store, bool power_cut) {
  std::sort(unsynced_.begin(), unsynced_.end());
  unsynced_.erase(std::unique(unsynced_.begin(), unsynced_.end()), unsynced_.end());
  if (!power_cut) unsynced_.clear();
  unsynced_.insert(unsynced_.end(), refused_.begin(), refused_.end());
  for (const Key& key : unsynced_) settle(key, deliveries_.at(key), store);
  unsynced_.clear();
  refused_.clear();
  for (const auto& [id, message] : messages_) check_message(id, message, store);
  for (auto& [number, endpoint] : endpoints_) {
    endpoint.under_way = 0;
    endpoint.last_first = {};
    endpoint.hold_until = 0;  // holds do not outlive a process
    endpoint.progress_at = clock_.steady_ns();
    if (endpoint.settings && endpoint.settings->rate_limit) {
      endpoint.tokens = endpoint.settings->rate_limit->burst;  // buckets are full at the start
    }
    for (const MessageId id : endpoint.open) {
      Delivery& delivery = deliveries_.at({number, id});
      delivery.overtaken = false;
      // Holds do not outlive a process.
      if (delivery.recorded != 0) delivery.unordered = true;
    }
  }
}

void Ledger::check_message(MessageId id, const Message& message, const store::EventStore& store) {
  if (store.find_message(id)) return;
  fail("no_lost_message", "message " + std::to_string(message.number) +
                              (message.acknowledged ? ", which was acknowledged," : "") +
                              " is gone");
}

void Ledger::check_progress() {
  const Ns now = clock_.steady_ns();
  for (auto& [number, endpoint] : endpoints_) {
    if (!endpoint.reliable || endpoint.open.empty()) continue;
    // A network that is slower than its time limit makes it look unreachable.
    if (clock_.wall_ms() < endpoint.hold_until) endpoint.progress_at = now;
    if (endpoint.settings && endpoint.settings->held) continue;
    if (now - endpoint.progress_at < kProgressWithin) continue;
    fail("progress", "endpoint " + std::to_string(number) +
                         ", which is well, got nothing for a minute though " +
                         std::to_string(endpoint.open.size()) + " wait");
  }
}

std::string Ledger::describe_open() const {
  std::string text;
  std::size_t named = 0;
  for (const auto& [key, delivery] : deliveries_) {
    if (delivery.fate != Fate::kOpen || ++named > kNamedMax) continue;
    text += name_of(key.first, key.second) + " (attempts " + std::to_string(delivery.recorded) +
            ", due in " +
            std::to_string(static_cast<std::int64_t>(delivery.due) -
                           static_cast<std::int64_t>(clock_.wall_ms())) +
            " ms); ";
  }
  return std::to_string(open_) + " deliveries, " + std::to_string(waiting_) +
         " submissions are open: " + text;
}

void Ledger::check_delivery(const Key& key, const Delivery& delivery,
                            const store::EventStore& store) {
  const auto attempts = store.list_attempts(core::EndpointNumber{key.first}, key.second);
  const std::string name = name_of(key.first, key.second);
  if (!attempts) return fail("readable", "attempts cannot be read: " + attempts.error().what);
  std::uint32_t count = 0;
  for (const store::AttemptRecord& attempt : *attempts) {
    if (attempt.error == store::AttemptError::kEndpointGone) continue;
    if (attempt.attempt != ++count) return fail("attempt_record", name + " has a gap in it");
  }
  if (count != delivery.recorded) {
    return fail("attempt_record", name + " has " + std::to_string(count) + " records of " +
                                      std::to_string(delivery.recorded) + " attempts");
  }
  if (delivery.receipts > count + delivery.excused) {
    fail("attempt_record", name + " was seen " + std::to_string(delivery.receipts) +
                               " times and has " + std::to_string(count) + " records");
  }
}

void Ledger::check_end(store::EventStore& store) {
  for (const auto& [id, message] : messages_) {
    check_message(id, message, store);
    const auto content = store.read_message(id);
    const std::string name = "message " + std::to_string(message.number);
    if (!content) return fail("readable", name + " cannot be read: " + content.error().what);
    if (content->body != submission(message.number).body)
      return fail("exact_bytes", name + " is stored otherwise");
  }
  for (const auto& [key, delivery] : deliveries_) check_delivery(key, delivery, store);
  const auto pending = store.pending_endpoints();
  if (!pending) return fail("readable", "what is pending cannot be read");
  if (!pending->empty()) fail("pending_left", "entries are left of what is over");
}

}  // namespace headrace::sim
