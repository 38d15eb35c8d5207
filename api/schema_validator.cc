// SPDX-License-Identifier: Apache-2.0
#include "api/schema_validator.h"

#include <map>
#include <mutex>
#include <optional>
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

std::string quoted(std::string_view text) {
  const std::size_t begin = text.find('\'');
  const std::size_t end = text.rfind('\'');
  return begin < end ? std::string(text.substr(begin + 1, end - begin - 1)) : std::string();
}

std::string joined(const Json& list) {
  if (!list.is_array()) return list.is_string() ? list.get<std::string>() : list.dump();
  std::string text;
  for (const Json& item : list) {
    if (!text.empty()) text += ", ";
    text += item.is_string() ? item.get<std::string>() : item.dump();
  }
  return text;
}

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
    valijson::ValidationResults results;
    {
      // The library compiles patterns when it first meets them; a body takes microseconds.
      const std::lock_guard lock(mutex_);
      if (validator_.validate(schema->second, target, &results)) return {};
    }
    std::vector<ErrorItem> errors;
    for (const auto& error : results) {
      if (auto item = described(name, error)) errors.push_back(std::move(*item));
    }
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
      const std::string segment = context[i].substr(1, context[i].size() - 2);
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

  // In words for people; nullopt for what only repeats an error of something inside.
  std::optional<ErrorItem> described(std::string_view name,
                                     const valijson::ValidationResults::Error& error) const {
    const std::string_view said = error.description;
    if (said.starts_with("Failed to validate ")) return std::nullopt;
    std::string where;
    for (std::size_t i = 1; i < error.context.size(); ++i) {
      const std::string& segment = error.context[i];
      where += pointer_segment(std::string_view(segment).substr(1, segment.size() - 2));
    }
    if (said.starts_with("Missing required property"))
      return ErrorItem{where + pointer_segment(quoted(said)), "is missing"};
    if (said.starts_with("Object contains a property"))
      return ErrorItem{where + pointer_segment(quoted(said)), "is not a member that is known here"};
    const Json& schema = schema_at(name, error.context);
    if (said.starts_with("Value type not permitted") && schema.contains("type"))
      return ErrorItem{where, "must be of type " + joined(schema["type"])};
    if (said.starts_with("Failed to match against any enum") && schema.contains("enum"))
      return ErrorItem{where, "must be one of " + joined(schema["enum"])};
    if (said.starts_with("Failed to match regex") && schema.contains("pattern"))
      return ErrorItem{where, "must match " + joined(schema["pattern"])};
    return ErrorItem{where, error.description};
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
