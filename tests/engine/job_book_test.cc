// SPDX-License-Identifier: Apache-2.0
#include "engine/job_book.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

#include "core/limits.h"
#include "store/memory_store.h"
#include "tests/support/faulty_store.h"
#include "tests/support/manual_clock.h"

namespace headrace::engine {
namespace {

namespace limits = core::limits;
using Stage = JobDefinition::Stage;

constexpr core::WallMs kNow = test::ManualClock::kStart;
constexpr core::WallMs kDay = 86'400'000;

JobDefinition a_job(std::string workspace = "home") {
  JobDefinition job;
  job.workspace = std::move(workspace);
  return job;
}

class JobBookTest : public testing::Test {
 protected:
  JobBookTest() { EXPECT_TRUE(load(book)); }

  Result<void> load(JobBook& to, core::WallMs now = kNow) {
    return to.load([](const std::string& workspace) { return workspace != "gone"; }, now);
  }
  JobId add(std::string workspace = "home") {
    auto job = book.add(a_job(std::move(workspace)), kNow);
    EXPECT_TRUE(job);
    return job ? job->id : JobId{};
  }
  void end(JobId id, core::WallMs at) {
    EXPECT_TRUE(book.note(
        id,
        [at](JobDefinition& job) {
          job.stage = Stage::kDone;
          job.ended_at = at;
        },
        true));
  }
  std::vector<JobId> ids(const JobFilter& filter = {}, std::string_view workspace = "home") {
    std::vector<JobId> all;
    const auto page = book.list(workspace, filter);
    EXPECT_TRUE(page);
    if (page) {
      for (const JobDefinition& job : page->items) all.push_back(job.id);
    }
    return all;
  }

  test::ManualClock clock;
  store::MemoryStore memory{store::StoreOptions{}, clock, 1};
  test::FaultyStore store{memory};
  AuditBook audit{store, clock, {}};
  JobBook book{store, audit, std::chrono::hours(24)};
};

TEST_F(JobBookTest, KeepsAJobOverARestart) {
  JobDefinition job = a_job();
  job.kind = JobKind::kErasure;
  job.payload = R"({"$Event{a}": 1})";
  job.filter.app = "github";
  job.filter.http_status = std::uint16_t{0};
  job.filter.since = UnixMs{0};
  const auto added = book.add(job, kNow);
  ASSERT_TRUE(added);
  JobBook later(store, audit, std::chrono::hours(24));
  ASSERT_TRUE(load(later));
  const auto found = later.find("home", added->id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->to_json(), added->to_json());
  EXPECT_EQ(found->filter.http_status, std::uint16_t{0});
  EXPECT_EQ(found->filter.since, UnixMs{0});
  EXPECT_EQ(later.under_way(), std::vector{added->id});
}

TEST_F(JobBookTest, IdsGrowAlsoWhenTheClockGoesBack) {
  const auto a = book.add(a_job(), kNow);
  const auto b = book.add(a_job(), kNow - 5000);
  const auto c = book.add(a_job(), kNow);
  ASSERT_TRUE(a && b && c);
  EXPECT_LT(a->id, b->id);
  EXPECT_LT(b->id, c->id);
}

TEST_F(JobBookTest, ListsNewestFirstInPagesAndByKindAndState) {
  std::vector<JobId> all;
  for (int i = 0; i < 5; ++i) all.insert(all.begin(), add());
  add("elsewhere");
  end(all[1], kNow);
  EXPECT_EQ(ids(), all);
  JobFilter filter;
  filter.state = JobState::kDone;
  EXPECT_EQ(ids(filter), std::vector{all[1]});
  filter = {};
  filter.kind = JobKind::kErasure;
  EXPECT_TRUE(ids(filter).empty());
  filter = {};
  filter.page.count_max = 2;
  std::vector<JobId> seen;
  do {
    const auto page = book.list("home", filter);
    ASSERT_TRUE(page);
    for (const JobDefinition& job : page->items) seen.push_back(job.id);
    filter.page.cursor = page->next;
    add();  // shifts nothing
  } while (!filter.page.cursor.empty());
  EXPECT_EQ(seen, all);
  filter.page.cursor = "nonsense";
  EXPECT_EQ(book.list("home", filter).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(JobBookTest, OnlySoManyAreUnderWay) {
  std::vector<JobId> all;
  for (std::size_t i = 0; i < limits::kJobsUnderWayMax; ++i) all.push_back(add());
  EXPECT_EQ(book.add(a_job(), kNow).error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(book.add(a_job("elsewhere"), kNow));
  end(all.front(), kNow);
  EXPECT_TRUE(book.add(a_job(), kNow));
}

TEST_F(JobBookTest, ForgetsWhatIsOverAndTooOldOrTooMany) {
  std::vector<JobId> all;
  for (std::size_t i = 0; i < limits::kJobsKeptMax + 3; ++i) {
    all.push_back(add());
    end(all.back(), kNow);
  }
  const JobId open = add();
  ASSERT_TRUE(book.forget_old(kNow));
  EXPECT_EQ(ids({.page = {.count_max = 1000}}).size(), limits::kJobsKeptMax + 1);
  EXPECT_FALSE(book.find(all[2]));
  EXPECT_TRUE(book.find(all[3]));
  ASSERT_TRUE(book.forget_old(kNow + kDay + 1));
  EXPECT_EQ(ids(), std::vector{open});
  JobBook later(store, audit, std::chrono::hours(24));
  ASSERT_TRUE(load(later));
  EXPECT_FALSE(later.find(all[3]));
}

TEST_F(JobBookTest, ForgetsTheJobsOfAWorkspaceThatIsGone) {
  const JobId gone = add("gone");
  const JobId home = add();
  JobBook later(store, audit, std::chrono::hours(24));
  ASSERT_TRUE(load(later));
  EXPECT_FALSE(later.find(gone));
  EXPECT_TRUE(later.find(home));
  ASSERT_TRUE(later.forget_workspace("home"));
  EXPECT_FALSE(later.find(home));
}

TEST_F(JobBookTest, ChangeThatCannotBeWrittenIsNone) {
  const JobId id = add();
  store.faults.change_definitions = true;
  EXPECT_FALSE(book.add(a_job(), kNow));
  const auto pause = [](JobDefinition& job) {
    job.is_paused = true;
    return Result<void>();
  };
  EXPECT_FALSE(book.change("home", id, pause));
  EXPECT_FALSE(book.find(id)->is_paused);
  EXPECT_FALSE(book.note(
      id, [](JobDefinition& job) { job.done = 7; }, true));
  EXPECT_EQ(book.find(id)->done, 7u) << "how far it is, is known all the same";
  EXPECT_EQ(ids(), std::vector{id});
}

TEST_F(JobBookTest, NothingIsNotedOfAJobThatIsOver) {
  const JobId id = add();
  end(id, kNow);
  EXPECT_TRUE(book.note(
      id, [](JobDefinition& job) { job.done = 7; }, false));
  EXPECT_EQ(book.find(id)->done, 0u);
}

TEST_F(JobBookTest, RefusesWhatTheDiskMadeOfAJob) {
  for (
      const char* text :
      {"", "[]", "{}", R"({"id":"job_0000000000000000000001"})",
       R"({"id":"job_0000000000000000000001","workspace":"w","kind":1,"stage":9})",
       R"({"id":"job_0000000000000000000001","workspace":"w","kind":7,"stage":1})",
       R"({"id":"job_0000000000000000000001","workspace":"w","kind":1,"stage":1,"message_state":9})",
       R"({"id":"msg_0000000000000000000001","workspace":"w","kind":1,"stage":1})"}) {
    EXPECT_EQ(JobDefinition::from_json(text).error().code, ErrorCode::kCorrupted) << text;
  }
  const store::DefinitionChange change{"job/home/job_0000000000000000000001", "{}"};
  ASSERT_TRUE(memory.change_definitions({&change, 1}));
  JobBook later(store, audit, std::chrono::hours(24));
  EXPECT_EQ(load(later).error().code, ErrorCode::kCorrupted);
}

// Frozen: what is on a disk is read by every later version.
TEST(JobDefinitionTest, IsWrittenAsItAlwaysWas) {
  JobDefinition job;
  job.id = JobId{{1, 2}};
  job.workspace = "home";
  job.kind = JobKind::kReplay;
  job.filter.message = MessageId{{3, 4}};
  job.filter.link = LinkId{{0, 5}};
  job.filter.endpoint = EndpointId{{0, 6}};
  job.filter.app = "a";
  job.filter.webhook = "w";
  job.filter.env = "prd";
  job.filter.product = "p";
  job.filter.event = "w:e";
  job.filter.message_state = MessageState::kUnmatched;
  job.filter.delivery_state = DeliveryState::kDead;
  job.filter.error = "any";
  job.filter.http_status = std::uint16_t{500};
  job.filter.since = UnixMs{7};
  job.filter.until = UnixMs{8};
  job.to = EndpointId{{0, 9}};
  job.per_second = 10;
  job.payload = "{}";
  job.is_dry_run = true;
  job.created_at = 11;
  job.stage = Stage::kRunning;
  job.is_counted = true;
  job.is_paused = true;
  job.cursor = "c";
  job.total = 12;
  job.scanned = 13;
  job.done = 14;
  job.skipped = 15;
  job.failed = 16;
  job.error = "e";
  job.ended_at = 17;
  const std::string text = job.to_json();
  EXPECT_EQ(
      text,
      R"({"id":"job_00000000000LygHa16AHYI","workspace":"home","kind":1,)"
      R"("message":"msg_000000000013w2qk3IUqeq","link":"lnk_0000000000000000000005",)"
      R"("endpoint":"ep_0000000000000000000006","app":"a","webhook":"w","env":"prd","product":"p",)"
      R"("event":"w:e","message_state":1,"delivery_state":3,"error_class":"any","http_status":500,)"
      R"("since":7,"until":8,"to":"ep_0000000000000000000009","per_second":10,"payload":"{}",)"
      R"("is_dry_run":true,"created_at":11,"stage":2,"is_counted":true,"is_paused":true,)"
      R"("cursor":"c","total":12,"scanned":13,"done":14,"skipped":15,"failed":16,"error":"e",)"
      R"("ended_at":17})");
  const auto read = JobDefinition::from_json(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->to_json(), text);
}

TEST(JobDefinitionTest, IsNeverOfWhatWasAcceptedLater) {
  EXPECT_TRUE(rc::check("the bound is the job's or the filter's, whichever is earlier", [] {
    JobDefinition job;
    job.created_at = *rc::gen::inRange<core::WallMs>(0, 1000);
    if (*rc::gen::arbitrary<bool>()) job.filter.until = *rc::gen::inRange<UnixMs>(0, 1000);
    const auto until = job.bounded_filter().until;
    RC_ASSERT(until.has_value());
    RC_ASSERT(*until <= job.created_at + 1);
    RC_ASSERT(!job.filter.until || *until <= *job.filter.until);
  }));
}

}  // namespace
}  // namespace headrace::engine
