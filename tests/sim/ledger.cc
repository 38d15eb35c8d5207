// SPDX-License-Identifier: Apache-2.0
// What is checked while it happens; ledger_runs.cc has what is checked between runs and at the end.
#include "tests/sim/ledger.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace headrace::sim {

using store::Acceptance;
using store::Verdict;

namespace {
constexpr std::string_view kNumberName = "\"n\":";
// What an attempt under way may outlast a change of its endpoint by.
constexpr Ns kAttemptMax = 60 * kSecond;

}  // namespace

std::uint64_t number_in(std::string_view body) {
  const std::size_t at = body.find(kNumberName);
  if (at == std::string_view::npos) return 0;
  std::uint64_t number = 0;
  const char* const begin = body.data() + at + kNumberName.size();
  std::from_chars(begin, body.data() + body.size(), number);
  return number;
}

void Ledger::fail(std::string_view check, std::string what) {
  trace_.note("FAILED");
  if (!failure_) failure_ = Failure{std::string(check), std::move(what)};
}

std::string Ledger::name_of(std::uint32_t endpoint, MessageId id) const {
  const auto found = messages_.find(id);
  const std::string number = found == messages_.end() ? "?" : std::to_string(found->second.number);
  return "message " + number + " to endpoint " + std::to_string(endpoint);
}

std::uint64_t Ledger::submit(std::vector<std::uint32_t> targets, std::size_t body_bytes,
                             std::uint64_t key) {
  const std::uint64_t number = submissions_.size() + 1;
  std::string body =
      R"({"action":"push",)" + std::string(kNumberName) + std::to_string(number) + R"(,"pad":")";
  const std::size_t begun = body.size();
  for (std::size_t i = 0; begun + i < body_bytes; ++i) {
    body.push_back(static_cast<char>('a' + (number + i * 7) % 26));
  }
  body += "\"}";
  submissions_.push_back({Submission::State::kWaits, std::move(targets), std::move(body), key});
  ++waiting_;
  trace_.note("submit", number, body_bytes, key);
  return number;
}

void Ledger::on_answer(std::uint64_t number, const Result<store::Answer>& answer) {
  Submission& submission = submissions_[number - 1];
  if (submission.state != Submission::State::kWaits) {
    return fail("one_answer", "submission " + std::to_string(number) + " was answered twice");
  }
  --waiting_;
  trace_.note("answer", number, answer ? static_cast<std::uint64_t>(answer->acceptance) : 99);
  submission.state = Submission::State::kRefused;
  if (!answer) return;
  const auto found = messages_.find(answer->id);
  if (answer->acceptance == Acceptance::kStored) {
    submission.state = Submission::State::kStored;
    if (found == messages_.end() || found->second.number != number) {
      return fail("false_ack", "submission " + std::to_string(number) +
                                   " was acknowledged and the store did not take it");
    }
    found->second.acknowledged = true;
  } else if (answer->acceptance == Acceptance::kDuplicate) {
    submission.state = Submission::State::kDuplicate;
    // One that was refused may have come to stay all the same.
    const bool of_same_key = found != messages_.end()
                                 ? this->submission(found->second.number).key == submission.key
                                 : store_failed_once_;
    if (submission.key == 0 || !of_same_key) {
      fail("false_duplicate", "submission " + std::to_string(number) + " is no duplicate");
    }
  }
}

void Ledger::add_message(MessageId id, std::uint64_t number, bool unordered) {
  messages_[id] = {number, false};
  for (const std::uint32_t target : submission(number).targets) {
    Delivery& delivery = deliveries_[{target, id}];
    delivery.unordered = unordered;
    Endpoint& endpoint = at(target);
    if (endpoint.open.empty()) endpoint.progress_at = clock_.steady_ns();
    endpoint.open.insert(id);
    ++open_;
  }
}

void Ledger::on_stored(MessageId id, std::string_view body) {
  const std::uint64_t number = number_in(body);
  trace_.note("stored", number, id.bits.high, id.bits.low);
  if (number == 0 || number > submissions_.size() || messages_.contains(id)) {
    return fail("message_ids", "the store took something that was not sent, or under an old id");
  }
  add_message(id, number, false);
}

Ledger::Delivery* Ledger::find(std::uint32_t endpoint, MessageId id) {
  const auto found = deliveries_.find({endpoint, id});
  return found == deliveries_.end() ? nullptr : &found->second;
}

void Ledger::close(const Key& key, Delivery& delivery, Fate fate) {
  delivery.fate = fate;
  Endpoint& endpoint = at(key.first);
  endpoint.open.erase(key.second);
  endpoint.progress_at = clock_.steady_ns();
  --open_;
  if (fate == Fate::kDelivered) ++delivered_;
}

void Ledger::on_outcome(const store::Outcome& outcome) {
  const auto number = static_cast<std::uint32_t>(outcome.endpoint);
  trace_.note("outcome", number, outcome.message.bits.high,
              static_cast<std::uint64_t>(outcome.verdict) * 100'000 +
                  static_cast<std::uint64_t>(outcome.error) * 1'000 + outcome.http_status);
  if (outcome.hold_until > at(number).hold_until) {
    at(number).hold_until = outcome.hold_until;
    at(number).held_at = clock_.steady_ns();
  }
  if (!is_attempt(outcome.verdict)) return;
  Delivery* delivery = find(number, outcome.message);
  const std::string name = name_of(number, outcome.message);
  if (delivery == nullptr) return fail("final_once", name + " was never to be made");
  if (delivery->fate != Fate::kOpen) return fail("final_once", name + " ended twice");
  const Key key{number, outcome.message};
  // A burial is no attempt.
  const bool buried = outcome.error == store::AttemptError::kEndpointGone;
  if (!buried) {
    if (outcome.attempt != delivery->recorded + 1) {
      return fail("attempt_numbers", name + " has attempt " + std::to_string(outcome.attempt) +
                                         " behind " + std::to_string(delivery->recorded));
    }
    const std::size_t attempts_max = at(number).attempts_max;
    const bool again = outcome.verdict == Verdict::kRetry;
    if (outcome.attempt + (again ? 1u : 0u) > attempts_max) {
      return fail("schedule", name + " is tried more often than " + std::to_string(attempts_max));
    }
    ++delivery->recorded;
    ++delivery->run_outcomes;
  }
  delivery->recorded_at = clock_.steady_ns();
  unsynced_.push_back(key);
  if (outcome.verdict == Verdict::kRetry) {
    delivery->due = outcome.next_at;
    if (delivery->overtaken) fail("order", name + " was overtaken and is tried again");
    return;
  }
  const bool delivered = outcome.verdict == Verdict::kDelivered;
  if (delivered && !delivery->succeeded) fail("false_delivery", name + " was never taken");
  close(key, *delivery, delivered ? Fate::kDelivered : Fate::kDead);
}

// What was written of a group that failed may be found when the store is opened again.
void Ledger::on_refused(const store::Group& group) {
  trace_.note("refused", group.intakes.size(), group.outcomes.size());
  store_failed_once_ = true;
  for (const store::Outcome& outcome : group.outcomes) {
    if (!is_attempt(outcome.verdict)) continue;
    refused_.insert({static_cast<std::uint32_t>(outcome.endpoint), outcome.message});
  }
}

void Ledger::on_loaded(const store::Delivery& loaded) {
  const auto number = static_cast<std::uint32_t>(loaded.endpoint);
  trace_.note("loaded", number, loaded.message.bits.high, loaded.attempts);
  if (!messages_.contains(loaded.message)) {
    // The store refused it, as it did not know better, and found it when it was opened again.
    const std::uint64_t sent = number_in(loaded.payload.body.in(loaded.payload.buffer));
    if (sent == 0 || sent > submissions_.size() ||
        submission(sent).state == Submission::State::kStored) {
      return fail("message_ids", "a message that nobody sent is to be delivered");
    }
    add_message(loaded.message, sent, true);
  }
  const Delivery* delivery = find(number, loaded.message);
  const std::string name = name_of(number, loaded.message);
  if (delivery == nullptr) return fail("final_once", name + " was never to be made");
  if (delivery->fate != Fate::kOpen) return fail("final_once", name + " is over and made again");
  if (loaded.attempts != delivery->recorded) {
    fail("attempt_numbers", name + " comes back with " + std::to_string(loaded.attempts) +
                                " attempts instead of " + std::to_string(delivery->recorded));
  }
}

void Ledger::set_endpoint(std::uint32_t number, const dispatch::EndpointSettings* settings) {
  Endpoint& endpoint = at(number);
  const Ns now = clock_.steady_ns();
  if (settings == nullptr) {
    endpoint.settings.reset();
    return;
  }
  if (endpoint.settings && endpoint.settings->held) endpoint.progress_at = now;
  endpoint.settings = *settings;
  const std::uint32_t cap =
      settings->order == dispatch::Order::kStrict ? 1 : settings->in_flight_max;
  endpoint.cap_before =
      std::max(cap, now < endpoint.cap_before_until ? std::max(endpoint.cap, endpoint.cap_before)
                                                    : endpoint.cap);
  endpoint.cap_before_until = now + kAttemptMax;
  endpoint.cap = cap;
  endpoint.attempts_max = std::max(endpoint.attempts_max, settings->retry.delays().size() + 1);
  if (settings->rate_limit) endpoint.tokens = settings->rate_limit->burst;
  endpoint.tokens_at = now;
}

void Ledger::check_rate(Endpoint& endpoint, std::uint32_t number) {
  if (!endpoint.settings || !endpoint.settings->rate_limit) return;
  const dispatch::RateLimit& limit = *endpoint.settings->rate_limit;
  const Ns now = clock_.steady_ns();
  const double passed = static_cast<double>(now - endpoint.tokens_at) / 1e9;
  endpoint.tokens = std::min<double>(limit.burst, endpoint.tokens + passed * limit.per_second);
  endpoint.tokens_at = now;
  endpoint.tokens -= 1;
  if (endpoint.tokens < -1e-3) {
    fail("rate_limit", "endpoint " + std::to_string(number) + " is called too often");
  }
}

void Ledger::on_attempt(std::uint32_t number, bool goes_on) {
  Endpoint& endpoint = at(number);
  ++endpoint.under_way;
  trace_.note("attempt", number, endpoint.under_way, goes_on ? 1 : 0);
  if (goes_on) return;
  const std::uint32_t cap = clock_.steady_ns() < endpoint.cap_before_until
                                ? std::max(endpoint.cap, endpoint.cap_before)
                                : endpoint.cap;
  if (endpoint.under_way > cap) {
    fail("in_flight", "endpoint " + std::to_string(number) + " has " +
                          std::to_string(endpoint.under_way) + " attempts under way, cap " +
                          std::to_string(cap));
  }
  check_rate(endpoint, number);
  // A look-up may put the connection of an attempt off that began before the hold.
  const bool by_name =
      endpoint.settings && endpoint.settings->url.find(".test") != std::string::npos;
  const bool set_back_since = set_back_at_ != 0 && set_back_at_ > endpoint.held_at;
  if (!by_name && endpoint.settings && endpoint.settings->held) {
    fail("held", "endpoint " + std::to_string(number) + " is called while it is paused");
  }
  if (!by_name && !set_back_since && clock_.wall_ms() < endpoint.hold_until) {
    fail("hold", "endpoint " + std::to_string(number) + " is called " +
                     std::to_string(endpoint.hold_until - clock_.wall_ms()) +
                     " ms before its hold ends");
  }
}

void Ledger::on_attempt_over(std::uint32_t number) {
  Endpoint& endpoint = at(number);
  --endpoint.under_way;
  trace_.note("attempt_over", number, endpoint.under_way);
}

void Ledger::on_request(std::uint32_t number, MessageId id, bool goes_on) {
  ++requests_;
  trace_.note("request", number, id.bits.high, goes_on ? 1 : 0);
  Delivery* delivery = find(number, id);
  const std::string name = name_of(number, id);
  if (delivery == nullptr) return fail("delivered_unasked", name + " was never to be made");
  if (delivery->fate != Fate::kOpen) return fail("delivered_again", name + " is over");
  if (goes_on) return;
  const bool set_back_since = set_back_at_ > delivery->recorded_at && set_back_at_ != 0;
  if (!set_back_since && clock_.wall_ms() < delivery->due) {
    return fail("before_due", name + " is tried " +
                                  std::to_string(delivery->due - clock_.wall_ms()) +
                                  " ms before its time");
  }
  check_order(at(number), number, *delivery, id);
}

// In a strict lane first attempts come in order of arrival; where the head blocks, whoever is
// overtaken has come to its end, though the log may not have been told yet.
void Ledger::check_order(Endpoint& endpoint, std::uint32_t number, Delivery& delivery,
                         MessageId id) {
  if (!endpoint.settings || endpoint.settings->order != dispatch::Order::kStrict) return;
  if (delivery.unordered) return;
  const std::string name = name_of(number, id);
  if (delivery.overtaken) return fail("order", name + " was overtaken");
  if (delivery.recorded == 0) {
    if (id < endpoint.last_first) return fail("order", name + " begins behind a later one");
    endpoint.last_first = id;
  }
  if (endpoint.settings->head_of_line != dispatch::HeadOfLine::kBlock) return;
  for (const MessageId before : endpoint.open) {
    if (!(before < id)) break;
    Delivery& other = deliveries_.at({number, before});
    if (!other.unordered) other.overtaken = true;
  }
}

void Ledger::on_receipt(std::uint32_t number, MessageId id, std::string_view body, bool unseen) {
  trace_.note("receipt", number, id.bits.high, body.size());
  const auto message = messages_.find(id);
  Delivery* delivery = find(number, id);
  if (message == messages_.end() || delivery == nullptr) {
    return fail("delivered_unasked", name_of(number, id) + " was never to be made");
  }
  if (body != submission(message->second.number).body) {
    return fail("exact_bytes", name_of(number, id) + " arrives with other bytes");
  }
  ++delivery->receipts;
  ++delivery->run_receipts;
  if (unseen) on_receipt_unseen(number, id);
}

void Ledger::on_receipt_unseen(std::uint32_t number, MessageId id) {
  Delivery* delivery = find(number, id);
  if (delivery == nullptr || delivery->run_receipts == 0) return;
  ++delivery->excused;
  --delivery->run_receipts;
}

void Ledger::on_success(std::uint32_t number, MessageId id) {
  if (Delivery* delivery = find(number, id)) delivery->succeeded = true;
}

}  // namespace headrace::sim
