// SPDX-License-Identifier: Apache-2.0
// The rules of events: what a selector's value is, and what may stand beside what.
#include <gtest/gtest.h>

#include <string>

#include "core/limits.h"
#include "tests/engine/registry_rig.h"

namespace headrace::test {
namespace {

class EventsTest : public RegistryTest {
 protected:
  void SetUp() override { link = webhook().envs[0].link; }

  Result<Event> create(const EventSpec& spec, std::string_view app = "github") {
    return registry->create_event(kWorkspace, app, spec);
  }
  Result<Event> update(std::string_view tag, const EventPatch& patch,
                       const ChangeOptions& options = {}) {
    return registry->update_event(kWorkspace, "github", tag, patch, options);
  }
  static EventSpec with_value(EventSpec spec, std::string value) {
    spec.selector_value = std::move(value);
    return spec;
  }

  std::string link;
};

// --- The value

TEST_F(EventsTest, EventMatchesTheValueOfItsSample) {
  const Event one =
      made(create(event_spec("repo:starred", "$Event{action}", R"({"action":"created"})")));
  EXPECT_EQ(one.value, "created");
  EXPECT_TRUE(one.warnings.empty());
  EXPECT_EQ(event_in(link, R"({"action":"created"})"), "repo:starred");
  EXPECT_EQ(event_in(link, R"({"action":"starred"})"), "");
}

// The documents' first example: its selector names a key that its sample lacks.
TEST_F(EventsTest, EventWhoseSampleLacksThePathMatchesTheEventPartOfItsTag) {
  const Event one = made(
      create(event_spec("repo:new-event", "$Event{identifier}", R"({"event":"x","data":{}})")));
  EXPECT_EQ(one.value, "new-event");
  EXPECT_EQ(one.warnings.size(), 1u);
  EXPECT_EQ(event_in(link, R"({"identifier":"new-event"})"), "repo:new-event");
}

TEST_F(EventsTest, EventWithoutASampleMatchesTheEventPartOfItsTag) {
  EXPECT_EQ(event("repo:payment.succeeded").value, "payment.succeeded");
}

TEST_F(EventsTest, GivenValueComesBeforeTheTag) {
  EXPECT_EQ(made(create(with_value(event_spec("repo:starred"), "started"))).value, "started");
  EXPECT_EQ(event_in(link, R"({"action":"started"})"), "repo:starred");
}

TEST_F(EventsTest, SampleThatContradictsAGivenValueIsRefused) {
  const EventSpec spec = event_spec("repo:starred", "$Event{action}", R"({"action":"created"})");
  const Error error = error_of(create(with_value(spec, "started")));
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(places(error), "/selector_value");
  EXPECT_EQ(made(create(with_value(spec, "created"))).value, "created");
}

// 1e2 and 100 are one value wherever numbers are compared.
TEST_F(EventsTest, GivenNumberAgreesWithAnySpellingOfItInTheSample) {
  const EventSpec spec = event_spec("repo:hundred", "$Event{n}", R"({"n":100})");
  made(create(with_value(spec, "1e2")));
  EXPECT_EQ(event_in(link, R"({"n":100.0})"), "repo:hundred");
  EXPECT_EQ(places(error_of(
                create(with_value(event_spec("repo:b", "$Event{n}", R"({"n":100})"), "1e3")))),
            "/selector_value");
}

TEST_F(EventsTest, SelectorThatPointsAtAnObjectInTheSampleIsRefused) {
  for (const char* sample : {R"({"action":{}})", R"({"action":["starred"]})"}) {
    const Error error = error_of(create(event_spec("repo:starred", "$Event{action}", sample)));
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(places(error), "/selector");
  }
}

TEST_F(EventsTest, EventCanBeNamedByAHeaderAndItsSampleSaysNothingOfThat) {
  const Event one = made(
      create(event_spec("repo:push", "$Header{X-GitHub-Event}", R"({"x-github-event":"no"})")));
  EXPECT_EQ(one.value, "push");
  EXPECT_TRUE(one.warnings.empty());
}

TEST_F(EventsTest, SampleIsKeptToTheLetter) {
  const std::string sample =
      "{ \"id\": 123456789012345678901234567890.10,\n\t\"e\":1E+2, \"\\u00e4\": \"\xc3\xa4\" }";
  EXPECT_EQ(made(create(event_spec("repo:big", "$Event{action}", sample))).sample, sample);
  load();
  EXPECT_EQ(registry->event(kWorkspace, "github", "repo:big")->sample, sample);
}

TEST_F(EventsTest, BigNumberInASampleIsAValueThatMatchesAllItsSpellings) {
  made(create(event_spec("repo:big", "$Event{id}", R"({"id":123456789012345678901234567890})")));
  EXPECT_EQ(event_in(link, R"({"id":123456789012345678901234567890})"), "repo:big");
  EXPECT_EQ(event_in(link, R"({"id":1234567890123456789012345678900e-1})"), "repo:big");
  EXPECT_EQ(event_in(link, R"({"id":123456789012345678901234567891})"), "");
}

// --- What is refused

TEST_F(EventsTest, EventOfAWebhookThatIsNotThereIsNotFound) {
  EXPECT_EQ(error_of(create(event_spec("nothing:starred"))).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of(create(event_spec("repo:starred"), "gitlab")).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of(registry->events(kWorkspace, "github", "nothing", {})).code,
            ErrorCode::kNotFound);
  EXPECT_TRUE(made(registry->events(kWorkspace, "gitlab", "", {})).items.empty());
}

TEST_F(EventsTest, TagOfAnEventNamesItsWebhookAndItself) {
  for (const char* tag : {"", "repo", "repo:", "repo:a b", "repo:a:b", "repo:a/b"}) {
    const Error error = error_of(create(event_spec(tag)));
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument) << tag;
    EXPECT_EQ(places(error), "/tag") << tag;
  }
}

TEST_F(EventsTest, BadSelectorIsMalformedWithThePositionOfItsFault) {
  const auto fault = [&](const char* selector) {
    const Error error = error_of(create(event_spec("repo:a", selector)));
    EXPECT_EQ(error.code, ErrorCode::kMalformed);
    EXPECT_EQ(places(error), "/selector");
    return error.detail;
  };
  fault("");
  EXPECT_EQ(fault("$Event{action"), 13);
  EXPECT_EQ(fault("$Evnt{action}"), 0);
}

TEST_F(EventsTest, SampleThatIsNotJsonIsMalformedWithThePositionOfItsFault) {
  for (const char* selector : {"$Event{action}", "$Header{x}"}) {
    const Error error = error_of(create(event_spec("repo:a", selector, R"({"a":tru})")));
    EXPECT_EQ(error.code, ErrorCode::kMalformed);
    EXPECT_GE(error.detail, 5);
    EXPECT_EQ(places(error), "/sample");
  }
}

TEST_F(EventsTest, EventHasBounds) {
  EventSpec spec = event_spec("repo:a");
  spec.name = std::string(core::limits::kTextBytesMax + 1, 'a');
  EXPECT_EQ(places(error_of(create(spec))), "/name");
  spec = event_spec("repo:a");
  spec.description = "\x7f";
  EXPECT_EQ(places(error_of(create(spec))), "/description");
  spec = with_value(event_spec("repo:a"), std::string(core::limits::kTextBytesMax + 1, 'a'));
  EXPECT_EQ(places(error_of(create(spec))), "/selector_value");
  spec = event_spec("repo:a");
  spec.sample = "{\"a\":\"" + std::string(core::limits::kSampleBytesMax, 'a') + "\"}";
  EXPECT_EQ(places(error_of(create(spec))), "/sample");
}

// --- What may stand beside what

TEST_F(EventsTest, TwoEventsOfAWebhookWithTheSamePathAndValueConflict) {
  made(create(event_spec("repo:a", "$Event{n}{m}", R"({"n":{"m":100}})")));
  const Error alike = error_of(create(event_spec("repo:b", "$Event{n.m}", R"({"n":{"m":1e2}})")));
  EXPECT_EQ(alike.code, ErrorCode::kConflict);
  EXPECT_EQ(places(alike), "event repo:b");
  EXPECT_EQ(error_of(create(event_spec("repo:a", "$Event{other}"))).code, ErrorCode::kConflict);
  made(create(event_spec("repo:b", "$Event{n.m}", R"({"n":{"m":101}})")));
  EventPatch patch;
  patch.sample = R"({"n":{"m":100.0}})";
  EXPECT_EQ(error_of(update("repo:b", patch)).code, ErrorCode::kConflict);
  EXPECT_EQ(registry->event(kWorkspace, "github", "repo:b")->value, "101");
}

TEST_F(EventsTest, SameEventInTwoWebhooksOrAppsIsNoConflict) {
  webhook("github", "org");
  webhook("gitlab");
  event("repo:a");
  event("org:a");
  event("repo:a", "$Event{action}", "gitlab");
  EXPECT_EQ(registry->events(kWorkspace, "github", "repo", {})->items.size(), 1u);
  EXPECT_EQ(registry->events(kWorkspace, "github", "", {})->items.size(), 2u);
}

TEST_F(EventsTest, OfTwoMatchingEventsTheOneCreatedFirstWinsAlsoAfterAReload) {
  event("repo:z", "$Event{kind}");
  event("repo:a", "$Event{action}");
  const std::string body = R"({"action":"a","kind":"z"})";
  EXPECT_EQ(event_in(link, body), "repo:z");
  EventPatch patch;
  patch.name = "touched";
  made(update("repo:z", patch));
  EXPECT_EQ(event_in(link, body), "repo:z");
  load();
  EXPECT_EQ(event_in(link, body), "repo:z");
}

// --- Naming

TEST_F(EventsTest, EventPartNamesAnEventWhereItIsUnique) {
  event("repo:a");
  EXPECT_EQ(registry->event(kWorkspace, "github", "a")->tag, "repo:a");
  EXPECT_EQ(registry->event(kWorkspace, "github", "repo:a")->tag, "repo:a");
  EXPECT_EQ(error_of(registry->event(kWorkspace, "github", "b")).code, ErrorCode::kNotFound);
  webhook("github", "org");
  event("org:a");
  const Error several = error_of(registry->event(kWorkspace, "github", "a"));
  EXPECT_EQ(several.code, ErrorCode::kConflict);
  EXPECT_EQ(places(several), "event org:a event repo:a");
  EXPECT_EQ(error_of(registry->delete_event(kWorkspace, "github", "a", {})).code,
            ErrorCode::kConflict);
}

// --- Changing

TEST_F(EventsTest, UnmatchedMessageMatchesAfterAnUpdate) {
  made(create(event_spec("repo:starred", "$Event{action}", R"({"action":"created"})")));
  const std::string body = R"({"kind":"new"})";
  EXPECT_EQ(event_in(link, body), "");
  EventPatch patch;
  patch.selector = "$Event{kind}";
  patch.sample = R"({"kind":"new"})";
  EXPECT_EQ(made(update("repo:starred", patch)).value, "new");
  EXPECT_EQ(event_in(link, body), "repo:starred");
  EXPECT_EQ(event_in(link, R"({"action":"created"})"), "");
}

TEST_F(EventsTest, ValueThatWasNotGivenIsWorkedOutAnew) {
  made(create(event_spec("repo:starred", "$Event{action}", R"({"action":"a","kind":"b"})")));
  EventPatch patch;
  patch.selector = "$Event{kind}";
  EXPECT_EQ(made(update("starred", patch)).value, "b");
  patch = {};
  patch.sample = "{}";
  EXPECT_EQ(made(update("starred", patch)).value, "starred");
  patch.sample = R"({"kind":"c"})";
  EXPECT_EQ(made(update("starred", patch)).value, "c");
}

TEST_F(EventsTest, GivenValueStaysUntilItIsTakenBack) {
  made(create(with_value(event_spec("repo:starred"), "given")));
  EventPatch patch;
  patch.selector = "$Event{kind}";
  EXPECT_EQ(made(update("starred", patch)).value, "given");
  patch = {};
  patch.sample = R"({"kind":"other"})";
  EXPECT_EQ(places(error_of(update("starred", patch))), "/selector_value");
  load();
  patch.selector_value = "";
  EXPECT_EQ(made(update("starred", patch)).value, "other");
}

TEST_F(EventsTest, ChangeIsGuardedByTheRevision) {
  const Event first = event();
  EventPatch patch;
  patch.name = "Other";
  const Event second = made(update("starred", patch, {.if_revision = first.revision}));
  EXPECT_GT(second.revision, first.revision);
  EXPECT_EQ(error_of(update("starred", patch, {.if_revision = first.revision})).code,
            ErrorCode::kPrecondition);
  EXPECT_EQ(error_of(registry->delete_event(kWorkspace, "github", "starred",
                                            {.if_revision = first.revision}))
                .code,
            ErrorCode::kPrecondition);
}

TEST_F(EventsTest, ChangeThatIsAtFaultChangesNothing) {
  event();
  const std::string before = stored();
  const std::string published_before = published();
  EventPatch patch;
  patch.selector = "$Event{";
  EXPECT_EQ(error_of(update("starred", patch)).code, ErrorCode::kMalformed);
  patch = {};
  patch.sample = "[";
  EXPECT_EQ(places(error_of(update("starred", patch))), "/sample");
  patch = {};
  patch.name = "\x01";
  EXPECT_EQ(places(error_of(update("starred", patch))), "/name");
  EXPECT_EQ(error_of(update("forked", patch)).code, ErrorCode::kNotFound);
  EXPECT_EQ(stored(), before);
  EXPECT_EQ(published(), published_before);
}

// --- Deleting

TEST_F(EventsTest, DeletedEventMatchesNoMore) {
  event();
  done(registry->delete_event(kWorkspace, "github", "repo:starred", {}));
  EXPECT_EQ(event_in(link, R"({"action":"starred"})"), "");
  EXPECT_EQ(error_of(registry->event(kWorkspace, "github", "repo:starred")).code,
            ErrorCode::kNotFound);
  event();
  EXPECT_EQ(event_in(link, R"({"action":"starred"})"), "repo:starred");
}

TEST_F(EventsTest, DeletingTakesLinksAlongAndCorrectsEndpointsThatNameIt) {
  event();
  event("repo:forked");
  EndpointSettings both = to(kReceiver);
  both.events = {"starred", "repo:forked"};
  const Endpoint shop = endpoint("shop", both);
  EndpointSettings alone = to(kReceiver);
  alone.events = {"starred"};
  const Endpoint crm = endpoint("crm", alone);
  const Link of_event =
      made(registry->create_link(kWorkspace, "shop", event_link_spec("starred"))).link;

  const Error orphans = error_of(registry->delete_event(kWorkspace, "github", "starred", {}));
  EXPECT_EQ(orphans.code, ErrorCode::kConflict);
  EXPECT_EQ(places(orphans), "link " + of_event.id.to_string() + " endpoint " + crm.id.to_string() +
                                 " endpoint " + shop.id.to_string());
  done(registry->delete_event(kWorkspace, "github", "starred", {.cascade = true}));
  EXPECT_EQ(route(of_event.url), nullptr);
  const Endpoint less = *registry->endpoint(kWorkspace, shop.id);
  EXPECT_EQ(less.events, std::vector<std::string>{"repo:forked"});
  EXPECT_EQ(less.state, EndpointState::kActive);
  EXPECT_GT(less.revision, shop.revision);
  // Without a list it would get everything.
  const Endpoint off = *registry->endpoint(kWorkspace, crm.id);
  EXPECT_TRUE(off.events.empty());
  EXPECT_EQ(off.state, EndpointState::kDraining) << "what was accepted is still delivered";
  EXPECT_EQ(receivers(link, "repo:forked"), std::vector<std::string>{"shop"});
}

}  // namespace
}  // namespace headrace::test
