// SPDX-License-Identifier: Apache-2.0
// The daemon's configuration file. What is accepted, written out as a file again or given as flags,
// comes to the same settings; every setting lies in the bounds that the engine counts on; what is
// refused is refused with a place in the file.
#include <fcntl.h>
#include <sys/mman.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <map>
#include <string>
#include <string_view>

#include "core/ip_address.h"
#include "dispatch/address_filter.h"
#include "dispatch/url.h"
#include "ingest/listener.h"
#include "tests/fuzz/input.h"
#include "tools/settings.h"

namespace headrace::tools {
namespace {

using fuzz::require;

// A file in memory; one for the whole run, as its name is part of what is said of faults.
class MemoryFile {
 public:
  MemoryFile() : fd_(memfd_create("headrace.toml", MFD_CLOEXEC)) {
    require(fd_ >= 0);
    name_ = "/proc/self/fd/" + std::to_string(fd_);
  }
  void write(std::string_view text) {
    require(ftruncate(fd_, 0) == 0);
    require(pwrite(fd_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  }
  const std::string& name() const noexcept { return name_; }

 private:
  int fd_;
  std::string name_;
};

// In words that the reader takes, for each name; texts as they are.
std::map<std::string, std::string> words_of(const Settings& settings) {
  const EngineConfig& engine = settings.engine;
  const InboundConfig& in = engine.inbound;
  const auto ms = [](std::chrono::milliseconds time) {
    // A number of 32 bits with a unit; what is longer came in a longer unit.
    const auto count = time.count();
    if (count <= 0xffffffff) return std::to_string(count) + "ms";
    if (count / 1000 <= 0xffffffff && count % 1000 == 0) return std::to_string(count / 1000) + "s";
    if (count / 60'000 <= 0xffffffff && count % 60'000 == 0)
      return std::to_string(count / 60'000) + "m";
    return count % 86'400'000 == 0 ? std::to_string(count / 86'400'000) + "d"
                                   : std::to_string(count / 3'600'000) + "h";
  };
  constexpr const char* kLevels[] = {"debug", "info", "warning", "error"};
  std::string allow;
  for (const std::string& rule : engine.endpoint_allow) allow += (allow.empty() ? "" : ",") + rule;
  std::map<std::string, std::string> words = {
      {"data", engine.data_directory},
      {"listen", engine.listen},
      {"api_listen", settings.api_listen},
      {"public_url", engine.public_url},
      {"durability", engine.durability == Durability::kFsync ? "fsync" : "os"},
      {"ingest_loops", std::to_string(engine.ingest_loops)},
      {"shards", std::to_string(engine.shards)},
      {"retention", ms(engine.retention)},
      {"audit_retention", ms(engine.audit_retention)},
      {"disk_reserve", std::to_string(engine.disk_reserve_bytes)},
      {"disk_budget", std::to_string(engine.disk_budget_bytes)},
      {"dedupe_window", ms(engine.dedupe_window)},
      {"drain_grace", ms(engine.drain_grace)},
      {"tls_ca_file", engine.tls_ca_file},
      {"endpoint_allow", allow},
      {"plain_http_endpoints", engine.plain_http_endpoints ? "true" : "false"},
      {"dns_servers", engine.dns_servers},
      {"tls_certificate", in.tls_certificate},
      {"tls_key", in.tls_key},
      {"tls_client_ca", in.tls_client_ca},
      {"api_tls_certificate", settings.api_inbound.tls_certificate},
      {"api_tls_key", settings.api_inbound.tls_key},
      {"api_tls_client_ca", settings.api_inbound.tls_client_ca},
      {"proxy_protocol", in.proxy_protocol},
      {"api_proxy_protocol", settings.api_inbound.proxy_protocol},
      {"trusted_proxies", in.trusted_proxies},
      {"client_address_header", in.client_address_header},
      {"connections", std::to_string(in.connections_max)},
      {"connections_per_client", std::to_string(in.connections_per_client_max)},
      {"requests_per_connection", std::to_string(in.requests_per_connection_max)},
      {"head_timeout", ms(in.head_timeout)},
      {"body_timeout", ms(in.body_timeout)},
      {"body_rate", std::to_string(in.body_rate_min)},
      {"idle_timeout", ms(in.idle_timeout)},
      {"log_level", kLevels[static_cast<std::size_t>(settings.log_level)]}};
  if (engine.public_url.empty()) words.erase("public_url");  // there is no word for none
  return words;
}

std::string file_of(const std::map<std::string, std::string>& words) {
  std::string text;
  for (const auto& [name, word] : words) {
    text += name + " = \"";
    constexpr char kDigits[] = "0123456789abcdef";
    for (const char c : word) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20 || byte == 0x7f) {
        text.append("\\u00").append({kDigits[byte >> 4], kDigits[byte & 15]});
      } else {
        if (c == '"' || c == '\\') text += '\\';
        text += c;
      }
    }
    text += "\"\n";
  }
  return text;
}

void check_bounds(const Settings& settings) {
  const EngineConfig& engine = settings.engine;
  require(!engine.data_directory.empty());
  require(engine.ingest_loops <= 16 && engine.shards <= 16);
  require(ingest::ListenAddress::parse(engine.listen).has_value());
  require(settings.api_listen.empty() || ingest::ListenAddress::parse(settings.api_listen));
  for (const auto time :
       {engine.retention, engine.audit_retention, engine.dedupe_window, engine.drain_grace})
    require(time.count() >= 0 && time <= std::chrono::hours(24) * 0xffffffffLL);
  for (const InboundConfig* inbound : {&engine.inbound, &settings.api_inbound}) {
    require(inbound->head_timeout.count() > 0 && inbound->body_timeout.count() > 0 &&
            inbound->idle_timeout.count() > 0);
    require(core::parse_cidr_list(inbound->proxy_protocol).has_value());
    require(core::parse_cidr_list(inbound->trusted_proxies).has_value());
  }
  require(dispatch::AddressFilter::parse(engine.endpoint_allow).has_value());
  require(engine.public_url.empty() || dispatch::Url::parse(engine.public_url).has_value());
}

void run(std::string_view text) {
  static MemoryFile file;
  file.write(text);
  const auto settings = load_settings(file.name(), {});
  if (!settings) {
    const Error& error = settings.error();
    require(error.code == ErrorCode::kInvalidArgument);
    // "FILE:3:1: …", but for what is said of all of it.
    require(error.what.starts_with(file.name() + ":") ||
            error.what == "data must name a directory");
    return;
  }
  check_bounds(*settings);
  const auto words = words_of(*settings);
  require(words.size() + settings->engine.public_url.empty() == all_settings().size());
  const auto flags = load_settings("", words);
  require(flags && words_of(*flags) == words);
  file.write(file_of(words));
  const auto again = load_settings(file.name(), {});
  require(again && words_of(*again) == words);
  // Flags count before the file.
  file.write(text);
  const auto both = load_settings(file.name(), {{"log_level", "error"}, {"listen", "[::1]:1"}});
  require(both && both->log_level == LogLevel::kError && both->engine.listen == "[::1]:1");
}

}  // namespace
}  // namespace headrace::tools

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool cleared = clearenv() == 0;  // it is read, too
  headrace::fuzz::require(cleared);
  headrace::tools::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
