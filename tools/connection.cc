// SPDX-License-Identifier: Apache-2.0
#include "tools/connection.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace headrace::tools {
namespace {

constexpr const char* kDefaultUrl = "http://127.0.0.1:8081";

Error invalid(std::string what) { return Error{ErrorCode::kInvalidArgument, std::move(what)}; }

std::string first_of(const std::string& flag, const Environment& environment,
                     const char* variable) {
  return flag.empty() ? environment(variable).value_or("") : flag;
}

bool is_visible(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

Result<std::string> url_of(std::string url) {
  const bool is_web = url.starts_with("http://") || url.starts_with("https://");
  // A name in front of an @ would be a credential in a flag; a query could not be continued.
  if (!is_web || !is_visible(url) || url.find_first_of("@?#\\") != std::string::npos)
    return invalid("the daemon's URL must be http://HOST:PORT or https://HOST:PORT");
  while (url.ends_with('/')) url.pop_back();
  return url;
}

Result<std::string> key_of(const ConnectionFlags& flags, const Environment& environment) {
  const std::string file = first_of(flags.key_file, environment, "HEADRACE_KEY_FILE");
  std::string key;
  if (!file.empty()) {
    auto text = read_file(file);
    if (!text) return invalid("the key: " + text.error().what);
    key = *text;
  } else {
    key = environment("HEADRACE_KEY").value_or("");
  }
  key.erase(std::min(key.find_last_not_of(" \t\r\n") + 1, key.size()));
  if (key.empty())
    return invalid("there is no key: give --key-file, HEADRACE_KEY_FILE or HEADRACE_KEY");
  if (!is_visible(key)) return invalid("the key is not one line of visible characters");
  return key;
}

}  // namespace

Result<Connection> connection(const ConnectionFlags& flags, const Environment& environment) {
  const std::string given = first_of(flags.url, environment, "HEADRACE_URL");
  auto url = url_of(given.empty() ? kDefaultUrl : given);
  if (!url) return url.error();
  auto key = key_of(flags, environment);
  if (!key) return key.error();
  std::string workspace = first_of(flags.workspace, environment, "HEADRACE_WORKSPACE");
  if (!is_visible(workspace)) return invalid("the workspace is no tag");
  return Connection{std::move(*url), std::move(*key), std::move(workspace)};
}

Result<std::string> read_file(const std::string& name) {
  const auto close = [](std::FILE* file) {
    if (file != stdin) std::fclose(file);
  };
  const std::unique_ptr<std::FILE, decltype(close)> file(
      name == "-" ? stdin : std::fopen(name.c_str(), "rb"), close);
  std::string text;
  char block[65536];
  while (file != nullptr) {
    const std::size_t count = std::fread(block, 1, sizeof block, file.get());
    text.append(block, count);
    if (count == 0) break;
  }
  if (file != nullptr && std::ferror(file.get()) == 0) return text;
  return Error{ErrorCode::kStorageFailed, name + ": " + std::strerror(errno), errno};
}

}  // namespace headrace::tools
