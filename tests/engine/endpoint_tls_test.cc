// SPDX-License-Identifier: Apache-2.0
// `tls` of an endpoint: what is refused and where, what is shown, what dispatch gets.
#include "engine/endpoint_tls.h"

#include <nlohmann/json.hpp>
#include <string>

#include "tests/dispatch/certificates.h"
#include "tests/engine/registry_rig.h"

namespace headrace::test {
namespace {

using Json = nlohmann::json;

class EndpointTlsRegistryTest : public RegistryTest {
 protected:
  EndpointTlsRegistryTest() {
    webhook();
    secrets["KEY"] = identity.key;
    secrets["OTHER"] = root.client().key;
  }
  EndpointSettings with(const Json& tls, const char* url = "https://hooks.test/") {
    EndpointSettings settings = to(url);
    settings.tls = tls.is_string() ? tls.get<std::string>() : tls.dump();
    return settings;
  }
  Error refused(const Json& tls) {
    Error error = error_of(registry->create_endpoint(kWorkspace, "shop", endpoint_spec(with(tls))));
    EXPECT_EQ(error.what.find("PRIVATE"), std::string::npos) << error.what;
    EXPECT_EQ(error.what.find(identity.key.substr(40, 20)), std::string::npos) << error.what;
    return error;
  }

  const dispatch::TestRoot root;
  const dispatch::TestRoot::Identity identity = root.client();
  const std::string pin = dispatch::pin_of(root.server({}).get());
};

TEST_F(EndpointTlsRegistryTest, EachFaultHasItsPointer) {
  const std::string before = stored();
  EXPECT_EQ(places(refused("[]")), "/tls");
  EXPECT_EQ(places(refused("{")), "/tls");
  EXPECT_EQ(places(refused({{"verify", false}})), "/tls") << "there is no way to switch it off";
  EXPECT_EQ(places(refused({{"ca", 1}})), "/tls/ca");
  EXPECT_EQ(places(refused({{"ca", "x"}})), "/tls/ca");
  EXPECT_EQ(places(refused({{"pins", pin}})), "/tls/pins");
  EXPECT_EQ(places(refused({{"pins", {pin, 1}}})), "/tls/pins/1");
  EXPECT_EQ(places(refused({{"pins", {"sha256//x"}}})), "/tls/pins/0");
  EXPECT_EQ(places(refused({{"certificate", identity.certificate}})), "/tls/key");
  EXPECT_EQ(places(refused({{"key", "$Secret{KEY}"}})), "/tls/certificate");
  for (const std::string& key :
       {std::string("$Secret{NONE}"), std::string("$Secret{"), std::string("$Secret{OTHER}"),
        std::string("[hidden]"), "x" + identity.key.substr(40), root.client().key})
    EXPECT_EQ(places(refused({{"certificate", identity.certificate}, {"key", key}})), "/tls/key")
        << key;
  const Error plain = error_of(registry->create_endpoint(
      kWorkspace, "shop", endpoint_spec(with({{"ca", root.pem()}}, "http://127.0.0.1/"))));
  EXPECT_EQ(places(plain), "/tls");
  EXPECT_EQ(stored(), before);
}

TEST_F(EndpointTlsRegistryTest, DispatchGetsAContextOnceAndAnotherAfterAChange) {
  const Endpoint made = endpoint("shop", with({{"ca", root.pem()},
                                               {"certificate", identity.certificate},
                                               {"key", "$Secret{KEY}"},
                                               {"pins", {pin}}}));
  const auto* context = dispatched(made.id)->tls.get();
  ASSERT_NE(context, nullptr);
  EXPECT_EQ(dispatched(made.id)->settings.missing_secret, "");
  EXPECT_EQ(dispatched(made.id)->settings.tls->key, "");
  event();
  EXPECT_EQ(dispatched(made.id)->tls.get(), context) << "another's change makes none anew";
  EndpointSettings change;
  change.tls = "";
  test::made(registry->update_endpoint(kWorkspace, made.id, change, {}));
  EXPECT_EQ(dispatched(made.id)->tls, nullptr);
}

TEST_F(EndpointTlsRegistryTest, AKeyIsShownOnlyAsTheNameOfASecret) {
  const Json named = {{"certificate", identity.certificate}, {"key", "$Secret{KEY}"}};
  const Endpoint there = endpoint("shop", with(named));
  EXPECT_EQ(Json::parse(there.tls), named);
  EndpointSettings change;
  change.tls = Json{{"certificate", identity.certificate}, {"key", identity.key}}.dump();
  const Endpoint changed = made(registry->update_endpoint(kWorkspace, there.id, change, {}));
  EXPECT_EQ(Json::parse(changed.tls)["key"], "[hidden]");
  EXPECT_EQ(Json::parse(changed.tls)["certificate"], identity.certificate);
  EXPECT_EQ(lists().find(identity.key.substr(40, 20)), std::string::npos);
}

TEST_F(EndpointTlsRegistryTest, SettingsSurviveARestartAndASecretThatIsGone) {
  const Endpoint there =
      endpoint("shop", with({{"certificate", identity.certificate}, {"key", "$Secret{KEY}"}}));
  load();
  EXPECT_EQ(made(registry->endpoint(kWorkspace, there.id)).tls, there.tls);
  EXPECT_NE(dispatched(there.id)->tls, nullptr);
  secrets.erase("KEY");
  load();
  EXPECT_EQ(dispatched(there.id)->settings.missing_secret, "KEY");
  EXPECT_EQ(dispatched(there.id)->tls, nullptr);
}

}  // namespace
}  // namespace headrace::test
