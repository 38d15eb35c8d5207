// SPDX-License-Identifier: Apache-2.0
#include "tests/store/committer_rig.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace headrace::store {

namespace {

constexpr std::uint64_t kSeed = 7;
constexpr int kQuietTurns = 4;  // a notice takes up to three turns to become work, and work to mail

Outcome outcome_of(const Delivery& delivery, const Ending& ending) {
  Outcome outcome;
  outcome.ticket = delivery.ticket;
  outcome.message = delivery.message;
  outcome.endpoint = delivery.endpoint;
  outcome.verdict = ending.verdict;
  outcome.attempt = delivery.attempts;
  if (ending.verdict != Verdict::kReturned) ++outcome.attempt;
  outcome.http_status = ending.http_status;
  outcome.next_at = ending.next_at;
  outcome.hold_until = ending.hold_until;
  outcome.blocks = ending.blocks;
  return outcome;
}

}  // namespace

CommitterRig::CommitterRig() : memory(StoreOptions{}, clock, kSeed) {
  answer_mail_.open(
      loop, [](void* self) noexcept { static_cast<CommitterRig*>(self)->collect_answers(); }, this);
  for (std::size_t i = 0; i < kShards; ++i) {
    delivery_mail_.push_back(
        std::make_unique<core::Mailbox<Delivery>>(core::limits::kDeliveryMailboxSize));
    delivery_mail_[i]->open(
        loop,
        [](void* self) noexcept {
          auto& rig = *static_cast<CommitterRig*>(self);
          for (std::size_t shard = 0; shard < kShards; ++shard) rig.collect_deliveries(shard);
        },
        this);
  }
}

CommitterRig::~CommitterRig() {
  stop();
  answer_mail_.close();
  for (auto& mail : delivery_mail_) mail->close();
  loop.run_once();
}

Result<void> CommitterRig::start() {
  Committer::Ports ports{intakes_, outcomes_, {&answer_mail_}, {}};
  for (auto& mail : delivery_mail_) ports.shards.push_back(mail.get());
  ports.listener = listener;
  ports.finish_erasures_in_place = finish_in_place;
  ports.outcomes_wait = outcomes_wait;
  ports.terms = [this](EndpointNumber endpoint) {
    const auto found = terms.find(static_cast<std::uint32_t>(endpoint));
    return found == terms.end() ? LaneTerms{} : found->second;
  };
  committer = std::make_unique<Committer>(loop, store, std::move(ports), log);
  if (before_start) before_start(*committer);
  auto started = committer->start();
  turn();
  return started;
}

void CommitterRig::stop() {
  if (!committer) return;
  committer->stop_hand_over();
  turn();
  end_all(returned());
  committer->stop();
  committer.reset();
  for (int i = 0; i < kQuietTurns; ++i) loop.run_once();
}

std::uint64_t CommitterRig::push(const std::vector<std::uint32_t>& endpoints, std::string_view body,
                                 std::uint64_t dedupe) {
  Intake intake;
  intake.payload.buffer = payloads.acquire(std::max<std::size_t>(1, body.size()));
  std::memcpy(intake.payload.buffer.data(), body.data(), body.size());
  intake.payload.body = {0, static_cast<std::uint32_t>(body.size())};
  std::vector<EndpointNumber> numbers;
  for (const std::uint32_t endpoint : endpoints) numbers.emplace_back(EndpointNumber{endpoint});
  core::BufferRef spill;
  if (numbers.size() > Targets::kInPlace) {
    spill = payloads.acquire(numbers.size() * sizeof(EndpointNumber));
  }
  intake.targets = Targets::of(numbers, spill);
  intake.received_at = clock.wall_ms();
  if (dedupe != 0) intake.dedupe_key = {1, dedupe};
  intake.link = link;
  intake.is_test = is_test;
  intake.status = endpoints.empty() ? MessageStatus::kUnmatched : MessageStatus::kRouted;
  intake.token = next_token_++;
  const std::uint64_t token = intake.token;
  EXPECT_TRUE(intake_sender_.try_push(std::move(intake)));
  intake_sender_.notify();
  return token;
}

Answer CommitterRig::accept(const std::vector<std::uint32_t>& endpoints, std::string_view body,
                            std::uint64_t dedupe) {
  const std::uint64_t token = push(endpoints, body, dedupe);
  turn();
  return answers.at(token);
}

void CommitterRig::end(Delivery delivery, const Ending& ending) {
  Outcome outcome = outcome_of(delivery, ending);
  if (ending.verdict != Verdict::kReturned) outcome.started_at = now();
  EXPECT_TRUE(outcome_sender_.try_push(std::move(outcome)));
  outcome_sender_.notify();
}

void CommitterRig::end_all(const Ending& ending) {
  for (Delivery& delivery : std::exchange(held, {})) end(std::move(delivery), ending);
}

void CommitterRig::turn() {
  const auto progress = [this] {
    const std::uint64_t groups = committer ? committer->counters().groups.value() : 0;
    return answers.size() + handed_over + groups;
  };
  std::uint64_t seen = progress();
  for (int quiet = 0; quiet < kQuietTurns; ++quiet) {
    loop.run_once();
    const std::uint64_t sees = progress();
    const bool busy = sees != seen || intakes_.size() != 0;
    seen = sees;
    if (busy) quiet = -1;
  }
}

void CommitterRig::pass(std::chrono::milliseconds by) {
  clock.advance(by);
  turn();
}

Delivery CommitterRig::take() {
  EXPECT_FALSE(held.empty());
  if (held.empty()) return {};
  Delivery first = std::move(held.front());
  held.erase(held.begin());
  return first;
}

std::vector<MessageId> CommitterRig::held_ids() const {
  std::vector<MessageId> ids;
  for (const Delivery& delivery : held) ids.push_back(delivery.message);
  return ids;
}

void CommitterRig::collect_answers() {
  std::array<Answer, 256> batch;
  for (std::size_t count = 0; (count = answer_mail_.drain(batch)) != 0;) {
    for (std::size_t i = 0; i < count; ++i) {
      const bool first = answers.emplace(batch[i].token, batch[i]).second;
      EXPECT_TRUE(first) << "an intake was answered twice";
    }
  }
}

void CommitterRig::collect_deliveries(std::size_t shard) {
  std::array<Delivery, 256> batch;
  collect_answers();
  for (std::size_t count = 0; (count = delivery_mail_[shard]->drain(batch)) != 0;) {
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(static_cast<std::uint32_t>(batch[i].endpoint) % kShards, shard);
      ++handed_over;
      if (on_delivery) on_delivery(batch[i]);
      held.push_back(std::move(batch[i]));
    }
  }
}

}  // namespace headrace::store
