// SPDX-License-Identifier: Apache-2.0
// Reads an object of settings member by member, and remembers the first that is wrong.
//
// A reader is asked for every member that it may have; done() then complains of all others. After a
// fault it answers empty values, so that who reads looks for a fault once, at the end.
// Invariant: no error has a member's value in it. What was read is wiped with the document.
#pragma once

#include <chrono>
#include <initializer_list>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/secret_bytes.h"
#include "headrace/result.h"

namespace headrace::verification {

using Json = nlohmann::ordered_json;

inline constexpr std::size_t kSecretsMax = 8;

// An open one is still written $Secret{NAME}: its form is unknown, and it is taken for right.
struct Secret {
  core::SecretBytes text;
  std::string pointer;
  bool open = false;
};

// A document and what is wrong with it.
class Document {
 public:
  // `may_be_open`: secrets may be; else one that is, is a fault.
  Document(Json json, bool may_be_open) : json_(std::move(json)), may_be_open_(may_be_open) {}
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;
  ~Document();

  Json& json() noexcept { return json_; }
  bool may_be_open() const noexcept { return may_be_open_; }
  void fail(std::string pointer, std::string what);
  const std::optional<Error>& fault() const noexcept { return fault_; }

 private:
  Json json_;
  bool may_be_open_;
  std::optional<Error> fault_;
};

class Settings {
 public:
  // Requires: `object` is one, and lives as long as this.
  Settings(Document& document, const Json& object, std::string pointer)
      : document_(document), object_(object), pointer_(std::move(pointer)) {}

  bool has(std::string_view name) const { return object_.contains(name); }
  std::string text(std::string_view name, std::string_view otherwise = {});
  std::string required_text(std::string_view name);
  bool boolean(std::string_view name, bool otherwise = false);
  std::optional<std::int64_t> number(std::string_view name, std::int64_t most);
  std::vector<std::string> texts(std::string_view name);
  // "5m"; "none" is none. Absent: `otherwise`.
  std::optional<std::chrono::milliseconds> duration(
      std::string_view name, std::optional<std::chrono::milliseconds> otherwise);
  // The place of the member's text in `choices`; absent: the first.
  template <class Enum>
  Enum choice(std::string_view name, std::initializer_list<std::string_view> choices) {
    return static_cast<Enum>(choice_index(name, choices));
  }
  // One to kSecretsMax texts, none of them empty.
  std::vector<Secret> secrets(std::string_view name);
  std::optional<Secret> secret(std::string_view name);  // Absent: none.
  // An array's elements or an object, to be read by others; null when it is absent.
  const Json* array(std::string_view name);
  const Json* object(std::string_view name);

  std::string pointer_of(std::string_view name) const;
  void fail(std::string_view name, std::string what) {
    document_.fail(pointer_of(name), std::move(what));
  }
  bool failed() const noexcept { return document_.fault().has_value(); }
  Error fault() const { return *document_.fault(); }
  // Complains of members that nobody asked for.
  void done();
  Document& document() noexcept { return document_; }

 private:
  const Json* find(std::string_view name);
  std::size_t choice_index(std::string_view name, std::initializer_list<std::string_view> choices);
  Secret secret_of(const Json& value, std::string pointer);

  Document& document_;
  const Json& object_;
  std::string pointer_;
  std::set<std::string, std::less<>> asked_;
};

}  // namespace headrace::verification
