// SPDX-License-Identifier: Apache-2.0
#include "api/schema_validator.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "api/schemas.h"
#include "core/check.h"

namespace headrace::api {
namespace {

using valijson::adapters::NlohmannJsonAdapter;

// The library's date regexes recurse with the length of what they look at, so formats are checked
// where the value is read.
void remove_formats(Json& schema) {
  if (schema.is_object()) {
    if (const auto format = schema.find("format"); format != schema.end() && format->is_string())
      schema.erase(format);
  }
  if (schema.is_structured()) {
    for (Json& inner : schema) remove_formats(inner);
  }
}

// 'name' at the end of a sentence.
std::string quoted(std::string_view text) {
  const std::size_t begin = text.find('\'');
  const std::size_t end = text.rfind('\'');
  return begin < end ? std::string(text.substr(begin + 1, end - begin - 1)) : std::string();
}

constexpr std::size_t kValuesMax = 2'000;  // of a body whose faults are all collected

std::string joined(const Json& list) {
  if (!list.is_array()) return list.is_string() ? list.get<std::string>() : list.dump();
  std::string text;
  for (const Json& item : list) {
    if (!text.empty()) text += ", ";
    text += item.is_string() ? item.get<std::string>() : item.dump();
  }
  return text;
}

// Of "[name]", as the library writes a step of a path.
std::string name_in(const std::string& step) { return step.substr(1, step.size() - 2); }

std::string pointer_segment(std::string_view segment) {
  std::string text = "/";
  for (const char c : segment) {
    if (c == '~') {
      text += "~0";
    } else if (c == '/') {
      text += "~1";
    } else {
      text += c;
    }
  }
  return text;
}

// Whether the document has at most `room` values.
bool fits(const Json& json, std::size_t& room) {
  if (room == 0) return false;
  --room;
  if (!json.is_structured()) return true;
  return std::all_of(json.begin(), json.end(),
                     [&room](const Json& one) { return fits(one, room); });
}

}  // namespace

class SchemaValidator::Impl {
 public:
  Impl() {
    for (const Component& component : components()) {
      Json schema = Json::parse(component.json);
      remove_formats(schema);
      document_["components"]["schemas"][component.name] = std::move(schema);
    }
    // A schema that the library cannot read is our bug, found by the first test.
    for (const auto& entry : document_["components"]["schemas"].items()) compile(entry.key());
  }

  std::vector<ErrorItem> check(std::string_view name, const Json& json) {
    const auto schema = schemas_.find(name);
    HEADRACE_CHECK(schema != schemas_.end());
    const NlohmannJsonAdapter target(json);
    // The library compiles patterns when it first meets them. It ends at the first fault unless it
    // is to collect them; of a large body it would collect more than the body weighs.
    const std::lock_guard lock(mutex_);
    if (validator_.validate(schema->second, target, nullptr)) return {};
    std::size_t room = kValuesMax;
    if (!fits(json, room))
      return {{"", "does not have the shape that is expected here, and is too large to say where"}};
    valijson::ValidationResults results;
    validator_.validate(schema->second, target, &results);
    std::vector<ErrorItem> errors;
    for (const auto& error : results) describe(name, json, error, errors);
    if (errors.empty()) errors.push_back({"", "does not have the shape that is expected here"});
    return errors;
  }

 private:
  void compile(const std::string& name) {
    Json root = document_;
    root["$ref"] = "#/components/schemas/" + name;
    valijson::SchemaParser parser;
    parser.populateSchema(NlohmannJsonAdapter(root), schemas_[name]);
  }

  const Json& resolved(const Json& schema) const {
    const Json* at = &schema;
    while (at->is_object() && at->contains("$ref")) {
      const auto reference = (*at)["$ref"].get<std::string>();
      at = &document_["components"]["schemas"][reference.substr(reference.rfind('/') + 1)];
    }
    return *at;
  }

  // The schema that a value at this path has to follow; an object when it is not known.
  const Json& schema_at(std::string_view name, const std::vector<std::string>& context) const {
    static const Json kNone = Json::object();
    const Json* at = &resolved(document_["components"]["schemas"][std::string(name)]);
    for (std::size_t i = 1; i < context.size(); ++i) {
      const std::string segment = name_in(context[i]);
      const Json* inner = nullptr;
      if (const auto properties = at->find("properties"); properties != at->end()) {
        if (const auto it = properties->find(segment); it != properties->end()) inner = &*it;
      }
      if (inner == nullptr && at->contains("items")) inner = &(*at)["items"];
      if (inner == nullptr) return kNone;
      at = &resolved(*inner);
    }
    return *at;
  }

  // In words for people. What only repeats an error of something inside is left out.
  void describe(std::string_view name, const Json& json,
                const valijson::ValidationResults::Error& error,
                std::vector<ErrorItem>& errors) const {
    const std::string_view said = error.description;
    if (said.starts_with("Failed to validate ")) return;
    std::string where;
    const Json* value = &json;
    for (std::size_t i = 1; i < error.context.size(); ++i) {
      const std::string segment = name_in(error.context[i]);
      where += pointer_segment(segment);
      value = value->is_array() ? &(*value)[std::stoul(segment)] : &(*value)[segment];
    }
    const Json& schema = schema_at(name, error.context);
    if (said.starts_with("Missing required property")) {
      errors.push_back({where + pointer_segment(quoted(said)), "is missing"});
    } else if (said.starts_with("Object contains a property")) {
      describe_unknown(*value, schema, where, errors);
    } else {
      errors.push_back({where, in_words(error.description, schema)});
    }
  }

  // The library names one; people want to know all.
  static void describe_unknown(const Json& object, const Json& schema, const std::string& where,
                               std::vector<ErrorItem>& errors) {
    for (const auto& entry : object.items()) {
      if (schema.contains("properties") && schema["properties"].contains(entry.key())) continue;
      errors.push_back(
          {where + pointer_segment(entry.key()), "is not a member that is known here"});
    }
  }

  static std::string in_words(const std::string& said, const Json& schema) {
    struct Wording {
      std::string_view said;
      const char* keyword;
      const char* words;
    };
    constexpr std::array<Wording, 6> kWordings = {
        {{"Value type not permitted", "type", "must be of type "},
         {"Failed to match against any enum", "enum", "must be one of "},
         {"Failed to match regex", "pattern", "must match "},
         {"Expected number greater", "minimum", "must be at least "},
         {"Expected number less", "maximum", "must be at most "},
         {"String should be no more", "maxLength", "may have so many characters at most: "}}};
    for (const Wording& wording : kWordings) {
      if (said.starts_with(wording.said) && schema.contains(wording.keyword))
        return wording.words + joined(schema[wording.keyword]);
    }
    return said;
  }

  Json document_;
  std::map<std::string, valijson::Schema, std::less<>> schemas_;
  std::mutex mutex_;
  valijson::Validator validator_;
};

SchemaValidator::SchemaValidator() : impl_(std::make_unique<Impl>()) {}
SchemaValidator::~SchemaValidator() = default;

std::vector<ErrorItem> SchemaValidator::check(std::string_view schema, const Json& json) {
  return impl_->check(schema, json);
}

}  // namespace headrace::api
