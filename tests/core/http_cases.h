// SPDX-License-Identifier: Apache-2.0
// llhttp's own collection of cases, where it is at hand (shared/corpora/http1 beside the source
// tree).
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace headrace::core::test {

struct HttpCase {
  std::string name, kind, bytes;
  bool must_reject = false;
  std::size_t messages = 0;

  // Accepted by llhttp only with a leniency switched on. We have none, so only the agreement of
  // pieces matters.
  bool lenient() const { return kind.find("lenient") != std::string::npos; }
};

inline std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

// Most cases have no Host, which HTTP/1.1 demands: they are tried again with one.
inline std::string with_host(std::string bytes) {
  if (bytes.find("Host:") != std::string::npos || bytes.find("HOST:") != std::string::npos)
    return bytes;
  constexpr std::string_view kVersion = " HTTP/1.1\r\n";
  constexpr std::string_view kHost = "Host: a\r\n";
  for (std::size_t at = 0; (at = bytes.find(kVersion, at)) != std::string::npos;
       at += kHost.size()) {
    at += kVersion.size();
    bytes.insert(at, kHost);
  }
  return bytes;
}

// Those whose kind begins so. False: the collection is not there.
inline bool read_http_cases(std::string_view kind, std::vector<HttpCase>& cases) {
  std::ifstream file(std::filesystem::path(HEADRACE_SOURCE_DIR) /
                     "../shared/corpora/http1/cases.json");
  if (!file) return false;
  for (const auto& entry : nlohmann::json::parse(file)) {
    const std::string its = entry.at("kind");
    if (!its.starts_with(kind)) continue;
    cases.push_back({entry.at("name"), its, from_hex(entry.at("bytes_hex")),
                     entry.at("must_reject"), entry.at("messages")});
  }
  return true;
}

}  // namespace headrace::core::test
