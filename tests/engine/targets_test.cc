// SPDX-License-Identifier: Apache-2.0
// Where endpoints and calls may lead: judged when they are written down.
#include <algorithm>
#include <string>

#include "tests/dispatch/addresses.h"
#include "tests/engine/registry_rig.h"

namespace headrace::test {
namespace {

std::string in_url(std::string_view address) {
  const bool v6 = address.find(':') != std::string_view::npos;
  return v6 ? "[" + std::string(address) + "]" : std::string(address);
}

// Global addresses over https only, unless a test says otherwise.
class TargetsTest : public RegistryTest {
 protected:
  TargetsTest() { allow({}, false); }

  void allow(const std::vector<std::string>& rules, bool plain) {
    registry.reset();
    addresses = std::make_unique<dispatch::AddressFilter>(*dispatch::AddressFilter::parse(rules));
    plain_http = plain;
    load();
  }
  Error refused(std::string_view url) {
    return error_of(registry->create_endpoint(kWorkspace, "shop", endpoint_spec(to(url))));
  }
};

TEST_F(TargetsTest, NoLiteralThatIsNotGlobalIsTaken) {
  webhook();
  const std::string before = stored();
  for (const auto& [address, why] : kRefusedAddresses) {
    const Error error = refused("https://" + in_url(address) + "/hook");
    EXPECT_EQ(error.code, ErrorCode::kAddressNotAllowed) << address << ": " << why;
    EXPECT_EQ(places(error), "/url");
  }
  EXPECT_EQ(stored(), before);
  EXPECT_TRUE(asked_names.empty());
}

TEST_F(TargetsTest, NoSpellingOfALocalHostIsTakenOrAskedFor) {
  webhook();
  const std::string before = stored();
  for (const std::string_view host : kRefusedHosts) {
    const Error error = refused("https://" + std::string(host) + "/hook");
    EXPECT_TRUE(error.code == ErrorCode::kAddressNotAllowed ||
                error.code == ErrorCode::kMalformed || error.code == ErrorCode::kInvalidArgument)
        << host << ": " << error.what;
  }
  EXPECT_EQ(stored(), before);
  EXPECT_TRUE(asked_names.empty());
}

TEST_F(TargetsTest, ANameIsJudgedByWhatItResolvesTo) {
  webhook("github", "repo", {"prd", "snd", "dev"});
  for (const auto& [address, why] : kRefusedAddresses) {
    dns_table["hooks.test"] = *dispatch::known_addresses(address);
    const Error error = refused("https://hooks.test/");
    EXPECT_EQ(error.code, ErrorCode::kAddressNotAllowed) << address << ": " << why;
    EXPECT_EQ(places(error), "/url");
    EXPECT_EQ(error.what.find(address), std::string::npos) << "what it resolves to is not told";
  }
  dns_table["hooks.test"] = *dispatch::known_addresses("8.8.8.8");
  endpoint("shop", to("https://hooks.test/"));
  endpoint("shop", to("https://nobody-knows.test/"), "snd");
  EXPECT_EQ(asked_names.back(), "nobody-knows.test");
  dns_table["hooks.test"].add(dispatch::known_addresses("10.0.0.1")->list[0]);
  endpoint("shop", to("https://hooks.test/"), "dev");  // one that is allowed will do
}

TEST_F(TargetsTest, EveryWayToWriteAUrlIsJudged) {
  webhook("github", "repo", {"prd", "snd"});
  dns_table["inside.test"] = *dispatch::known_addresses("10.0.0.1");
  const Endpoint there = endpoint("shop", to("https://hooks.test/"), "snd");
  for (const char* url : {"https://127.0.0.1/", "https://inside.test/"}) {
    const Error links = error_of(registry->create_link(kWorkspace, "shop", link_spec(to(url))));
    EXPECT_EQ(links.code, ErrorCode::kAddressNotAllowed) << url;
    EXPECT_EQ(places(links), "/url");
    const Error enabled = error_of(registry->enable(kWorkspace, "shop", enable_spec(to(url))));
    EXPECT_EQ(enabled.code, ErrorCode::kAddressNotAllowed) << url;
    EXPECT_EQ(places(enabled), "/envs/0/url");
    const Error changed = error_of(registry->update_endpoint(kWorkspace, there.id, to(url), {}));
    EXPECT_EQ(changed.code, ErrorCode::kAddressNotAllowed) << url;
  }
  EXPECT_EQ(made(registry->endpoint(kWorkspace, there.id)).url, "https://hooks.test/");
}

TEST_F(TargetsTest, AParameterDoesNotLeadElsewhere) {
  webhook();
  EndpointSettings settings = to("https://{host}/hook");
  settings.auth = R"({"params":{"host":"127.0.0.1"}})";
  const Error error =
      error_of(registry->create_endpoint(kWorkspace, "shop", endpoint_spec(std::move(settings))));
  EXPECT_EQ(error.code, ErrorCode::kAddressNotAllowed);
}

TEST_F(TargetsTest, UrlsOfCallsAreJudgedLikeOthers) {
  dns_table["inside.test"] = *dispatch::known_addresses("10.0.0.1");
  for (const char* url : {"https://169.254.169.254/latest", "https://inside.test/{id}"}) {
    WebhookSpec spec = webhook_spec();
    spec.envs[0].registration_url = url;
    const Error error = error_of(registry->create_webhook(kWorkspace, "github", spec));
    EXPECT_EQ(error.code, ErrorCode::kAddressNotAllowed) << url;
    EXPECT_EQ(places(error), "/envs/0/registration_url");
  }
  calling_webhook("https://api.test/hooks");
  WebhookPatch patch;
  patch.envs = {{.slug = "prd"}};
  patch.envs[0].unregistration_url = "https://[::1]/";
  const Error error = error_of(registry->update_webhook(kWorkspace, "github", "repo", patch, {}));
  EXPECT_EQ(error.code, ErrorCode::kAddressNotAllowed);
  EXPECT_EQ(places(error), "/envs/0/unregistration_url");
}

// Whoever makes names slow holds up a request once, not once a name.
TEST_F(TargetsTest, NamesOfARequestAreAskedForTogetherAndEachOnce) {
  WebhookSpec spec = webhook_spec();
  WebhookPatch patch;
  EnableSpec enable = enable_spec(to("https://hooks.test/"));
  for (int i = 0; i < 63; ++i) {
    const std::string slug = "e" + std::to_string(i);
    spec.envs.push_back({.slug = slug, .registration_url = "https://" + slug + ".test/register"});
    spec.envs.back().unregistration_url = "https://" + slug + ".test/unregister";
    patch.envs.push_back({.slug = slug});
    patch.envs.back().registration_url = "https://other." + slug + ".test/{id}";
    patch.envs.back().unregistration_url = "https://far." + slug + ".test/{id}";
    enable.envs.push_back({.slug = slug, .settings = to("https://" + slug + ".in.test/")});
  }
  made(registry->create_webhook(kWorkspace, "github", spec));
  EXPECT_EQ(look_ups, 1u);
  EXPECT_EQ(asked_names.size(), 63u);
  made(registry->update_webhook(kWorkspace, "github", "repo", patch, {}));
  EXPECT_EQ(look_ups, 2u);
  EXPECT_EQ(asked_names.size(), 63u + 126u);
  EXPECT_EQ(error_of(registry->enable(kWorkspace, "shop", enable)).code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(look_ups, 3u);
  EXPECT_EQ(asked_names.size(), 63u + 126u + 64u);
  // What is wrong without asking is told without asking.
  patch.envs[62].unregistration_url = "https://127.0.0.1/";
  const Error error = error_of(registry->update_webhook(kWorkspace, "github", "repo", patch, {}));
  EXPECT_EQ(places(error), "/envs/62/unregistration_url");
  EXPECT_EQ(look_ups, 3u);
}

TEST_F(TargetsTest, ACallIsJudgedOnceItsHostIsFilledIn) {
  calling_webhook("https://{host}/hooks");
  EnableSpec spec = enable_spec(to("https://hooks.test/"));
  spec.envs[0].settings.auth = R"({"params":{"host":"127.0.0.1"}})";
  const Error error = error_of(registry->enable(kWorkspace, "shop", spec));
  EXPECT_EQ(error.code, ErrorCode::kAddressNotAllowed);
  EXPECT_EQ(places(error), "/envs/0/auth");
  spec.envs[0].settings.auth = R"({"params":{"host":"api.test"}})";
  made(registry->enable(kWorkspace, "shop", spec));
}

// An error that named the host would show the secret's value, here "s3cr3t".
TEST_F(TargetsTest, NoSecretStandsInAnAuthorityOrInAnErrorOfIt) {
  webhook();
  const auto tell = [](const Error& error, std::string_view place) {
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument) << error.what;
    EXPECT_EQ(places(error), place);
    EXPECT_EQ(error.what.find("s3cr3t"), std::string::npos) << error.what;
    for (const ErrorItem& item : error.items)
      EXPECT_EQ(item.what.find("s3cr3t"), std::string::npos) << item.what;
  };
  const std::string before = stored();
  for (const char* url : {"https://$Secret{TOKEN}.localhost/", "https://$Secret{TOKEN}@localhost/",
                          "https://hooks.test:$Secret{TOKEN}/", "https://$Secret{TOKEN}",
                          "$Secret{TOKEN}://x/", "https://$Secret{TOKEN}?a=b"}) {
    tell(refused(url), "/url");
    WebhookSpec spec = webhook_spec("other");
    spec.envs[0].registration_url = url;
    tell(error_of(registry->create_webhook(kWorkspace, "github", spec)),
         "/envs/0/registration_url");
    spec.envs[0].registration_url = "https://api.test/";
    spec.envs[0].unregistration_url = url;
    tell(error_of(registry->create_webhook(kWorkspace, "github", spec)),
         "/envs/0/unregistration_url");
  }
  EndpointSettings settings = to("https://{host}.localhost/");
  settings.auth = R"({"params":{"host":"$Secret{TOKEN}"}})";
  tell(error_of(registry->create_endpoint(kWorkspace, "shop", endpoint_spec(settings))), "/url");
  EXPECT_EQ(stored(), before);
  WebhookSpec calling = webhook_spec("calling");
  calling.envs[0].registration_url = "https://{host}.localhost/";
  made(registry->create_webhook(kWorkspace, "github", calling));
  EnableSpec enable = enable_spec(to("https://hooks.test/"));
  enable.webhook = "calling";
  enable.envs[0].settings.auth = R"({"params":{"host":"$Secret{TOKEN}"}})";
  tell(error_of(registry->enable(kWorkspace, "shop", enable)), "/envs/0/auth/params");
  // Further behind, a secret is at home.
  endpoint("shop", to("https://hooks.test/$Secret{TOKEN}?key=$Secret{TOKEN}"));
}

TEST_F(TargetsTest, WithoutTlsAUrlIsTakenOnlyWhereThatIsAllowed) {
  webhook();
  const Error error = refused("http://hooks.test/");
  EXPECT_EQ(error.code, ErrorCode::kPlainHttpNotAllowed);
  EXPECT_EQ(places(error), "/url");
  EXPECT_TRUE(asked_names.empty());
  WebhookSpec calling = webhook_spec("other");
  calling.envs[0].registration_url = "http://api.test/";
  EXPECT_EQ(error_of(registry->create_webhook(kWorkspace, "github", calling)).code,
            ErrorCode::kPlainHttpNotAllowed);
  allow({}, true);
  endpoint("shop", to("http://hooks.test/"));
}

TEST_F(TargetsTest, WhatARuleAddsIsTaken) {
  allow({"10.0.0.0/8", "inside.test:8443"}, false);
  webhook("github", "repo", {"prd", "snd"});
  dns_table["inside.test"] = *dispatch::known_addresses("192.168.0.1");
  endpoint("shop", to("https://10.1.2.3/"));
  endpoint("shop", to("https://inside.test:8443/"), "snd");
  EXPECT_EQ(refused("https://inside.test/").code, ErrorCode::kAddressNotAllowed);
}

// The rules may have become stricter since.
TEST_F(TargetsTest, WhatIsThereAlreadyCanStillBePausedButNotTested) {
  allow({"127.0.0.0/8"}, true);
  webhook();
  const Endpoint old = endpoint();
  allow({}, false);
  EndpointSettings paused;
  paused.state = EndpointState::kPaused;
  made(registry->update_endpoint(kWorkspace, old.id, paused, {}));
  EXPECT_EQ(error_of(registry->endpoint_target(kWorkspace, old.id, {})).code,
            ErrorCode::kPlainHttpNotAllowed);
  EXPECT_EQ(error_of(registry->update_endpoint(kWorkspace, old.id, to(kReceiver), {})).code,
            ErrorCode::kPlainHttpNotAllowed);
  allow({}, true);
  EXPECT_EQ(error_of(registry->endpoint_target(kWorkspace, old.id, {})).code,
            ErrorCode::kAddressNotAllowed);
  allow({"127.0.0.0/8"}, true);
  made(registry->endpoint_target(kWorkspace, old.id, {}));
}

}  // namespace
}  // namespace headrace::test
