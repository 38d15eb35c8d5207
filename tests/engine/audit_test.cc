// SPDX-License-Identifier: Apache-2.0
// That no change is without its entry and no entry without its change, that entries give nothing
// away, and that the log costs what is asked of it.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "core/encoding.h"
#include "core/hmac.h"
#include "engine/audit_actor.h"
#include "engine/audit_book.h"
#include "engine/audit_record.h"
#include "engine/definitions.h"
#include "tests/engine/registry_rig.h"

namespace headrace::test {
namespace {

using engine::AuditBook;
using engine::AuditDraft;
using engine::KeyDefinition;
using Json = nlohmann::json;
using std::chrono::hours;
using std::chrono::milliseconds;

const Actor kOperator{
    .kind = ActorKind::kOperator, .key = {}, .address = "192.0.2.7", .request_id = "req_1"};

class AuditTest : public RegistryTest {
 protected:
  std::vector<AuditEntry> entries(const AuditFilter& filter = {},
                                  std::string_view workspace = kWorkspace) const {
    return made(registry->audit(workspace, filter)).items;
  }
  // "create webhook github/repo" of each, newest first.
  std::string told(const AuditFilter& filter = {}, std::string_view workspace = kWorkspace) const {
    std::string all;
    for (const AuditEntry& entry : entries(filter, workspace))
      all += entry.action + ' ' + entry.kind + ' ' + entry.name + '\n';
    return all;
  }
  AuditEntry last() const { return entries().front(); }
};

// --- What is recorded

TEST_F(AuditTest, ChangeIsRecordedWithWhoAndWhenAndFromWhere) {
  clock.advance(milliseconds(5));
  {
    const ActingAs acting(kOperator);
    webhook();
  }
  const AuditEntry entry = entries({.kind = "webhook", .name = "github/repo"}).front();
  EXPECT_EQ(entry.at, clock.wall_ms());
  EXPECT_EQ(entry.actor.kind, ActorKind::kOperator);
  EXPECT_EQ(entry.actor.address, "192.0.2.7");
  EXPECT_EQ(entry.actor.request_id, "req_1");
  EXPECT_EQ(entry.action, "create");
  EXPECT_EQ(entry.before, "");
  EXPECT_EQ(Json::parse(entry.after)["tag"], "repo");
  EXPECT_TRUE(entry.changed.empty());
}

TEST_F(AuditTest, InnermostActorCountsAndTheHostWhereNobodySaysAnything) {
  const Actor key{.kind = ActorKind::kKey, .key = KeyId{{1, 2}}, .address = {}, .request_id = {}};
  webhook("host", "repo");
  {
    const ActingAs outer(kOperator);
    {
      const ActingAs inner(key);
      webhook("key", "repo");
    }
    webhook("operator", "repo");
  }
  EXPECT_EQ(entries({.name = "host/repo"}).front().actor.kind, ActorKind::kHost);
  EXPECT_EQ(entries({.name = "key/repo"}).front().actor.key, key.key);
  EXPECT_EQ(entries({.name = "operator/repo"}).front().actor.kind, ActorKind::kOperator);
}

TEST_F(AuditTest, EngineSaysWhatItDoesItself) {
  for (const AuditEntry& entry : entries()) EXPECT_EQ(entry.actor.kind, ActorKind::kEngine);
  EXPECT_FALSE(entries().empty()) << "it made the system webhook";
  webhook();
  const Endpoint one = endpoint();
  const auto number = made(registry->endpoint_number(kWorkspace, one.id));
  clock.advance(hours(1));
  const ActingAs acting(kOperator);  // the thread that it happens on is not who does it
  ASSERT_TRUE(made(registry->disable_endpoint(
      {.endpoint = number, .reason = StateReason::kGone, .began_at = clock.wall_ms()})));
  const AuditEntry entry = last();
  EXPECT_EQ(entry.actor.kind, ActorKind::kEngine);
  EXPECT_EQ(entry.action, "set_state");
  EXPECT_EQ(entry.object, one.id.to_string());
  EXPECT_EQ(Json::parse(entry.before), (Json{{"state", "active"}}));
  EXPECT_EQ(Json::parse(entry.after), (Json{{"state", "disabled"}, {"state_reason", "gone"}}));
}

TEST_F(AuditTest, UpdateTellsTheMembersThatChanged) {
  webhook();
  const Endpoint one = endpoint();
  EndpointSettings settings;
  settings.method = "PUT";
  made(registry->update_endpoint(kWorkspace, one.id, settings, {}));
  const AuditEntry entry = last();
  EXPECT_EQ(entry.action, "update");
  EXPECT_EQ(entry.name, "github/repo/prd/shop");
  EXPECT_EQ(entry.changed, std::vector<std::string>{"method"});
  EXPECT_EQ(Json::parse(entry.before), (Json{{"method", "POST"}}));
  EXPECT_EQ(Json::parse(entry.after), (Json{{"method", "PUT"}}));
}

TEST_F(AuditTest, KeysAreRecordedWhenMadeAndRevokedButNotWhenUsed) {
  const NewKey key = made(registry->create_key(kWorkspace, {.name = "ci", .scopes = 5}));
  const AuditEntry made_entry = last();
  EXPECT_EQ(made_entry.object, key.key.id.to_string());
  EXPECT_EQ(Json::parse(made_entry.after), (Json{{"name", "ci"}, {"scopes", {"read", "replay"}}}));
  const std::size_t count = entries().size();
  made(registry->authenticate(key.secret));
  EXPECT_EQ(entries().size(), count);
  done(registry->revoke_key(kWorkspace, key.key.id));
  EXPECT_EQ(last().action, "delete");
  EXPECT_EQ(last().object, key.key.id.to_string());
}

TEST_F(AuditTest, CascadeRecordsAllThatGoes) {
  webhook();
  event();
  endpoint();
  done(registry->delete_app(kWorkspace, "github", {.cascade = true}));
  EXPECT_EQ(told({.action = "delete", .kind = "webhook"}), "delete webhook github/repo\n");
  EXPECT_EQ(told({.action = "delete", .kind = "event"}), "delete event github/repo:starred\n");
  EXPECT_EQ(told({.action = "delete", .kind = "endpoint"}),
            "delete endpoint github/repo/prd/shop\n");
  EXPECT_EQ(entries({.action = "delete", .kind = "link"}).size(), 2u);
}

TEST_F(AuditTest, WhatIsRefusedOrNotWrittenLeavesNoEntryAndUsesUpNoNumber) {
  webhook();
  const std::string before = audit_in(memory);
  const std::uint64_t number = last().number;
  EXPECT_EQ(error_of(registry->create_webhook(kWorkspace, "github", webhook_spec())).code,
            ErrorCode::kConflict);
  store.faults.change_definitions = true;
  EXPECT_FALSE(registry->create_webhook(kWorkspace, "github", webhook_spec("more")));
  EXPECT_EQ(audit_in(memory), before);
  store.faults.change_definitions = false;
  made(registry->create_webhook(kWorkspace, "github", webhook_spec("more")));
  const auto all = entries();
  for (std::size_t i = 1; i < all.size(); ++i)
    EXPECT_EQ(all[i].number + 1, all[i - 1].number) << "none is missing";
  EXPECT_GT(all.front().number, number);
}

TEST_F(AuditTest, DeedThatFailsIsRecordedTwice) {
  const AuditDraft deed = engine::audit_draft_of_deed(kWorkspace, "erase", "message", "msg_1");
  const auto fails = []() -> Result<void> { return Error{ErrorCode::kUnavailable, "no", 0}; };
  EXPECT_FALSE(engine::recorded<Result<void>>(registry->audit_book(), deed, fails));
  EXPECT_EQ(told({.kind = "message"}), "erase_failed message msg_1\nerase message msg_1\n");
  store.faults.change_definitions = true;
  bool is_done = false;
  const auto act = [&]() -> Result<void> {
    is_done = true;
    return {};
  };
  EXPECT_FALSE(engine::recorded<Result<void>>(registry->audit_book(), deed, act));
  EXPECT_FALSE(is_done) << "nothing is done that cannot be recorded";
}

// --- What is not shown

TEST_F(AuditTest, SecretsAreInNoEntry) {
  webhook();
  EndpointSettings settings = to("https://api.example/hook?sig=qwerty");
  settings.auth = R"({"headers":{"Authorization":"Bearer abc123","X":"$Secret{TOKEN}"}})";
  const Endpoint one = endpoint("shop", settings);
  made(registry->rotate_link(kWorkspace, one.link_id, hours(1), {}));
  const NewKey key = made(registry->create_key(kWorkspace, {.name = "ci"}));
  made(registry->put_secret(kWorkspace, "TOKEN", "topsecret", {}));
  made(registry->rotate_signing_secret(kWorkspace, one.id, {}, {}));
  done(registry->delete_secret(kWorkspace, "TOKEN", {.cascade = true}));
  const std::string all = audit_in(memory);
  const std::string token = token_of(one.link);
  for (const std::string& secret :
       {std::string("qwerty"), std::string("abc123"), token, key.secret.substr(4),
        std::string("topsecret"), std::string("whsec_")})
    EXPECT_EQ(all.find(secret), std::string::npos) << secret;
  EXPECT_NE(all.find("$Secret{TOKEN}"), std::string::npos) << "names are shown";
  EXPECT_NE(all.find("api.example/hook"), std::string::npos);
  EXPECT_EQ(told({.kind = "secret"}), "delete secret TOKEN\ncreate secret TOKEN\n");
  for (const AuditEntry& entry : entries({.kind = "secret"}))
    EXPECT_EQ(entry.before + entry.after, entry.action == "create" ? entry.after : entry.before);
  EXPECT_EQ(all.find("sealed"), std::string::npos);
  EXPECT_EQ(entries({.action = "rotate", .kind = "link"}).size(), 1u);
  EXPECT_EQ(entries({.action = "rotate", .kind = "endpoint"}).size(), 1u);
}

TEST_F(AuditTest, ChangedCredentialIsNamedAndNotShown) {
  webhook();
  EndpointSettings settings = to(kReceiver);
  settings.auth = R"({"headers":{"A":"one"}})";
  const Endpoint one = endpoint("shop", settings);
  EndpointSettings other;
  other.auth = R"({"headers":{"A":"two"}})";
  made(registry->update_endpoint(kWorkspace, one.id, other, {}));
  EXPECT_EQ(last().changed, std::vector<std::string>{"auth"});
  EXPECT_EQ(last().before, last().after) << "both read [hidden]";
}

TEST_F(AuditTest, UnknownKindGivesNothingAway) {
  const auto drafts = engine::audit_drafts_of("novelty", R"({"a":"one"})", R"({"a":"two"})", {});
  ASSERT_EQ(drafts.size(), 1u);
  EXPECT_EQ(drafts[0].action, "update");
  EXPECT_TRUE(drafts[0].changed.empty());
  EXPECT_EQ(drafts[0].before + drafts[0].after, "");
}

TEST_F(AuditTest, MemberNamesThatSoundLikeCredentialsAreHiddenWhereverTheyStand) {
  const auto shown = [](const std::string& json) {
    return engine::audit_drafts_of("webhook", "", json, {}).front().after;
  };
  const std::string all = shown(R"({"envs":[{"slug":"prd","verification":
      "{\"provider\":\"github\",\"secrets\":[\"s1\",\"$Secret{B}\"],\"tolerance\":\"5m\"}"}],
      "tls":{"client_key":"s2","ca":"s3"},"new_password":"s4"})");
  for (const char* secret : {"s1", "s2", "s3", "s4"})
    EXPECT_EQ(all.find(secret), std::string::npos) << all;
  for (const char* word : {"github", "$Secret{B}", "5m", "prd"})
    EXPECT_NE(all.find(word), std::string::npos) << all;
}

// In `auth` and `sample` names are the user's: a credential may be called "format".
TEST_F(AuditTest, NamesThatAreHarmlessInAVerificationHideNothingElsewhere) {
  WebhookSpec spec = webhook_spec();
  spec.envs[0].sample = R"({"headers":{"algorithm":"secret-1"}})";
  made(registry->create_webhook(kWorkspace, "github", spec));
  EndpointSettings settings = to(kReceiver);
  settings.auth =
      R"({"headers":{"provider":"secret-2","format":"secret-3"},"query":{"hash":"secret-4"}})";
  endpoint("shop", settings);
  const std::string all = audit_in(memory);
  for (const char* secret : {"secret-1", "secret-2", "secret-3", "secret-4"})
    EXPECT_EQ(all.find(secret), std::string::npos) << all;
}

// What no definition may hold today is hidden all the same.
TEST_F(AuditTest, UserAndQueryOfUrlsAreHidden) {
  const auto shown = [](const std::string& url) {
    const Json json = {{"url", url}};
    return Json::parse(
               engine::audit_drafts_of("endpoint", "", json.dump(), {}).front().after)["url"]
        .get<std::string>();
  };
  EXPECT_EQ(shown("https://user:hunter2@a.example/hook"), "https://[hidden]@a.example/hook");
  EXPECT_EQ(shown("https://a.example/h@ok?sig=1"), "https://a.example/h@ok?[hidden]");
  EXPECT_EQ(shown("https://a.example?b@c"), "https://a.example?[hidden]");
  EXPECT_EQ(shown("https://a.example/?$Secret{SIG}"), "https://a.example/?$Secret{SIG}");
}

TEST_F(AuditTest, LongMembersAreToldByTheirDigest) {
  webhook();
  EventSpec spec = event_spec("repo:long");
  spec.description = std::string(4000, 'x');
  made(registry->create_event(kWorkspace, "github", spec));
  const Json after = Json::parse(last().after);
  EXPECT_EQ(after["description"]["bytes"], 4002);
  EXPECT_EQ(
      after["description"]["sha256"],
      core::to_hex(core::digest_of(core::Hash::kSha256, '"' + spec.description + '"').view()));
  EXPECT_LT(last().after.size(), 1000u);
}

// --- Finding

TEST_F(AuditTest, FiltersAskForTimeActorActionKindAndName) {
  clock.advance(hours(1));
  const UnixMs first = clock.wall_ms();
  webhook("forge", "repo");
  clock.advance(hours(1));
  const UnixMs second = clock.wall_ms();
  {
    const ActingAs acting(kOperator);
    webhook("forge", "issue");
  }
  EXPECT_EQ(told({.since = second, .kind = "webhook"}), "create webhook forge/issue\n");
  EXPECT_EQ(told({.since = first, .until = second, .kind = "webhook"}),
            "create webhook forge/repo\n");
  EXPECT_EQ(told({.actor = "operator", .kind = "webhook"}), "create webhook forge/issue\n");
  EXPECT_EQ(told({.actor = "host", .kind = "webhook"}), "create webhook forge/repo\n");
  EXPECT_EQ(told({.kind = "webhook", .name = "forge"}),
            "create webhook forge/issue\ncreate webhook forge/repo\n");
  EXPECT_EQ(told({.kind = "webhook", .name = "forg"}), "");
  EXPECT_EQ(told({.action = "delete"}), "");
  EXPECT_EQ(error_of(registry->audit(kWorkspace, {.actor = "somebody"})).code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of(registry->audit("nobody", {})).code, ErrorCode::kNotFound);
}

TEST_F(AuditTest, PagesTellAllOnceWhateverIsWrittenMeanwhile) {
  for (int i = 0; i < 20; ++i) webhook("app" + std::to_string(i), "w");
  std::vector<std::string> seen;
  int late = 0;
  AuditFilter filter{.kind = "webhook", .page = {.cursor = {}, .count_max = 3}};
  do {
    const auto page = made(registry->audit(kWorkspace, filter));
    for (const AuditEntry& entry : page.items) seen.push_back(entry.name);
    filter.page.cursor = page.next;
    webhook("late" + std::to_string(late++), "w");
  } while (!filter.page.cursor.empty());
  std::erase_if(seen, [](const std::string& name) { return !name.starts_with("app"); });
  ASSERT_EQ(seen.size(), 20u);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(seen[i], "app" + std::to_string(19 - i) + "/w");
}

TEST_F(AuditTest, CursorThatWasNotGivenOutIsRefused) {
  EXPECT_EQ(places(error_of(registry->audit(kWorkspace, {.page = {.cursor = "x"}}))), "/cursor");
  EXPECT_EQ(places(error_of(registry->audit(kWorkspace, {.page = {.cursor = {}, .count_max = 0}}))),
            "/limit");
}

TEST_F(AuditTest, WorkspaceSeesNothingOfOthersNorOfOneThatHadItsName) {
  made(registry->create_workspace("acme", "Acme"));
  made(registry->create_workspace("acme.b", "Other"));
  webhook("first", "w", {"prd"}, "acme");
  webhook("other", "w", {"prd"}, "acme.b");
  EXPECT_EQ(told({.name = "other"}, "acme"), "");
  EXPECT_EQ(told({.name = "first"}, "acme.b"), "");
  done(registry->delete_workspace("acme", {.cascade = true}));
  clock.set_wall(milliseconds(-10'000'000));  // as if it had been before
  made(registry->create_workspace("acme", "Acme"));
  EXPECT_EQ(told({.name = "first"}, "acme"), "");
  EXPECT_EQ(told({.kind = "workspace"}, "acme"), "create workspace acme\n");
  // The operator sees all of it.
  const auto all = made(registry->audit_book().list("acme", {}, {.kind = "workspace"})).items;
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[1].action, "delete");
  load();
  EXPECT_EQ(told({.name = "first"}, "acme"), "");
}

// --- Keeping

class AuditBookTest : public testing::Test {
 protected:
  AuditBook& open(engine::AuditOptions options = {}) {
    book = std::make_unique<AuditBook>(store, clock, options);
    return *book;
  }
  Result<void> write(std::string workspace = "w", std::size_t count = 1) {
    return book->write(
        {}, std::vector<AuditDraft>(
                count, engine::audit_draft_of_deed(workspace, "erase", "message", "msg_1")));
  }
  std::vector<std::uint64_t> numbers(const std::string& workspace = "w") const {
    std::vector<std::uint64_t> all;
    for (const AuditEntry& entry :
         made(book->list(workspace, {}, {.page = {.cursor = {}, .count_max = 1000}})).items)
      all.push_back(entry.number);
    return all;
  }

  ManualClock clock;
  store::MemoryStore store{store::StoreOptions{}, clock, 1};
  std::unique_ptr<AuditBook> book;
};

TEST_F(AuditBookTest, IdsGrowOverRestartsAndClocksThatAreSetBack) {
  open();
  done(write());
  clock.set_wall(milliseconds(-1'000'000));
  done(write());
  open();
  done(write());
  EXPECT_EQ(numbers(), (std::vector<std::uint64_t>{3, 2, 1}));
}

TEST_F(AuditBookTest, WhatHadItsTimeGoesInEveryWorkspace) {
  open({.retention = hours(24)});
  done(write("a", 3));
  done(write("a.b", 2));
  clock.advance(hours(23));
  done(write("a"));
  done(book->drop_old());
  EXPECT_EQ(numbers("a").size(), 4u);
  clock.advance(hours(2));
  done(book->drop_old());
  EXPECT_EQ(numbers("a"), std::vector<std::uint64_t>{4});
  EXPECT_TRUE(numbers("a.b").empty());
  done(book->drop_old());
  EXPECT_EQ(numbers("a"), std::vector<std::uint64_t>{4});
}

TEST_F(AuditBookTest, WorkspaceKeepsABoundedNumberAndTheNewest) {
  const bool holds = rc::check("newest are kept", [this] {
    done(store.drop_definitions(engine::kAuditBegin, engine::kAuditEnd));
    const auto most = *rc::gen::inRange<std::uint64_t>(1, 40);
    open({.retention = hours(24), .entries_max = most});
    std::uint64_t written = 0;
    const auto steps =
        *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(1, 9));
    for (const std::size_t count : steps) {
      if (*rc::gen::arbitrary<bool>()) clock.advance(milliseconds(1));
      RC_ASSERT(write("w", count).has_value());
      written += count;
      const auto kept = numbers();
      RC_ASSERT(kept.front() == written);
      RC_ASSERT(kept.size() >= std::min(written, most));
      RC_ASSERT(kept.size() <= most + std::max<std::uint64_t>(most / 16, 1) + count);
      for (std::size_t i = 1; i < kept.size(); ++i) RC_ASSERT(kept[i] + 1 == kept[i - 1]);
    }
  });
  EXPECT_TRUE(holds);
}

TEST_F(AuditBookTest, PageThatWouldLookAtTooMuchEndsEarly) {
  open();
  for (int i = 0; i < 9; ++i) done(write("w", 1000));
  AuditFilter filter{.kind = "nothing"};
  const auto page = made(book->list("w", {}, filter));
  EXPECT_TRUE(page.items.empty());
  ASSERT_FALSE(page.next.empty());
  filter.page.cursor = page.next;
  EXPECT_TRUE(made(book->list("w", {}, filter)).next.empty());
}

TEST_F(AuditBookTest, FormOnTheDiskIsFrozen) {
  AuditEntry entry;
  entry.actor = {
      .kind = ActorKind::kKey, .key = KeyId{{0, 1}}, .address = "::1", .request_id = "r"};
  entry.action = "update";
  entry.kind = "endpoint";
  entry.name = "a/b";
  entry.object = "ep_1";
  entry.changed = {"method"};
  entry.before = R"({"method":"POST"})";
  entry.after = R"({"method":"PUT"})";
  const std::string json = engine::audit_json(entry);
  EXPECT_EQ(json, R"({"actor":3,"key":"key_0000000000000000000001","address":"::1","request":"r",)"
                  R"("action":"update","kind":"endpoint","name":"a/b","object":"ep_1",)"
                  R"("changed":["method"],"before":{"method":"POST"},"after":{"method":"PUT"}})");
  EXPECT_EQ(engine::audit_key("w", AuditId{{0, 62}}), "audit/w/0000000000000000000010");
  const AuditId id{{std::uint64_t{5} << 16, 7}};
  const AuditEntry read = made(engine::parse_audit(id, json));
  EXPECT_EQ(engine::audit_json(read), json);
  EXPECT_EQ(read.at, 5u);
  EXPECT_EQ(read.number, 7u);
  EXPECT_EQ(error_of(engine::parse_audit(id, "{}")).code, ErrorCode::kCorrupted);
  EXPECT_EQ(error_of(engine::parse_audit(id, "no")).code, ErrorCode::kCorrupted);
}

TEST_F(AuditTest, OpeningReadsNoEntry) {
  engine::AuditBook& book = registry->audit_book();
  for (int i = 0; i < 50; ++i) {
    done(book.write({}, std::vector<AuditDraft>(100, engine::audit_draft_of_deed(
                                                         kWorkspace, "erase", "message", "m"))));
  }
  store.definitions_visited = 0;
  load();
  EXPECT_LT(store.definitions_visited, 100u) << "of more than 5000";
  EXPECT_GT(entries({.page = {.cursor = {}, .count_max = 1}}).front().number, 5000u);
}

// --- Keys

// Who can write to the store and lacks the master key can put no key into it.
TEST_F(AuditTest, HashThatIsNotUnderThePepperOpensNothing) {
  const NewKey one = made(registry->create_key(kWorkspace, {.name = "ci"}));
  KeyDefinition key;
  done(store.scan_definitions("key/", [&](std::string_view, std::string_view json) {
    key = made(KeyDefinition::from_json(json));
  }));
  EXPECT_TRUE(key.secret_hash.starts_with("k1:"));
  EXPECT_EQ(made(registry->authenticate(one.secret)).key, one.key.id);
  const std::string plain = core::to_hex(core::digest_of(core::Hash::kSha256, one.secret).view());
  for (const std::string& hash : {plain, "k1:" + plain}) {
    key.secret_hash = hash;
    const store::DefinitionChange change{"key/" + key.key(), key.to_json()};
    done(store.change_definitions({&change, 1}));
    load();
    EXPECT_EQ(error_of(registry->authenticate(one.secret)).code, ErrorCode::kUnauthorized) << hash;
  }
}

TEST_F(AuditTest, PepperIsSealedAndSeenByNobody) {
  made(registry->create_key(kWorkspace, {.name = "ci"}));
  EXPECT_NE(stored().find("secret/~/key_pepper"), std::string::npos);
  EXPECT_EQ(audit_in(memory).find("key_pepper"), std::string::npos);
  EXPECT_TRUE(made(registry->secrets(kWorkspace, {})).items.empty());
  EXPECT_EQ(error_of(registry->secrets("~", {})).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of(registry->create_workspace("~", "")).code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace headrace::test
