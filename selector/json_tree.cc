// SPDX-License-Identifier: Apache-2.0
#include "selector/json_tree.h"

#include <utility>

#include "selector/json_scan.h"
#include "selector/json_text.h"

namespace headrace::selector {
namespace {

// The handler of a JsonScanner. Only the innermost open container grows, so that pointers to the
// open ones stay good.
class Builder {
 public:
  explicit Builder(JsonTree& root) : open_{&root} {}

  void begin_object() { open_.push_back(&add(JsonTree::Kind::kObject)); }
  void begin_array() { open_.push_back(&add(JsonTree::Kind::kArray)); }
  void end() { open_.pop_back(); }
  void key(const JsonString& name) {
    key_.clear();
    append_unescaped(name.raw, key_);
  }
  void string(const JsonString& value) {
    append_unescaped(value.raw, add(JsonTree::Kind::kString).text);
  }
  void number(std::string_view as_written) {
    append_normal_number(as_written, add(JsonTree::Kind::kNumber).text);
  }
  void literal(std::string_view word) { add(JsonTree::Kind::kLiteral).text = word; }

 private:
  JsonTree& add(JsonTree::Kind kind) {
    JsonTree& child = open_.back()->children.emplace_back();
    child.kind = kind;
    child.key = std::exchange(key_, {});
    return child;
  }

  std::vector<JsonTree*> open_;
  std::string key_;  // of the member that comes next
};

}  // namespace

Result<JsonTree> JsonTree::parse(std::string_view json) {
  JsonTree holder;  // of the document as its only child
  Builder builder(holder);
  JsonScanner<Builder> scanner(json, builder);
  if (!scanner.run()) {
    return Error{ErrorCode::kMalformed, scanner.fault().reason,
                 static_cast<std::int64_t>(scanner.fault().offset)};
  }
  JsonTree document = std::move(holder.children.front());
  return document;
}

}  // namespace headrace::selector
