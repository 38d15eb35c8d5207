// SPDX-License-Identifier: Apache-2.0
#include "engine/dispatch_endpoints.h"

#include "engine/request_parts.h"

namespace headrace::engine {
namespace {

// Resolves the secrets of one workspace, and keeps the name of the first that is missing.
class Resolver {
 public:
  Resolver(std::string_view workspace, const SecretSource& source)
      : workspace_(workspace),
        source_([this, &source](std::string_view ws,
                                std::string_view name) -> std::optional<std::string> {
          if (auto value = source ? source(ws, name) : std::nullopt) return value;
          if (missing_.empty()) missing_ = name;
          return std::string();
        }) {}
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  std::string text(const std::string& text, Escape escape) const {
    return with_secrets(text, workspace_, source_, escape).value();  // ours always has a value
  }
  Fields fields(const Fields& fields) const {
    Fields resolved;
    for (const auto& [name, value] : fields)
      resolved.emplace_back(name, text(value, Escape::kNone));
    return resolved;
  }
  const std::string& missing() const noexcept { return missing_; }

 private:
  std::string_view workspace_;
  std::string missing_;
  SecretSource source_;
};

Result<std::shared_ptr<const dispatch::Endpoint>> made(dispatch::EndpointSettings settings,
                                                       const Resolver& resolver) {
  settings.missing_secret = resolver.missing();
  return dispatch::make_endpoint(std::move(settings));
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

Result<std::shared_ptr<const dispatch::Endpoint>> for_dispatch(const EndpointDefinition& definition,
                                                               const SecretSource& secrets) {
  auto parts = parse_request_parts(definition.auth, "/auth");
  if (!parts) return std::move(parts).error();
  const Resolver resolver(definition.workspace, secrets);
  dispatch::EndpointSettings settings;
  settings.number = definition.number;
  settings.url = resolver.text(fill_placeholders(definition.url, parts->params), Escape::kPercent);
  settings.method = parse_method(definition.method);
  settings.headers = resolver.fields(parts->headers);
  settings.query = resolver.fields(parts->query);
  settings.in_flight_max = definition.in_flight_max;
  if (definition.retry_schedule) {
    auto policy = dispatch::RetryPolicy::of_list(*definition.retry_schedule);
    if (!policy) return std::move(policy).error();
    settings.retry = std::move(*policy);
  }
  return made(std::move(settings), resolver);
}

Result<std::shared_ptr<const dispatch::Endpoint>> for_dispatch(const CallDefinition& definition,
                                                               const SecretSource& secrets) {
  const Resolver resolver(definition.workspace, secrets);
  dispatch::EndpointSettings settings;
  settings.number = definition.number;
  settings.url = resolver.text(definition.url, Escape::kPercent);
  settings.method = parse_method(definition.method);
  settings.headers = resolver.fields(definition.headers);
  settings.query = resolver.fields(definition.query);
  settings.body = resolver.text(definition.body, Escape::kJson);
  settings.forward_headers = false;
  settings.in_flight_max = 1;
  return made(std::move(settings), resolver);
}

}  // namespace headrace::engine
