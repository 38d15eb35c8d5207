// SPDX-License-Identifier: Apache-2.0
// Secrets in the registry: sealed, used at once where they are named, and never seen again.
#include "engine/secret_store.h"

#include <gtest/gtest.h>

#include <string>

#include "core/encoding.h"
#include "tests/dispatch/certificates.h"
#include "tests/engine/registry_rig.h"
#include "tests/support/loopback_targets.h"
#include "tests/support/master_key.h"

namespace headrace::test {
namespace {

using engine::MasterKey;

class SecretStoreTest : public RegistryTest {
 protected:
  SecretStoreTest() { webhook(); }

  SecretInfo put(std::string_view name, std::string_view value,
                 std::string_view workspace = kWorkspace) {
    return made(registry->put_secret(workspace, name, value, {}));
  }
  Endpoint endpoint_with(std::string auth, std::string_view product = "shop") {
    EndpointSettings settings = to(kReceiver);
    settings.auth = std::move(auth);
    return endpoint(product, settings);
  }
  bool sends(EndpointId id, std::string_view text) {
    return dispatched(id)->prefix.find(text) != std::string_view::npos;
  }
  std::string names() const {
    std::string all;
    for (const SecretInfo& secret : made(registry->secrets(kWorkspace, {})).items)
      all += (all.empty() ? "" : " ") + secret.name;
    return all;
  }
  Error load_error(engine::MasterKeySource key) {
    return error_of(engine::Registry::load(store, clock, {.master_key = std::move(key)}));
  }
};

constexpr const char* kBearer = R"({"headers":{"Authorization":"Bearer $Secret{KEY}"}})";

TEST_F(SecretStoreTest, IsListedByNameAndNeverShown) {
  put("B_2", "value of b");
  clock.advance(std::chrono::seconds(1));
  put("A1", "value of a");
  EXPECT_EQ(names(), "A1 B_2");
  const SecretInfo shown = made(registry->secret(kWorkspace, "B_2"));
  EXPECT_EQ(shown.created_at, clock.wall_ms() - 1000);
  clock.advance(std::chrono::seconds(1));
  const SecretInfo changed = put("B_2", "another");
  EXPECT_EQ(changed.created_at, shown.created_at);
  EXPECT_EQ(changed.updated_at, clock.wall_ms());
  EXPECT_GT(changed.revision, shown.revision);
  EXPECT_EQ((lists() + stored() + published()).find("value of"), std::string::npos);
  EXPECT_EQ(stored().find(core::to_base64("another")), std::string::npos);
}

TEST_F(SecretStoreTest, NamesValuesAndRevisionsAreChecked) {
  for (const char* name : {"", "a b", "a-b", "a/b", "a}"})
    EXPECT_EQ(places(error_of(registry->put_secret(kWorkspace, name, "v", {}))), "/name") << name;
  EXPECT_FALSE(registry->put_secret(kWorkspace, std::string(65, 'a'), "v", {}));
  EXPECT_EQ(places(error_of(registry->put_secret(kWorkspace, "A", "", {}))), "/value");
  const std::string most(engine::SecretStore::kValueBytesMax, 'v');
  EXPECT_TRUE(registry->put_secret(kWorkspace, "A", most, {}));
  EXPECT_EQ(places(error_of(registry->put_secret(kWorkspace, "A", most + "v", {}))), "/value");
  const std::uint64_t revision = made(registry->secret(kWorkspace, "A")).revision;
  EXPECT_EQ(
      error_of(registry->put_secret(kWorkspace, "A", "v", {.if_revision = revision - 1})).code,
      ErrorCode::kPrecondition);
  EXPECT_EQ(error_of(registry->put_secret(kWorkspace, "C", "v", {.if_exists = true})).code,
            ErrorCode::kPrecondition);
  EXPECT_TRUE(registry->put_secret(kWorkspace, "A", "v", {.if_revision = revision}));
  EXPECT_EQ(error_of(registry->put_secret("nobody", "A", "v", {})).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of(registry->secret(kWorkspace, "a/b")).code, ErrorCode::kNotFound);
}

TEST_F(SecretStoreTest, AChangeReachesWhateverNamesItInTheSameSwap) {
  put("KEY", "first");
  const EndpointId header = endpoint_with(kBearer).id;
  const EndpointId escaped = endpoint_with(R"({"query":{"k":"\u0024Secret{KEY}"}})", "escaped").id;
  EndpointSettings in_url = to("http://127.0.0.1:9/$Secret{KEY}/in");
  const EndpointId url = endpoint("url", in_url).id;
  EXPECT_TRUE(sends(header, "Bearer first\r\n"));
  put("KEY", "second");
  EXPECT_TRUE(sends(header, "Bearer second\r\n"));
  EXPECT_TRUE(sends(escaped, "?k=second"));
  EXPECT_TRUE(sends(url, "/second/in"));
}

TEST_F(SecretStoreTest, TheKeyOfAClientCertificateIsAUse) {
  const dispatch::TestRoot root;
  const auto identity = root.client();
  put("KEY", identity.key);
  for (const char* spelling : {"$Secret{KEY}", "\\u0024Secret{KEY}"}) {
    EndpointSettings settings = to("https://hooks.example/");
    std::string certificate = identity.certificate;
    for (std::size_t at = 0; (at = certificate.find('\n', at)) != std::string::npos; at += 2)
      certificate.replace(at, 1, "\\n");
    settings.tls = R"({"certificate":")" + certificate + R"(","key":")" + spelling + "\"}";
    const EndpointId id = endpoint("tls", settings).id;
    const auto before = dispatched(id);
    put("KEY", identity.key);
    EXPECT_NE(dispatched(id), before);
    EXPECT_EQ(places(error_of(registry->delete_secret(kWorkspace, "KEY", {}))),
              "endpoint " + id.to_string());
    done(registry->delete_endpoint(kWorkspace, id, {.cascade = true}));
  }
}

TEST_F(SecretStoreTest, WhatDoesNotNameItIsLeftAlone) {
  put("KEY2", "x");
  const EndpointId id = endpoint_with(R"({"headers":{"A":"$Secret{KEY2}"}})").id;
  const auto before = registry->endpoint_table().load();
  put("KEY", "v");
  const auto after = registry->endpoint_table().load();
  const auto number = dispatched(id)->settings.number;
  EXPECT_EQ(before->find(number)->get(), after->find(number)->get());
}

TEST_F(SecretStoreTest, TheStoreComesFirstAndTheHostsSecretsBehindIt) {
  const EndpointId id = endpoint_with(R"({"headers":{"A":"$Secret{TOKEN}"}})").id;
  EXPECT_TRUE(sends(id, "A: s3cr3t\r\n"));
  put("TOKEN", "sealed");
  EXPECT_TRUE(sends(id, "A: sealed\r\n"));
  done(registry->delete_secret(kWorkspace, "TOKEN", {.cascade = true}));
  EXPECT_TRUE(sends(id, "A: s3cr3t\r\n"));
}

TEST_F(SecretStoreTest, OneThatIsInUseGoesOnlyByForceAndItsUsersFailByItsName) {
  put("KEY", "v");
  const EndpointId id = endpoint_with(kBearer).id;
  const Error refused = error_of(registry->delete_secret(kWorkspace, "KEY", {}));
  EXPECT_EQ(refused.code, ErrorCode::kConflict);
  EXPECT_EQ(places(refused), "endpoint " + id.to_string());
  done(registry->delete_secret(kWorkspace, "KEY", {.cascade = true}));
  EXPECT_EQ(dispatched(id)->settings.missing_secret, "KEY");
  EXPECT_FALSE(sends(id, "v\r\n"));
  put("KEY", "again");
  EXPECT_TRUE(dispatched(id)->settings.missing_secret.empty());
  EXPECT_TRUE(sends(id, "Bearer again\r\n"));
}

TEST_F(SecretStoreTest, CallsToProvidersGetTheNewValueToo) {
  put("KEY", "first");
  WebhookSpec called = webhook_spec("called");
  called.envs[0].registration_url = "https://api.example.com/hooks";
  made(registry->create_webhook(kWorkspace, "github", called));
  EnableSpec spec = enable_spec();
  spec.webhook = "called";
  spec.envs[0].settings.auth = R"({"headers":{"A":"$Secret{KEY}"},"body":{"s":"$Secret{KEY}"}})";
  const auto calls = made(registry->enable(kWorkspace, "shop", spec));
  put("KEY", "second");
  const auto table = registry->endpoint_table().load();
  const dispatch::Endpoint& call = **table->find(calls.at(0));
  EXPECT_NE(call.prefix.find("A: second\r\n"), std::string_view::npos);
  EXPECT_NE(call.body.find(R"("s":"second")"), std::string_view::npos);
  EXPECT_EQ(places(error_of(registry->delete_secret(kWorkspace, "KEY", {}))),
            "registration shop/github");
}

// A line end in a header: refused where it is written, and found out when the secret changes.
TEST_F(SecretStoreTest, AValueThatCannotStandWhereItIsNamedFailsByItsName) {
  put("KEY", "v");
  const EndpointId id = endpoint_with(kBearer).id;
  for (const std::string& value :
       {std::string("a\r\nX-Own: b"), std::string("a\nb"), std::string("a\0b", 3)}) {
    put("KEY", value);
    EXPECT_EQ(dispatched(id)->settings.missing_secret, "KEY");
    EXPECT_FALSE(sends(id, "X-Own"));
  }
  put("KEY", "fine");
  EXPECT_TRUE(sends(id, "Bearer fine\r\n"));
}

TEST_F(SecretStoreTest, AnotherWorkspacesSecretIsNone) {
  made(registry->create_workspace("acme", "Acme"));
  put("KEY", "theirs", "acme");
  EXPECT_EQ(names(), "");
  EndpointSettings settings = to(kReceiver);
  settings.auth = kBearer;
  EXPECT_FALSE(registry->create_endpoint(kWorkspace, "shop", endpoint_spec(settings)));
  const Error full = error_of(registry->delete_workspace("acme", {}));
  EXPECT_EQ(places(full), "secret KEY");
  done(registry->delete_workspace("acme", {.cascade = true}));
  EXPECT_EQ(stored().find("secret/acme"), std::string::npos);
}

TEST_F(SecretStoreTest, AFailedWriteChangesNothing) {
  put("KEY", "first");
  const EndpointId id = endpoint_with(kBearer).id;
  const std::string before = stored();
  store.faults.change_definitions = true;
  EXPECT_FALSE(registry->put_secret(kWorkspace, "KEY", "second", {}));
  EXPECT_FALSE(registry->delete_secret(kWorkspace, "KEY", {.cascade = true}));
  EXPECT_FALSE(registry->rotate_signing_secret(kWorkspace, id, {}, {}));
  store.faults.change_definitions = false;
  EXPECT_EQ(stored(), before);
  EXPECT_TRUE(sends(id, "Bearer first\r\n"));
  load();
  EXPECT_TRUE(sends(id, "Bearer first\r\n"));
}

// --- The master key

TEST_F(SecretStoreTest, AnotherMasterKeyIsNoticedBeforeAnythingIsWritten) {
  put("KEY", "v");
  endpoint();
  const std::string before = stored();
  const Error error = load_error([](bool) { return MasterKey::given(std::string(64, 'b'), ""); });
  EXPECT_EQ(error.code, ErrorCode::kUnauthorized);
  EXPECT_NE(error.what.find("2 of 2 sealed values"), std::string::npos) << error.what;
  EXPECT_NE(error.what.find("default/KEY"), std::string::npos) << error.what;
  EXPECT_EQ(stored(), before);
}

TEST_F(SecretStoreTest, TheSourceIsToldWhetherSomethingIsSealed) {
  std::string told;
  const auto source = [&](bool is_sealed) {
    told += is_sealed ? "sealed " : "nothing ";
    return MasterKey::given(kMasterKeyText, "");
  };
  ASSERT_TRUE(engine::Registry::load(store, clock, {.master_key = source}));
  put("KEY", "v");
  ASSERT_TRUE(engine::Registry::load(store, clock, {.master_key = source}));
  EXPECT_EQ(told, "nothing sealed ");
}

// Who can write to the disk cannot give one secret's value to another name.
TEST_F(SecretStoreTest, AValueThatWasMovedOrChangedFailsTheLoad) {
  put("A", "of a");
  put("B", "of b");
  std::string text;
  done(store.scan_definitions("secret/default/A",
                              [&](std::string_view, std::string_view value) { text = value; }));
  auto moved = made(engine::SecretDefinition::from_json(text));
  moved.name = "B";
  const std::vector<store::DefinitionChange> changes{{"secret/default/B", moved.to_json()}};
  done(store.change_definitions(changes));
  EXPECT_EQ(load_error(fixed_master_key()).code, ErrorCode::kCorrupted);
}

TEST_F(SecretStoreTest, RotatingTheMasterKeySealsEverythingAnewAndChangesNothingElse) {
  put("KEY", "v");
  const EndpointId id = endpoint_with(kBearer).id;
  const std::string secret = made(registry->rotate_signing_secret(kWorkspace, id, {}, {})).secret;
  const std::string shown = lists();
  const auto endpoints = registry->endpoint_table().load();
  // Both keys at one start.
  const std::string next(64, 'b');
  const auto both = [next](bool) { return MasterKey::given(next, kMasterKeyText); };
  engine::RegistryOptions options;
  options.public_url = kPublicUrl;
  options.retention = retention;
  options.master_key = both;
  auto rotated = engine::Registry::load(store, clock, std::move(options));
  ASSERT_TRUE(rotated) << rotated.error().what;
  EXPECT_EQ(lists_of(**rotated), shown);
  EXPECT_EQ(made((*rotated)->signing_secret(kWorkspace, id)).secret, secret);
  EXPECT_EQ(error_of((*rotated)->rotate_master_key()).code, ErrorCode::kPrecondition);
  EXPECT_EQ(load_error(fixed_master_key()).code, ErrorCode::kUnauthorized);
  const auto alone = [next](bool) { return MasterKey::given(next, ""); };
  options = {};
  options.master_key = alone;
  EXPECT_TRUE(engine::Registry::load(store, clock, std::move(options)));
}

TEST_F(SecretStoreTest, AKeyThatIsExchangedAtAStartIsInTheAuditLogOnce) {
  put("KEY", "v");
  const std::string next(64, 'b');
  const auto rotations = [&](const std::string& previous) {
    engine::RegistryOptions options;
    options.master_key = [&](bool) { return MasterKey::given(next, previous); };
    auto loaded = engine::Registry::load(store, clock, std::move(options));
    EXPECT_TRUE(loaded) << loaded.error().what;
    return made((*loaded)->audit(kWorkspace, {.kind = "master_key"})).items;
  };
  const auto entries = rotations(kMasterKeyText);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].action, "rotate");
  EXPECT_EQ(entries[0].actor.kind, ActorKind::kEngine);
  EXPECT_EQ(rotations(kMasterKeyText).size(), 1u) << "nothing is left to be sealed anew";
  EXPECT_EQ(rotations("").size(), 1u);
}

TEST_F(SecretStoreTest, ARotationThatCannotBeWrittenIsTakenUpAgain) {
  engine::RegistryOptions options;
  options.targets = loopback_targets();
  options.master_key = [](bool) -> Result<MasterKey> { return MasterKey::ephemeral(); };
  auto own = std::move(engine::Registry::load(store, clock, std::move(options))).value();
  made(own->put_secret(kWorkspace, "KEY", "v", {}));
  const std::string before = stored();
  store.faults.change_definitions = true;
  EXPECT_FALSE(own->rotate_master_key());
  store.faults.change_definitions = false;
  EXPECT_EQ(stored(), before);
  made(own->put_secret(kWorkspace, "OTHER", "under the new key", {}));
  done(own->rotate_master_key());
  EXPECT_NE(stored(), before);
  EndpointSettings settings = to(kReceiver);
  settings.auth = R"({"headers":{"A":"$Secret{KEY}$Secret{OTHER}"}})";
  EXPECT_TRUE(own->create_endpoint(kWorkspace, "shop", endpoint_spec(settings)));
}

}  // namespace
}  // namespace headrace::test
