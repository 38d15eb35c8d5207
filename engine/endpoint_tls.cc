// SPDX-License-Identifier: Apache-2.0
#include "engine/endpoint_tls.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "core/limits.h"
#include "core/secret_bytes.h"
#include "engine/faults.h"

namespace headrace::engine {
namespace {

using Json = nlohmann::ordered_json;

Result<void> read_pins(const Json& pins, const std::string& pointer,
                       std::vector<std::string>& into) {
  if (!pins.is_array()) return invalid(pointer, "must be a list of sha256//…");
  for (const Json& pin : pins) {
    if (!pin.is_string())
      return invalid(pointer + "/" + std::to_string(into.size()), "must be a text: sha256//…");
    into.push_back(pin.get<std::string>());
  }
  return {};
}

Result<void> read_key(const std::string& key, const std::string& pointer) {
  if (key.find(kHidden) != std::string::npos)
    return invalid(pointer,
                   "[hidden] stands for a key that is not shown: give the key, or leave tls out");
  auto names = secret_names(key);
  return names ? Result<void>() : invalid(pointer, names.error().what);
}

}  // namespace

Result<dispatch::EndpointTls> parse_tls(std::string_view text, const std::string& pointer) {
  dispatch::EndpointTls tls;
  if (text.empty()) return tls;
  if (text.size() > 4 * dispatch::EndpointTls::kPemBytesMax)
    return invalid(pointer, "has at most 256 KiB");
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object())
    return invalid(pointer, "must be an object with ca, certificate, key and pins");
  for (const auto& [name, value] : json.items()) {
    std::string* const member = name == "ca"            ? &tls.ca
                                : name == "certificate" ? &tls.certificate
                                : name == "key"         ? &tls.key
                                                        : nullptr;
    if (member == nullptr && name != "pins")
      return invalid(pointer, "has only the members ca, certificate, key and pins");
    if (value.is_null()) continue;
    const std::string here = pointer + "/" + name;
    if (member == nullptr) {
      if (auto read = read_pins(value, here, tls.pins); !read) return std::move(read).error();
    } else if (!value.is_string()) {
      return invalid(here, "must be a text in PEM");
    } else {
      *member = value.get<std::string>();
    }
  }
  if (auto read = read_key(tls.key, pointer + "/key"); !read) return std::move(read).error();
  return tls;
}

Result<void> check_tls(std::string_view json, std::string_view workspace,
                       const SecretSource& secrets, const std::string& pointer) {
  if (json.empty()) return {};
  auto tls = parse_tls(json, pointer);
  if (!tls) return std::move(tls).error();
  auto key = with_secrets(tls->key, workspace, secrets, Escape::kNone);
  if (!key) return invalid(pointer + "/key", key.error().what);
  tls->key = std::move(*key);
  auto made = dispatch::TlsContext::make(*tls);
  core::wipe(tls->key.data(), tls->key.size());
  if (made) return {};
  Error error = std::move(made).error();
  if (error.items.empty()) return error;
  return invalid(pointer + error.items[0].where, error.items[0].what);
}

std::string hidden_tls(const std::string& text) {
  if (text.empty()) return text;
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return {};
  if (const auto key = json.find("key"); key != json.end() && key->is_string())
    *key = hide_credentials(key->get<std::string>());
  return json.dump();
}

}  // namespace headrace::engine
