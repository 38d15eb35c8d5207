// SPDX-License-Identifier: Apache-2.0
#include "ingest/verification/settings.h"

#include "core/time_text.h"

namespace headrace::verification {
namespace {

constexpr int kWipeDepth = 4;  // no setting lies deeper

void wipe_texts(Json& json, int depth) {
  if (json.is_string()) {
    auto& text = json.get_ref<std::string&>();
    core::wipe(text.data(), text.size());
  } else if (json.is_structured() && depth < kWipeDepth) {
    for (Json& element : json) wipe_texts(element, depth + 1);
  }
}

}  // namespace

Document::~Document() { wipe_texts(json_, 0); }

void Document::fail(std::string pointer, std::string what) {
  if (fault_) return;
  fault_ = Error{ErrorCode::kInvalidArgument, pointer + ": " + what, 0};
  fault_->items.push_back({std::move(pointer), std::move(what)});
}

std::string Settings::pointer_of(std::string_view name) const {
  std::string pointer = pointer_ + "/";
  for (const char c : name) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
  return pointer;
}

const Json* Settings::find(std::string_view name) {
  asked_.emplace(name);
  const auto found = object_.find(name);
  return found == object_.end() ? nullptr : &*found;
}

std::string Settings::text(std::string_view name, std::string_view otherwise) {
  const Json* value = find(name);
  if (value == nullptr) return std::string(otherwise);
  if (value->is_string()) return value->get<std::string>();
  fail(name, "must be a text");
  return {};
}

std::string Settings::required_text(std::string_view name) {
  std::string value = text(name);
  if (value.empty()) fail(name, "must be given, and not be empty");
  return value;
}

bool Settings::boolean(std::string_view name, bool otherwise) {
  const Json* value = find(name);
  if (value == nullptr) return otherwise;
  if (value->is_boolean()) return value->get<bool>();
  fail(name, "must be true or false");
  return otherwise;
}

std::optional<std::int64_t> Settings::number(std::string_view name, std::int64_t most) {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_number_unsigned() && value->get<std::uint64_t>() >= 1 &&
      value->get<std::uint64_t>() <= static_cast<std::uint64_t>(most))
    return value->get<std::int64_t>();
  fail(name, "must be a whole number from 1 to " + std::to_string(most));
  return std::nullopt;
}

std::vector<std::string> Settings::texts(std::string_view name) {
  std::vector<std::string> result;
  const Json* values = array(name);
  if (values == nullptr) return result;
  for (std::size_t i = 0; i < values->size(); ++i) {
    const Json& value = (*values)[i];
    if (!value.is_string() || value.get_ref<const std::string&>().empty()) {
      document_.fail(pointer_of(name) + "/" + std::to_string(i), "must be a text, not empty");
      return {};
    }
    result.push_back(value.get<std::string>());
  }
  return result;
}

std::optional<std::chrono::milliseconds> Settings::duration(
    std::string_view name, std::optional<std::chrono::milliseconds> otherwise) {
  if (find(name) == nullptr) return otherwise;
  const std::string written = text(name);
  if (written == "none") return std::nullopt;
  const auto span = core::parse_duration(written);
  if (!span || span->count() == 0)
    fail(name, R"(must be a time such as "30s", "5m" or "2h", or "none")");
  return span;
}

std::size_t Settings::choice_index(std::string_view name,
                                   std::initializer_list<std::string_view> choices) {
  if (find(name) == nullptr) return 0;
  const std::string written = text(name);
  std::string all;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const std::string_view choice = choices.begin()[i];
    if (written == choice) return i;
    all += (all.empty() ? "" : ", ") + std::string(choice);
  }
  fail(name, "must be one of " + all);
  return 0;
}

Secret Settings::secret_of(const Json& value, std::string pointer) {
  Secret secret;
  secret.pointer = std::move(pointer);
  if (!value.is_string() || value.get_ref<const std::string&>().empty()) {
    document_.fail(secret.pointer, "must be a text, not empty");
    return secret;
  }
  const auto& text = value.get_ref<const std::string&>();
  secret.open = text.find("$Secret{") != std::string::npos;
  if (secret.open && !document_.may_be_open())
    document_.fail(secret.pointer, "is still written $Secret{}: its value is not known");
  secret.text = core::SecretBytes(text);
  return secret;
}

std::vector<Secret> Settings::secrets(std::string_view name) {
  std::vector<Secret> result;
  const Json* values = array(name);
  if (values == nullptr) return result;
  if (values->empty() || values->size() > kSecretsMax) {
    fail(name, "must have from 1 to " + std::to_string(kSecretsMax) + " elements");
    return result;
  }
  for (std::size_t i = 0; i < values->size(); ++i)
    result.push_back(secret_of((*values)[i], pointer_of(name) + "/" + std::to_string(i)));
  return result;
}

std::optional<Secret> Settings::secret(std::string_view name) {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  return secret_of(*value, pointer_of(name));
}

const Json* Settings::array(std::string_view name) {
  const Json* value = find(name);
  if (value == nullptr || value->is_array()) return value;
  fail(name, "must be an array");
  return nullptr;
}

const Json* Settings::object(std::string_view name) {
  const Json* value = find(name);
  if (value == nullptr || value->is_object()) return value;
  fail(name, "must be an object");
  return nullptr;
}

void Settings::done() {
  for (const auto& [name, value] : object_.items())
    if (!asked_.contains(name)) fail(name, "does not belong here");
}

}  // namespace headrace::verification
