// SPDX-License-Identifier: Apache-2.0
// Holds request bodies against the schemas that the API's document shows.
//
// Threads: any.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "api/json_body.h"
#include "headrace/result.h"

namespace headrace::api {

class SchemaValidator {
 public:
  SchemaValidator();
  ~SchemaValidator();

  // What is wrong with `json`, each with a JSON pointer; none: it is valid. Requires: `schema` is a
  // component of schemas.h.
  std::vector<ErrorItem> check(std::string_view schema, const Json& json);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headrace::api
