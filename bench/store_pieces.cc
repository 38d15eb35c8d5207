// SPDX-License-Identifier: Apache-2.0
// Records of the message log, and groups of 64 messages of 7 KB on their way into the store.
#include <rocksdb/version.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "bench/instructions.h"
#include "bench/sample_messages.h"
#include "bench/scratch_directory.h"
#include "core/buffer.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/mailbox.h"
#include "store/committer.h"
#include "store/log_record.h"
#include "store/message_ids.h"
#include "store/message_log.h"
#include "store/rocks_store.h"

namespace headrace::bench {
namespace {

constexpr std::size_t kGroup = 64;
constexpr std::uint32_t kEndpoints = 8;
constexpr std::uint64_t kSegmentBytes = std::uint64_t{128} << 20;

// The messages of a group, the same in every one, and their outcomes.
class GroupOfMessages {
 public:
  GroupOfMessages() {
    for (std::uint32_t i = 0; i < kGroup; ++i) {
      store::Intake intake;
      intake.payload.buffer = pool_.acquire(kUsualFields.size() + kUsualBodyBytes);
      std::fill_n(std::copy(kUsualFields.begin(), kUsualFields.end(), intake.payload.buffer.data()),
                  kUsualBodyBytes, static_cast<char>('a' + i % 26));
      intake.payload.headers = {0, kUsualFields.size()};
      intake.payload.body = {kUsualFields.size(), kUsualBodyBytes};
      const core::EndpointNumber endpoint{i % kEndpoints + 1};
      intake.targets = store::Targets::of({&endpoint, 1}, {});
      intake.received_at = StandingClock::kNow;
      intake.link = core::LinkNumber{i % kEndpoints + 1};
      intake.event = core::EventNumber{7};
      intake.status = store::MessageStatus::kRouted;
      group.intakes.push_back(std::move(intake));
    }
    response_ = pool_.acquire(kUsualResponse.size());
    kUsualResponse.copy(response_.data(), kUsualResponse.size());
  }

  // That all of what was placed was delivered.
  void deliver_all() {
    group.outcomes.clear();
    for (std::size_t i = 0; i < kGroup; ++i) {
      group.outcomes.push_back(outcome_of(group.placed[i], group.intakes[i].targets.list()[0]));
    }
  }
  store::Outcome outcome_of(const store::Placed& placed, core::EndpointNumber endpoint) const {
    store::Outcome outcome;
    outcome.ticket.position = placed.position;
    outcome.message = placed.id;
    outcome.endpoint = endpoint;
    outcome.verdict = store::Verdict::kDelivered;
    outcome.attempt = 1;
    outcome.http_status = 200;
    outcome.started_at = StandingClock::kNow;
    outcome.duration_us = 1234;
    outcome.response = response_;
    outcome.response_head = {0, kUsualResponse.size() - 17};
    outcome.response_body = {kUsualResponse.size() - 15, 15};
    return outcome;
  }

 private:
  core::BufferPool pool_{4 << 20};
  core::BufferRef response_;

 public:
  store::Group group;  // gone before its buffers' pool
};

void count_records() {
  const GroupOfMessages messages;
  const store::Intake& intake = messages.group.intakes.front();
  const MessageId id{{1, 1}};
  std::array<char, 4096> bytes;
  // With the checksum over the 7 KB of its payload, which is not copied.
  count_instructions("store.encode_message", 500, [&](std::uint64_t times) {
    for (; times != 0; --times) {
      keep(store::encode_intake_head(intake, id, store::LogPosition{1}, times, bytes.data()));
    }
  });
  const store::Outcome outcome =
      messages.outcome_of({store::Acceptance::kStored, id, {}}, core::EndpointNumber{1});
  count_instructions("store.encode_attempt", 2000, [&](std::uint64_t times) {
    for (; times != 0; --times) {
      keep(store::encode_outcome(outcome, store::LogPosition{1}, times, bytes.data()));
    }
  });
}

class IgnoringVisitor final : public store::LogVisitor {
 public:
  Result<void> on_intake(store::LogPosition, const store::IntakeRecord&,
                         std::string_view) override {
    return {};
  }
  Result<void> on_outcome(store::LogPosition, const store::OutcomeRecord&) override { return {}; }
  Result<void> on_reopening(store::LogPosition, const store::ReopeningRecord&) override {
    return {};
  }
};

// Not synced: that is the kernel's work, and waits for the disk.
void count_log() {
  const ScratchDirectory directory;
  IgnoringVisitor visitor;
  store::LogOptions options;
  options.files = &store::posix_file_system();
  options.directory = directory.path();
  options.segment_bytes = kSegmentBytes;
  options.sync = false;
  const auto log = store::MessageLog::open(options, store::LogPosition{}, visitor).value();
  GroupOfMessages messages;
  store::MessageIds ids(1);
  messages.group.placed.resize(kGroup);
  count_instructions("store.log_a_message", 16 * kGroup, [&](std::uint64_t times) {
    store::Group& group = messages.group;
    for (std::uint64_t done = 0; done < times; done += kGroup) {
      for (store::Placed& placed : group.placed) {
        placed = {
            store::Acceptance::kStored, ids.next(StandingClock::kNow, core::LinkNumber{1}), {}};
      }
      HEADRACE_CHECK(log->append(group.intakes, group.placed, group.outcomes).has_value());
    }
  });
}

// A message and its attempt, logged and indexed. Small enough for nothing to be flushed meanwhile.
void count_store() {
  const ScratchDirectory directory;
  const StandingClock clock;
  core::NullLogSink log;
  store::StoreOptions options;
  options.directory = directory.path();
  options.durability = store::Durability::kOs;
  options.disk_reserve_bytes = 0;
  options.segment_bytes = kSegmentBytes;
  const auto rocks = store::RocksStore::open(options, clock, 1, log).value();
  GroupOfMessages messages;
  count_instructions("store.commit_a_message", 16 * kGroup, [&](std::uint64_t times) {
    store::Group& group = messages.group;
    for (std::uint64_t done = 0; done < times; done += kGroup) {
      HEADRACE_CHECK(rocks->append(group).has_value());
      group.low_water = rocks->end();
      HEADRACE_CHECK(rocks->apply(group).has_value());
      messages.deliver_all();
    }
  });
}

// The store's loop with an ingest loop and a shard of nothing but mailboxes: a group of messages
// comes with the outcomes of the one before, is made durable, answered and handed over.
class Committing {
 public:
  Committing() {
    answers_.open(loop_, &Committing::on_mail, this);
    deliveries_.open(loop_, &Committing::on_mail, this);
    HEADRACE_CHECK(committer_.start().has_value());
  }
  ~Committing() {
    committer_.stop();
    answers_.close();
    deliveries_.close();
    loop_.stop();
    loop_.run();
  }

  void commit(std::uint64_t count) {
    left_ = count;
    send_group();
    loop_.run();
  }

 private:
  static void on_mail(void* self) noexcept { static_cast<Committing*>(self)->take(); }

  void send_group() noexcept {
    for (const store::Intake& intake : messages_.group.intakes) {
      HEADRACE_CHECK(intakes_sender_.try_push(store::Intake(intake)));
    }
    intakes_sender_.notify();
  }
  void take() noexcept {
    std::array<store::Answer, kGroup> answers;
    answered_ += answers_.drain(answers);
    std::array<store::Delivery, kGroup> deliveries;
    const std::size_t count = deliveries_.drain(deliveries);
    for (std::size_t i = 0; i < count; ++i) {
      const store::Delivery& delivery = deliveries[i];
      store::Outcome outcome = messages_.outcome_of(
          {store::Acceptance::kStored, delivery.message, {}}, delivery.endpoint);
      outcome.ticket = delivery.ticket;
      HEADRACE_CHECK(outcomes_sender_.try_push(std::move(outcome)));
    }
    handed_over_ += count;
    if (answered_ != kGroup || handed_over_ != kGroup) return;
    answered_ = handed_over_ = 0;
    outcomes_sender_.notify();
    left_ -= kGroup;
    if (left_ == 0) return loop_.stop();
    send_group();
  }

  static std::unique_ptr<store::EventStore> open(const std::string& directory,
                                                 const core::Clock& clock, core::LogSink& log) {
    store::StoreOptions options;
    options.directory = directory;
    options.durability = store::Durability::kOs;
    options.disk_reserve_bytes = 0;
    options.segment_bytes = kSegmentBytes;
    return store::RocksStore::open(options, clock, 1, log).value();
  }

  const ScratchDirectory directory_;
  StandingClock clock_;
  core::NullLogSink log_;
  core::Loop loop_{clock_};
  GroupOfMessages messages_;
  core::Mailbox<store::Intake> intakes_{core::limits::kIntakeQueueMax};
  core::Mailbox<store::Outcome> outcomes_{core::limits::kOutcomeMailboxSize};
  core::Mailbox<store::Answer> answers_{core::limits::kAnswerMailboxSize};
  core::Mailbox<store::Delivery> deliveries_{core::limits::kDeliveryMailboxSize};
  core::Mailbox<store::Intake>::Sender intakes_sender_{intakes_};
  core::Mailbox<store::Outcome>::Sender outcomes_sender_{outcomes_};
  const std::unique_ptr<store::EventStore> store_{open(directory_.path(), clock_, log_)};
  store::Committer committer_{loop_,
                              *store_,
                              {.intakes = intakes_,
                               .outcomes = outcomes_,
                               .origins = {&answers_},
                               .shards = {&deliveries_},
                               .finish_erasures_in_place = true},
                              log_};
  std::uint64_t left_ = 0;
  std::size_t answered_ = 0;
  std::size_t handed_over_ = 0;
};

void count_committer() {
  Committing committing;
  count_instructions("store.committer", 16 * kGroup,
                     [&](std::uint64_t times) { committing.commit(times); });
}

}  // namespace

const char* store_library_version() noexcept {
#define HEADRACE_TEXT(x) #x
#define HEADRACE_TEXT_OF(x) HEADRACE_TEXT(x)
  return HEADRACE_TEXT_OF(ROCKSDB_MAJOR) "." HEADRACE_TEXT_OF(ROCKSDB_MINOR) "." HEADRACE_TEXT_OF(
      ROCKSDB_PATCH);
}

void count_store_pieces() {
  count_records();
  count_log();
  count_store();
  count_committer();
}

}  // namespace headrace::bench
