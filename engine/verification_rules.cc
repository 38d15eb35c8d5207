// SPDX-License-Identifier: Apache-2.0
#include "engine/verification_rules.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "engine/faults.h"
#include "ingest/verification/verifier.h"

namespace headrace::engine {
namespace {

using Json = nlohmann::ordered_json;
using verification::Verifier;

constexpr const char* kCredentials[] = {"secrets", "verify_token"};

// `error` of the library, whose pointers begin where the settings do.
Error beneath(const std::string& pointer, Error error) {
  if (error.items.empty()) return invalid(pointer, std::move(error.what));
  return invalid(pointer + error.items.front().where, std::move(error.items.front().what));
}

Result<void> check_credential(const Json& value, const std::string& pointer) {
  if (!value.is_string()) return {};
  const auto& text = value.get_ref<const std::string&>();
  if (text.find(kHidden) != std::string::npos)
    return invalid(pointer,
                   "[hidden] stands for a secret that is not shown: give the secret, or leave "
                   "verification out");
  if (auto names = secret_names(text); !names) return invalid(pointer, names.error().what);
  return {};
}

std::string seconds_text(std::chrono::milliseconds span) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(span).count()) + "s";
}

Result<void> check_credentials(const Json& settings, const std::string& pointer) {
  for (const char* name : kCredentials) {
    const auto it = settings.find(name);
    if (it == settings.end()) continue;
    const std::string here = pointer + "/" + name;
    if (auto checked = check_credential(*it, here); !checked) return checked;
    for (std::size_t i = 0; it->is_array() && i < it->size(); ++i)
      if (auto checked = check_credential((*it)[i], here + "/" + std::to_string(i)); !checked)
        return checked;
  }
  return {};
}

bool outlives(const verification::Terms& terms, std::chrono::milliseconds dedupe_window) {
  return terms.repeatable_for.value_or(std::chrono::milliseconds(0)) > dedupe_window;
}

// Why a message that was recorded could be taken as a new one some time; empty: it cannot, or
// nothing that is signed says how old it is.
std::string repeat_warning(const verification::Terms& terms,
                           std::chrono::milliseconds dedupe_window) {
  const std::string window = "a dedupe_window of " + seconds_text(dedupe_window) + " only";
  if (outlives(terms, dedupe_window))
    return "a message could come again for " + seconds_text(*terms.repeatable_for) +
           ", and is remembered for " + window + ": give a shorter tolerance or max_age";
  if (terms.any_age)
    return "a message is remembered for " + window +
           ", and taken however old it is: give a tolerance or max_age";
  return {};
}

}  // namespace

Result<void> check_verification(const std::string& json, const std::string& pointer,
                                std::chrono::milliseconds dedupe_window) {
  if (json.empty()) return {};
  const Json settings = Json::parse(json, nullptr, false);
  if (!settings.is_object()) return invalid(pointer, "must be an object");
  if (auto checked = check_credentials(settings, pointer); !checked) return checked;
  const auto terms = Verifier::check(json);
  if (!terms) return beneath(pointer, terms.error());
  if (!outlives(*terms, dedupe_window)) return {};
  return invalid(pointer + "/tolerance", "is too long: a message could come again for " +
                                             seconds_text(*terms->repeatable_for) +
                                             ", and is remembered for a dedupe_window of " +
                                             seconds_text(dedupe_window));
}

MadeVerifier make_verifier(const std::string& json, std::string_view workspace,
                           const SecretSource& secrets, std::chrono::milliseconds dedupe_window) {
  auto resolved = with_secrets(json, workspace, secrets, Escape::kJson);
  if (!resolved) return {Verifier::refusing(), std::move(resolved).error().what, {}};
  auto made = Verifier::make(*resolved);
  wipe(*resolved);
  if (!made) return {Verifier::refusing(), "its settings cannot be used: " + made.error().what, {}};
  std::string warning = repeat_warning((*made)->terms(), dedupe_window);
  return {std::move(*made), {}, std::move(warning)};
}

std::string hidden_verification(const std::string& json) {
  if (json.empty()) return json;
  Json settings = Json::parse(json, nullptr, false);
  if (!settings.is_object()) return {};
  const auto hide = [](Json& value) {
    value = value.is_string() ? hide_credentials(value.get_ref<const std::string&>())
                              : std::string(kHidden);
  };
  for (const char* name : kCredentials) {
    const auto it = settings.find(name);
    if (it == settings.end()) continue;
    if (!it->is_array()) {
      hide(*it);
      continue;
    }
    for (Json& one : *it) hide(one);
  }
  return settings.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace headrace::engine
