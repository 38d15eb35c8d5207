// SPDX-License-Identifier: Apache-2.0
#include "engine/dispatch_endpoints.h"

#include "engine/delivery_rules.h"
#include "engine/endpoint_tls.h"
#include "engine/request_parts.h"

namespace headrace::engine {
namespace {

// Resolves the secrets of one workspace, and notes the first that cannot be used.
class Resolver {
 public:
  // `usable` false: as if none of them were there.
  Resolver(std::string_view workspace, const SecretSource& source, bool usable)
      : workspace_(workspace),
        source_([this, &source, usable](std::string_view ws,
                                        std::string_view name) -> std::optional<std::string> {
          used_ = true;
          auto value = usable && source ? source(ws, name) : std::nullopt;
          if (value) return value;
          if (missing_.empty()) missing_ = name;
          return std::string();
        }) {}
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  std::string text(const std::string& text, Escape escape) {
    auto resolved = with_secrets(text, workspace_, source_, escape);
    if (resolved) return std::move(*resolved);
    missing_ = "of a name that is none";  // ours answers for every name, so it is the spelling
    return {};
  }
  Fields fields(const Fields& fields) {
    Fields resolved;
    for (const auto& [name, value] : fields)
      resolved.emplace_back(name, text(value, Escape::kNone));
    return resolved;
  }
  const std::string& missing() const noexcept { return missing_; }
  bool used() const noexcept { return used_; }

 private:
  std::string_view workspace_;
  std::string missing_;
  bool used_ = false;
  SecretSource source_;
};

using Made = Result<std::shared_ptr<const dispatch::Endpoint>>;

// With its secrets; where these make it something that cannot be sent (a line end in a header,
// say), as an endpoint whose attempts fail by the secret's name. A start must not hang on one
// value.
template <class Settings>
Made made(std::string_view workspace, const SecretSource& secrets, const Settings& settings_of) {
  Resolver resolver(workspace, secrets, true);
  Result<dispatch::EndpointSettings> settings = settings_of(resolver);
  if (!settings) return std::move(settings).error();
  settings->missing_secret = resolver.missing();
  Made endpoint = dispatch::make_endpoint(std::move(*settings));
  if (endpoint || !resolver.used()) return endpoint;
  Resolver without(workspace, secrets, false);
  settings = settings_of(without);
  settings->missing_secret = without.missing();
  return dispatch::make_endpoint(std::move(*settings));
}

}  // namespace

core::Method parse_method(std::string_view text) noexcept {
  for (const auto method : {core::Method::kGet, core::Method::kPost, core::Method::kPut,
                            core::Method::kPatch, core::Method::kDelete}) {
    if (core::to_string(method) == text) return method;
  }
  return core::Method::kOther;
}

bool sends_body(core::Method method) noexcept {
  return method == core::Method::kPost || method == core::Method::kPut ||
         method == core::Method::kPatch;
}

Made for_dispatch(const EndpointDefinition& definition, const SecretStore& secrets) {
  auto signer = secrets.signer_of(definition);
  if (!signer) return std::move(signer).error();
  return made(definition.workspace, secrets.source(),
              [&](Resolver& resolver) -> Result<dispatch::EndpointSettings> {
                auto parts = parse_request_parts(definition.auth, "/auth");
                if (!parts) return std::move(parts).error();
                dispatch::EndpointSettings settings;
                settings.number = definition.number;
                settings.url = resolver.text(fill_placeholders(definition.url, parts->params),
                                             Escape::kPercent);
                settings.method = parse_method(definition.method);
                settings.headers = resolver.fields(parts->headers);
                settings.query = resolver.fields(parts->query);
                settings.signer = *signer;
                settings.held = holds_messages(definition.state);
                if (!definition.tls.empty()) {
                  auto tls = parse_tls(definition.tls, "/tls");
                  if (!tls) return std::move(tls).error();
                  tls->key = resolver.text(tls->key, Escape::kNone);
                  settings.tls = *std::move(tls);
                }
                if (auto added = add_delivery(definition.delivery, settings); !added)
                  return std::move(added).error();
                return settings;
              });
}

Made for_dispatch(const CallDefinition& definition, const SecretSource& secrets) {
  return made(definition.workspace, secrets,
              [&](Resolver& resolver) -> Result<dispatch::EndpointSettings> {
                dispatch::EndpointSettings settings;
                settings.number = definition.number;
                settings.url = resolver.text(definition.url, Escape::kPercent);
                settings.method = parse_method(definition.method);
                settings.headers = resolver.fields(definition.headers);
                settings.query = resolver.fields(definition.query);
                settings.body = resolver.text(definition.body, Escape::kJson);
                settings.forward_headers = false;
                settings.in_flight_max = 1;
                return settings;
              });
}

}  // namespace headrace::engine
