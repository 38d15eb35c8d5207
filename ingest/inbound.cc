// SPDX-License-Identifier: Apache-2.0
#include "ingest/inbound.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace headrace::ingest {
namespace {

// One client shall not be all of them, also when nobody said how many it may be.
constexpr std::size_t kClientsAtLeast = 4;

Error invalid(std::string_view setting, std::string_view what) {
  return Error{ErrorCode::kInvalidArgument, std::string(setting) + " " + std::string(what), 0};
}

std::size_t each_of(const InboundConfig& config, std::size_t connections_max) noexcept {
  if (config.connections_per_client_max != 0) return config.connections_per_client_max;
  return std::max<std::size_t>(connections_max / kClientsAtLeast, 1);
}

Result<ClientRules> rules_of(const InboundConfig& config) {
  ClientRules rules;
  auto greeting = core::parse_cidr_list(config.proxy_protocol);
  if (!greeting) return invalid("proxy_protocol", greeting.error().what);
  auto trusted = core::parse_cidr_list(config.trusted_proxies);
  if (!trusted) return invalid("trusted_proxies", trusted.error().what);
  rules.proxy_protocol = std::move(*greeting);
  rules.trusted_proxies = std::move(*trusted);
  if (config.client_address_header == "forwarded") {
    rules.field = ClientField::kForwarded;
  } else if (config.client_address_header != "x-forwarded-for") {
    return invalid("client_address_header", "must be x-forwarded-for or forwarded");
  }
  return rules;
}

}  // namespace

Inbound::Inbound(const InboundConfig& config, std::size_t connections_max)
    : config_(config),
      connections_max_(connections_max),
      peers_(each_of(config, connections_max)) {}

Result<std::unique_ptr<Inbound>> Inbound::make(const InboundConfig& config,
                                               std::size_t connections_max) {
  if (config.connections_max != 0) connections_max = config.connections_max;
  std::unique_ptr<Inbound> made{new Inbound(config, connections_max)};
  if (std::min({config.head_timeout, config.body_timeout, config.idle_timeout}).count() <= 0)
    return invalid("head_timeout, body_timeout and idle_timeout", "must be more than nothing");
  auto rules = rules_of(config);
  if (!rules) return std::move(rules).error();
  made->clients_ = std::move(*rules);
  if (config.tls_certificate.empty() != config.tls_key.empty())
    return invalid("tls_certificate", "and tls_key are given together or not at all");
  if (config.tls_certificate.empty()) {
    if (!config.tls_client_ca.empty())
      return invalid("tls_client_ca", "needs tls_certificate and tls_key");
    return made;
  }
  auto tls = TlsServer::make({config.tls_certificate, config.tls_key, config.tls_client_ca});
  if (!tls) return std::move(tls).error();
  made->tls_ = std::move(*tls);
  return made;
}

HttpServerOptions Inbound::options(std::size_t loops, core::LogSink* log) noexcept {
  HttpServerOptions options;
  options.connections_max = std::max<std::size_t>(connections_max_ / loops, 1);
  const std::uint64_t requests = config_.requests_per_connection_max;
  options.requests_per_connection_max =
      requests != 0 ? requests : std::numeric_limits<std::uint64_t>::max();
  options.head_timeout = config_.head_timeout;
  options.body_timeout = config_.body_timeout;
  options.idle_timeout = config_.idle_timeout;
  options.body_rate_min = config_.body_rate_min;
  options.tls = tls_.get();
  options.clients = &clients_;
  options.peers = &peers_;
  options.log = log;
  return options;
}

Result<void> Inbound::reload_certificates() {
  return tls_ == nullptr ? Result<void>{} : tls_->reload();
}

}  // namespace headrace::ingest
