// SPDX-License-Identifier: Apache-2.0
// A JSON body as a document to look into, beside the text of what is kept to the letter.
//
// Numbers in the document are as close as machine types come; what must not be rounded is taken
// from raw(). Of members with the same name the first counts.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "headrace/result.h"

namespace headrace::api {

using Json = nlohmann::json;

class JsonBody {
 public:
  JsonBody() = default;
  // kMalformed with the offset of the first fault. `text` must outlive the body.
  static Result<JsonBody> parse(std::string_view text);

  const Json& json() const noexcept { return json_; }
  // The text of a value at a JSON pointer like "/envs/0/sample"; empty: it is not there. Only
  // members of the names in json_body.cc are known, at most kRawDepth levels down.
  std::string_view raw(std::string_view pointer) const;

 private:
  class Builder;
  Json json_ = Json::object();
  std::map<std::string, std::string_view, std::less<>> raw_;
};

}  // namespace headrace::api
