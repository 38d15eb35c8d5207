// SPDX-License-Identifier: Apache-2.0
#include "tools/settings.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "core/ip_address.h"
#include "core/time_text.h"
#include "dispatch/address_filter.h"
#include "dispatch/url.h"
#include "ingest/listener.h"

namespace headrace::tools {
namespace {

Error invalid(std::string_view expected) {
  return Error{ErrorCode::kInvalidArgument, "must be " + std::string(expected), 0};
}

template <std::string EngineConfig::*kMember>
Result<void> set_text(Settings& settings, std::string_view value) {
  settings.engine.*kMember = std::string(value);
  return {};
}

Result<void> check_listen(std::string_view value) {
  if (ingest::ListenAddress::parse(value)) return {};
  return invalid("HOST:PORT with a numeric address");
}

Result<void> set_listen(Settings& settings, std::string_view value) {
  settings.engine.listen = std::string(value);
  return check_listen(value);
}

template <unsigned EngineConfig::*kMember>
Result<void> set_threads(Settings& settings, std::string_view value) {
  unsigned count = 0;
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), count);
  if (parsed.ec != std::errc{} || parsed.ptr != value.data() + value.size() || count > 16) {
    return invalid("a number of threads from 0 (by the number of cores) to 16");
  }
  settings.engine.*kMember = count;
  return {};
}

template <std::chrono::milliseconds EngineConfig::*kMember>
Result<void> set_duration(Settings& settings, std::string_view value) {
  const auto duration = core::parse_duration(value);
  if (!duration) return invalid("a duration like 500ms, 15s, 10m, 24h or 30d");
  settings.engine.*kMember = *duration;
  return {};
}

// A number, in bytes or with a unit behind it: KiB, MiB, GiB, TiB.
template <std::uint64_t EngineConfig::*kMember>
Result<void> set_bytes(Settings& settings, std::string_view value) {
  constexpr std::string_view kUnits[] = {"", "KiB", "MiB", "GiB", "TiB"};
  std::uint64_t count = 0;
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), count);
  const std::string_view unit(parsed.ptr, value.data() + value.size());
  const auto known = std::find(std::begin(kUnits), std::end(kUnits), unit);
  const auto shift = static_cast<unsigned>(10 * (known - std::begin(kUnits)));
  if (parsed.ec != std::errc{} || known == std::end(kUnits) ||
      count > (~std::uint64_t{0} >> shift)) {
    return invalid("a size like 0, 500MiB or 20GiB");
  }
  settings.engine.*kMember = count << shift;
  return {};
}

// Of what links are served by, or the API.
template <std::string InboundConfig::*kMember>
Result<void> set_inbound_text(Settings& settings, std::string_view value) {
  settings.engine.inbound.*kMember = std::string(value);
  return {};
}

template <std::string InboundConfig::*kMember>
Result<void> set_api_text(Settings& settings, std::string_view value) {
  settings.api_inbound.*kMember = std::string(value);
  return {};
}

Result<void> check_blocks(std::string_view value) {
  auto blocks = core::parse_cidr_list(value);
  return blocks ? Result<void>{} : invalid("blocks like 10.0.0.0/8, ::1: " + blocks.error().what);
}

template <std::string InboundConfig::*kMember>
Result<void> set_blocks(Settings& settings, std::string_view value) {
  settings.engine.inbound.*kMember = std::string(value);
  return check_blocks(value);
}

// "off" is none.
template <InboundConfig& (*kConfig)(Settings&)>
Result<void> set_proxy_protocol(Settings& settings, std::string_view value) {
  if (value == "off") value = {};
  kConfig(settings).proxy_protocol = std::string(value);
  return check_blocks(value);
}

InboundConfig& of_links(Settings& settings) { return settings.engine.inbound; }
InboundConfig& of_api(Settings& settings) { return settings.api_inbound; }

Result<void> set_client_address_header(Settings& settings, std::string_view value) {
  if (value != "x-forwarded-for" && value != "forwarded")
    return invalid("x-forwarded-for or forwarded");
  settings.engine.inbound.client_address_header = std::string(value);
  return {};
}

template <class Number, Number InboundConfig::*kMember>
Result<void> set_number(Settings& settings, std::string_view value) {
  Number count = 0;
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), count);
  if (parsed.ec != std::errc{} || parsed.ptr != value.data() + value.size())
    return invalid("a whole number");
  settings.engine.inbound.*kMember = count;
  return {};
}

template <std::chrono::milliseconds InboundConfig::*kMember>
Result<void> set_timeout(Settings& settings, std::string_view value) {
  const auto duration = core::parse_duration(value);
  if (!duration || duration->count() <= 0) return invalid("a duration like 500ms, 15s or 2m");
  settings.engine.inbound.*kMember = *duration;
  return {};
}

Result<void> set_durability(Settings& settings, std::string_view value) {
  if (value != "fsync" && value != "os") return invalid("fsync or os");
  settings.engine.durability = value == "fsync" ? Durability::kFsync : Durability::kOs;
  return {};
}

Result<void> set_public_url(Settings& settings, std::string_view value) {
  const auto url = dispatch::Url::parse(value);
  if (!url || value.find('?') != std::string_view::npos)
    return invalid("an http:// or https:// URL without a query");
  while (value.ends_with('/')) value.remove_suffix(1);
  settings.engine.public_url = std::string(value);
  return {};
}

// A text in TOML cannot be left out by the environment or a flag, so nothing has a name as well.
Result<void> set_api_listen(Settings& settings, std::string_view value) {
  if (value == "off") value = {};
  settings.api_listen = std::string(value);
  if (value.empty() || check_listen(value)) return {};
  return invalid("HOST:PORT with a numeric address, or off");
}

// Separated by commas, with or without spaces.
Result<void> set_endpoint_allow(Settings& settings, std::string_view value) {
  std::vector<std::string>& rules = settings.engine.endpoint_allow;
  rules.clear();
  for (bool more = !value.empty(); more;) {
    const std::size_t comma = value.find(',');
    std::string_view rule = value.substr(0, comma);
    while (rule.starts_with(' ')) rule.remove_prefix(1);
    while (rule.ends_with(' ')) rule.remove_suffix(1);
    if (!dispatch::AllowRule::parse(rule))
      return invalid(
          "a list of 10.0.0.0/8, hooks.internal or *.corp.example, each perhaps with :PORT");
    rules.emplace_back(rule);
    more = comma != std::string_view::npos;
    if (more) value.remove_prefix(comma + 1);
  }
  return {};
}

Result<void> set_plain_http_endpoints(Settings& settings, std::string_view value) {
  if (value != "true" && value != "false") return invalid("true or false");
  settings.engine.plain_http_endpoints = value == "true";
  return {};
}

Result<void> set_log_level(Settings& settings, std::string_view value) {
  constexpr std::string_view kLevels[] = {"debug", "info", "warning", "error"};
  const auto level = std::find(std::begin(kLevels), std::end(kLevels), value);
  if (level == std::end(kLevels)) return invalid("debug, info, warning or error");
  settings.log_level = static_cast<LogLevel>(level - std::begin(kLevels));
  return {};
}

constexpr SettingInfo kSettings[] = {
    {"data", "directory of the store; made if it is not there",
     &set_text<&EngineConfig::data_directory>},
    {"listen", "HOST:PORT that links are served on", &set_listen},
    {"api_listen", "HOST:PORT of the management API (127.0.0.1:8081), or off", &set_api_listen},
    {"public_url", "what links begin with, as providers reach it", &set_public_url},
    {"durability", "fsync (survives a power cut) or os (survives a crash of the process)",
     &set_durability},
    {"ingest_loops", "threads that receive; 0: by the number of cores",
     &set_threads<&EngineConfig::ingest_loops>},
    {"shards", "threads that deliver; 0: by the number of cores",
     &set_threads<&EngineConfig::shards>},
    {"retention", "how long messages and attempts are kept",
     &set_duration<&EngineConfig::retention>},
    {"audit_retention", "how long it is known who changed what",
     &set_duration<&EngineConfig::audit_retention>},
    {"disk_reserve", "messages are refused while less than this is free on the disk; 0: none",
     &set_bytes<&EngineConfig::disk_reserve_bytes>},
    {"disk_budget", "messages are refused while the store takes more than this; 0: any",
     &set_bytes<&EngineConfig::disk_budget_bytes>},
    {"dedupe_window", "how long a duplicate is recognised",
     &set_duration<&EngineConfig::dedupe_window>},
    {"drain_grace", "how long attempts in flight may take at shutdown",
     &set_duration<&EngineConfig::drain_grace>},
    {"tls_ca_file", "PEM file of further certificates trusted for https endpoints",
     &set_text<&EngineConfig::tls_ca_file>},
    {"endpoint_allow",
     "where endpoints may lie beyond public addresses: blocks, hosts and *.suffixes, with or "
     "without :PORT",
     &set_endpoint_allow},
    {"plain_http_endpoints", "true: endpoints may be http://; false (default): https:// only",
     &set_plain_http_endpoints, true},
    {"dns_servers", "name servers for endpoints, ADDRESS:PORT; default: the system's",
     &set_text<&EngineConfig::dns_servers>},
    {"tls_certificate", "PEM file of the certificate that links are served with; empty: plain HTTP",
     &set_inbound_text<&InboundConfig::tls_certificate>},
    {"tls_key", "PEM file of its private key", &set_inbound_text<&InboundConfig::tls_key>},
    {"tls_client_ca", "PEM file; clients of links must show a certificate from it",
     &set_inbound_text<&InboundConfig::tls_client_ca>},
    {"api_tls_certificate", "PEM file of the certificate of the API; empty: plain HTTP",
     &set_api_text<&InboundConfig::tls_certificate>},
    {"api_tls_key", "PEM file of its private key", &set_api_text<&InboundConfig::tls_key>},
    {"api_tls_client_ca", "PEM file; clients of the API must show a certificate from it",
     &set_api_text<&InboundConfig::tls_client_ca>},
    {"proxy_protocol", "off, or blocks of addresses whose connections to links begin with PROXY",
     &set_proxy_protocol<&of_links>},
    {"api_proxy_protocol", "the same for the API", &set_proxy_protocol<&of_api>},
    {"trusted_proxies", "blocks of addresses that are believed about whose request it is",
     &set_blocks<&InboundConfig::trusted_proxies>},
    {"client_address_header", "where they say it: x-forwarded-for or forwarded",
     &set_client_address_header},
    {"connections", "connections to links at a time; 0: by the number of file descriptors",
     &set_number<std::size_t, &InboundConfig::connections_max>},
    {"connections_per_client", "of one IPv4 address or IPv6 /64; 0: a quarter of all",
     &set_number<std::size_t, &InboundConfig::connections_per_client_max>},
    {"requests_per_connection", "after that many a connection is closed; 0: any",
     &set_number<std::uint64_t, &InboundConfig::requests_per_connection_max>},
    {"head_timeout", "how long a request's head may take, and a TLS handshake",
     &set_timeout<&InboundConfig::head_timeout>},
    {"body_timeout", "how long a request's body may take",
     &set_timeout<&InboundConfig::body_timeout>},
    {"body_rate", "bytes a second that a body must come at, after 5 s; 0: any",
     &set_number<std::uint64_t, &InboundConfig::body_rate_min>},
    {"idle_timeout", "how long a connection may be open without a request",
     &set_timeout<&InboundConfig::idle_timeout>},
    {"log_level", "least level that is logged: debug, info, warning, error", &set_log_level},
};

Result<void> apply(Settings& settings, const SettingInfo& setting, std::string_view value,
                   const std::string& where) {
  auto set = setting.set(settings, value);
  if (set) return set;
  return Error{ErrorCode::kInvalidArgument,
               where + ": " + std::string(setting.name) + " " + set.error().what, 0};
}

const SettingInfo* find_setting(std::string_view name) noexcept {
  const auto it = std::find_if(std::begin(kSettings), std::end(kSettings),
                               [name](const SettingInfo& setting) { return setting.name == name; });
  return it == std::end(kSettings) ? nullptr : it;
}

std::string position(const std::string& file, const toml::source_region& source) {
  return file + ":" + std::to_string(source.begin.line) + ":" + std::to_string(source.begin.column);
}

// The library reports by exception; they end here.
Result<toml::table> parse(const std::string& file) {
  try {
    return toml::parse_file(file);
  } catch (const toml::parse_error& error) {
    return Error{ErrorCode::kInvalidArgument,
                 position(file, error.source()) + ": " + std::string(error.description()), 0};
  }
}

Result<void> apply_file(Settings& settings, const std::string& file) {
  const auto table = parse(file);
  if (!table) return table.error();
  for (const auto& [key, node] : *table) {
    const std::string where = position(file, key.source());
    const SettingInfo* setting = find_setting(key.str());
    if (setting == nullptr) {
      return Error{ErrorCode::kInvalidArgument,
                   where + ": there is no setting '" + std::string(key.str()) + "'", 0};
    }
    std::string text;
    if (const auto string = node.value_exact<std::string>()) {
      text = *string;
    } else if (const auto number = node.value_exact<std::int64_t>()) {
      text = std::to_string(*number);
    } else if (const auto truth = node.value_exact<bool>(); truth && setting->is_truth) {
      text = *truth ? "true" : "false";
    } else {
      return Error{ErrorCode::kInvalidArgument, where + ": must be a string or a whole number", 0};
    }
    if (auto applied = apply(settings, *setting, text, where); !applied) return applied;
  }
  return {};
}

std::string with(std::string_view name, char separator, int (*letter)(int)) {
  std::string result(name);
  for (char& c : result)
    c = c == '_' ? separator : static_cast<char>(letter(static_cast<unsigned char>(c)));
  return result;
}

// What has no setting of its own for the API is as for links, but for how many may connect.
void share_inbound(Settings& settings) {
  InboundConfig shared = settings.engine.inbound;
  shared.tls_certificate = settings.api_inbound.tls_certificate;
  shared.tls_key = settings.api_inbound.tls_key;
  shared.tls_client_ca = settings.api_inbound.tls_client_ca;
  shared.proxy_protocol = settings.api_inbound.proxy_protocol;
  shared.connections_max = shared.connections_per_client_max = 0;
  settings.api_inbound = std::move(shared);
}

}  // namespace

std::span<const SettingInfo> all_settings() noexcept { return kSettings; }

std::string flag_of(const SettingInfo& setting) {
  return "--" + with(setting.name, '-', &std::tolower);
}

std::string environment_of(const SettingInfo& setting) {
  return "HEADRACE_" + with(setting.name, '_', &std::toupper);
}

Result<Settings> load_settings(const std::string& file,
                               const std::map<std::string, std::string>& flags) {
  Settings settings;
  settings.engine.data_directory = "./headrace-data";
  settings.engine.listen = "0.0.0.0:8080";
  if (!file.empty()) {
    if (auto applied = apply_file(settings, file); !applied) return std::move(applied).error();
  }
  for (const SettingInfo& setting : kSettings) {
    const std::string variable = environment_of(setting);
    if (const char* value = std::getenv(variable.c_str())) {
      if (auto applied = apply(settings, setting, value, variable); !applied)
        return std::move(applied).error();
    }
  }
  for (const auto& [name, value] : flags) {
    const SettingInfo& setting = *find_setting(name);
    if (auto applied = apply(settings, setting, value, flag_of(setting)); !applied)
      return std::move(applied).error();
  }
  share_inbound(settings);
  if (settings.engine.data_directory.empty()) {
    return Error{ErrorCode::kInvalidArgument, "data must name a directory", 0};
  }
  return settings;
}

}  // namespace headrace::tools
